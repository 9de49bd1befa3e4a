/**
 * Registers of a stopped tracee as ptrace(2) shows them: struct user_regs_struct (27 words), the FXSAVE
 * image, the XSAVE area (SDM Vol. 1, 13.4), and the words of struct user (sys/user.h).
 */
import { Errno, Flag, Reg, TCB } from '@troupe/abi';
import { rflagsOf, setRflags } from '../signal/frame.js';
import { FX_BYTES, MXCSR_MASK, restoreFx, saveFx } from '../signal/fx-state.js';
import { isRestartCode } from '../signal/restart.js';
import type { Task } from '../task/task.js';

export const REGS_BYTES = 27 * 8;
/** Words in order; numbers are registers of the TCB. */
const WORDS = [
  15, 14, 13, 12, Reg.RBP, Reg.RBX, 11, 10, 9, 8, Reg.RAX, Reg.RCX, Reg.RDX, Reg.RSI, Reg.RDI,
  'origRax', 'rip', 'cs', 'eflags', Reg.RSP, 'ss', 'fsBase', 'gsBase', 'ds', 'es', 'fs', 'gs',
] as const;
const USER_CS = 0x33n;
const USER_SS = 0x2bn;
const ADDRESS_END = 1n << 47n;
/** Flags a tracer may set. */
const SETTABLE_FLAGS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.TF | Flag.DF | Flag.OF | Flag.NT | Flag.AC;

function readWord(task: Task, index: number): bigint {
  const word = WORDS[index]!;
  const { u64 } = task.shared;
  switch (word) {
    case 'origRax':
      return BigInt.asUintN(64, BigInt(task.origRax));
    case 'rip':
      return task.rip;
    case 'eflags':
      return BigInt(task.tracing!.forcedTrapFlag ? rflagsOf(task) & ~Flag.TF : rflagsOf(task));
    case 'cs':
      return USER_CS;
    case 'ss':
      return USER_SS;
    case 'fsBase':
      return u64[(task.tcb + TCB.off.fsBase) / 8]!;
    case 'gsBase':
      return u64[(task.tcb + TCB.off.gsBase) / 8]!;
    case 'ds':
    case 'es':
    case 'fs':
    case 'gs':
      return 0n;
    default:
      return task.getReg(word);
  }
}

/** 0, or -EIO for a value the register cannot have. */
function writeWord(task: Task, index: number, value: bigint): number {
  const word = WORDS[index]!;
  switch (word) {
    case 'origRax':
      task.origRax = Number(BigInt.asIntN(32, value));
      break;
    case 'rip':
      task.rip = value;
      break;
    case 'eflags':
      setFlags(task, Number(value & 0xffff_ffffn));
      break;
    case 'fsBase':
    case 'gsBase':
      if (value >= ADDRESS_END) return -Errno.EIO;
      task.shared.u64[(task.tcb + TCB.off[word]) / 8] = value;
      break;
    case 'cs':
      return (value & 3n) === 3n ? 0 : -Errno.EIO;
    case 'ss':
      return (value & 3n) === 3n ? 0 : -Errno.EIO;
    case 'ds':
    case 'es':
    case 'fs':
    case 'gs':
      return value === 0n || (value & 3n) === 3n ? 0 : -Errno.EIO;
    default:
      task.setReg(word, value);
  }
  return 0;
}

/** TF that the tracer sets is the program's from then on; TF of a step stays (Linux set_flags). */
function setFlags(task: Task, value: number): void {
  const tracing = task.tracing!;
  if ((value & Flag.TF) !== 0) tracing.forcedTrapFlag = false;
  const kept = tracing.forcedTrapFlag ? value | Flag.TF : value;
  setRflags(task, (rflagsOf(task) & ~SETTABLE_FLAGS) | (kept & SETTABLE_FLAGS));
}

/** An interrupted call is made again only while orig_rax and rax say so. */
function noteRestart(task: Task): void {
  const rax = Number(BigInt.asIntN(64, task.getReg(Reg.RAX)));
  task.restartCode = task.origRax >= 0 && isRestartCode(rax) ? -rax : 0;
}

export function readRegs(task: Task): Uint8Array {
  const bytes = new Uint8Array(REGS_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < WORDS.length; i++) view.setBigUint64(i * 8, readWord(task, i), true);
  return bytes;
}

/** Whole words of `bytes`, from the first register on. */
export function writeRegs(task: Task, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < Math.min(WORDS.length, Math.floor(bytes.length / 8)); i++) {
    const result = writeWord(task, i, view.getBigUint64(i * 8, true));
    if (result < 0) return result;
  }
  noteRestart(task);
  return 0;
}

export function readFpRegs(task: Task): Uint8Array {
  return saveFx(task.shared, task.tcb).slice();
}

export function writeFpRegs(task: Task, bytes: Uint8Array): number {
  if (bytes.length < FX_BYTES) return -Errno.EINVAL;
  const mxcsr = new DataView(bytes.buffer, bytes.byteOffset).getUint32(24, true);
  if ((mxcsr & ~MXCSR_MASK) !== 0) return -Errno.EINVAL;
  restoreFx(task.shared, task.tcb, bytes.subarray(0, FX_BYTES));
  return 0;
}

/** Legacy area and header; components x87 and SSE. xcr0 stands in the bytes left to software. */
export const XSTATE_BYTES = FX_BYTES + 64;
const X87_AND_SSE = 3n;
const SW_RESERVED = 464;

export function readXstate(task: Task): Uint8Array {
  const bytes = new Uint8Array(XSTATE_BYTES);
  bytes.set(saveFx(task.shared, task.tcb));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(SW_RESERVED, X87_AND_SSE, true);
  view.setBigUint64(FX_BYTES, X87_AND_SSE, true);
  return bytes;
}

export function writeXstate(task: Task, bytes: Uint8Array): number {
  if (bytes.length !== XSTATE_BYTES) return -Errno.EFAULT;
  const components = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(FX_BYTES, true);
  return (components & ~X87_AND_SSE) === 0n ? writeFpRegs(task, bytes) : -Errno.EINVAL;
}

const USER_BYTES = 912;
const DEBUG_REGS = 848;

/** A word of struct user: registers, debug registers; the rest reads as 0. -EIO outside. */
export function peekUser(task: Task, offset: number): bigint | number {
  if (offset % 8 !== 0 || offset < 0 || offset >= USER_BYTES) return -Errno.EIO;
  if (offset >= DEBUG_REGS) return task.tracing!.debug.read((offset - DEBUG_REGS) / 8);
  return offset < REGS_BYTES ? readWord(task, offset / 8) : 0n;
}

export function pokeUser(task: Task, offset: number, value: bigint): number {
  if (offset % 8 !== 0 || offset < 0 || offset >= USER_BYTES) return -Errno.EIO;
  if (offset >= DEBUG_REGS) return task.tracing!.debug.write(task, (offset - DEBUG_REGS) / 8, value);
  if (offset >= REGS_BYTES) return -Errno.EIO;
  const result = writeWord(task, offset / 8, value);
  if (result === 0) noteRestart(task);
  return result;
}
