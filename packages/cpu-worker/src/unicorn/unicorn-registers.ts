/** Registers between a TCB and a unicorn machine. */
import { packFlags, unpackFlags } from '@troupe/abi/layout/flags.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { Register, type UnicornMachine } from './unicorn-api.js';

const { off } = TCB;
/** DF, and the bits that are always set in user mode. */
const REST_MASK = 0x400;
const REST_SET = 0x202;
const STATUS_FLAGS = 0x8d5;

/** Registers that both sides hold as plain bytes: register, offset in the TCB, bytes. */
const PLAIN: readonly (readonly [register: number, offset: number, bytes: number])[] = [
  ...Register.GPR.map((register, i) => [register, off.gpr + 8 * i, 8] as const),
  [Register.RIP, off.rip, 8], [Register.FS_BASE, off.fsBase, 8], [Register.GS_BASE, off.gsBase, 8], [Register.MXCSR, off.mxcsr, 4], [Register.FPCW, off.fcw, 2], [Register.FPSW, off.fsw, 2],
  ...Array.from({ length: 8 }, (_, i) => [Register.FP0 + i, off.st + 16 * i, 10] as const),
  ...Array.from({ length: 16 }, (_, i) => [Register.XMM0 + i, off.xmm + 16 * i, 16] as const),
];

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

const numberOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);

/** The TCB has one bit per register (1 = valid), unicorn the full tag word (3 = empty). */
function fullTags(abridged: number): number {
  let tags = 0;
  for (let i = 0; i < 8; i++) if (((abridged >> i) & 1) === 0) tags |= 3 << (2 * i);
  return tags;
}

function abridgedTags(tags: number): number {
  let abridged = 0;
  for (let i = 0; i < 8; i++) if (((tags >> (2 * i)) & 3) !== 3) abridged |= 1 << i;
  return abridged;
}

export function loadRegisters(machine: UnicornMachine, { u8, view }: SharedMemory, tcb: number): void {
  for (const [register, offset, bytes] of PLAIN) {
    const value = new Uint8Array(16);
    value.set(u8.subarray(tcb + offset, tcb + offset + bytes));
    machine.reg_write(register, value);
  }
  const flags = packFlags(view.getBigInt64(tcb + off.ccRes, true), view.getBigInt64(tcb + off.ccAux, true), view.getUint32(tcb + off.flagsRest, true));
  machine.reg_write(Register.EFLAGS, word((flags & (STATUS_FLAGS | REST_MASK)) | REST_SET));
  machine.reg_write(Register.FPTAG, word(fullTags(u8[tcb + off.ftw]!)));
}

export function storeRegisters(machine: UnicornMachine, { u8, view }: SharedMemory, tcb: number): void {
  for (const [register, offset, bytes] of PLAIN) u8.set(machine.reg_read(register, bytes), tcb + offset);
  const flags = numberOf(machine.reg_read(Register.EFLAGS, 4));
  const [ccRes, ccAux] = unpackFlags(flags);
  view.setBigInt64(tcb + off.ccRes, ccRes, true);
  view.setBigInt64(tcb + off.ccAux, BigInt.asIntN(64, ccAux), true);
  view.setUint32(tcb + off.flagsRest, (flags & (REST_MASK | 0x10)) | REST_SET, true);
  u8[tcb + off.ftw] = abridgedTags(numberOf(machine.reg_read(Register.FPTAG, 2)));
}
