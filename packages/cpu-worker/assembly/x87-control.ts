/** x87 control and state images (SDM Vol. 2A FLDCW FNCLEX FNINIT FNSTENV FLDENV FNSAVE FRSTOR FXSAVE FXRSTOR). */
import { TCB_FDP, TCB_FIP, TCB_FOP, TCB_MXCSR, TCB_ST, TCB_XMM } from '../dist/assembly/tcb-layout';
import { ALL_EXCEPTIONS, BUSY, ES, SF, fcw, fsw, ftw, setFcw, setFsw, setFtw } from './state';
import { NORMAL, ZERO, classify } from './number80';

/** Bits of FCW that can be written; bit 6 reads as 1. */
const FCW_WRITABLE: u32 = 0x1f3f;
const FCW_ONES: u32 = 0x40;

/** Sets or clears the error summary after a change of masks or flags. */
function summarise(tcb: usize): void {
  const sw = fsw(tcb);
  setFsw(tcb, (sw & ~fcw(tcb) & ALL_EXCEPTIONS) != 0 ? sw | ES | BUSY : sw & ~(ES | BUSY));
}

export function x87_fldcw(tcb: usize, value: u32): void {
  setFcw(tcb, (value & FCW_WRITABLE) | FCW_ONES);
  summarise(tcb);
}

export function x87_fnclex(tcb: usize): void {
  setFsw(tcb, fsw(tcb) & ~(ALL_EXCEPTIONS | SF | ES | BUSY));
}

export function x87_fninit(tcb: usize): void {
  setFcw(tcb, 0x37f);
  setFsw(tcb, 0);
  setFtw(tcb, 0);
  store<u16>(tcb + TCB_FOP, 0);
  store<u64>(tcb + TCB_FIP, 0);
  store<u64>(tcb + TCB_FDP, 0);
}

/** Full tag word (2 bits per physical register) from the abridged one and the contents. */
function fullTag(tcb: usize): u32 {
  const valid = ftw(tcb);
  let tag: u32 = 0;
  for (let p: u32 = 0; p < 8; p++) {
    let t: u32 = 3;
    if (((valid >> p) & 1) != 0) {
      const at = tcb + TCB_ST + (usize(p) << 4);
      const c = classify(load<u16>(at, 8), load<u64>(at));
      t = c == NORMAL ? 0 : c == ZERO ? 1 : 2;
    }
    tag |= t << (p * 2);
  }
  return tag;
}

/** Size of the environment image: 14 bytes with a 16-bit operand size, else 28. */
const ENV_BYTES: usize = 28;
const ENV_BYTES_16: usize = 14;

/** Protected-mode environment (SDM Vol. 1 figures 8-9 and 8-11); masks all exceptions, as FNSTENV does. */
export function x87_fnstenv(tcb: usize, at: usize, is16: u32): void {
  const tag = fullTag(tcb);
  if (is16) {
    store<u16>(at, fcw(tcb));
    store<u16>(at, fsw(tcb), 2);
    store<u16>(at, tag, 4);
    store<u32>(at, load<u16>(tcb + TCB_FIP), 6);
    store<u32>(at, load<u16>(tcb + TCB_FDP), 10);
  } else {
    store<u32>(at, 0xffff0000 | fcw(tcb));
    store<u32>(at, 0xffff0000 | fsw(tcb), 4);
    store<u32>(at, 0xffff0000 | tag, 8);
    store<u32>(at, load<u32>(tcb + TCB_FIP), 12);
    store<u32>(at, u32(load<u16>(tcb + TCB_FOP)) << 16, 16);
    store<u32>(at, load<u32>(tcb + TCB_FDP), 20);
    store<u32>(at, 0xffff0000, 24);
  }
  setFcw(tcb, fcw(tcb) | ALL_EXCEPTIONS);
  summarise(tcb);
}

export function x87_fldenv(tcb: usize, at: usize, is16: u32): void {
  const step: usize = is16 ? 2 : 4;
  setFcw(tcb, (load<u16>(at) & FCW_WRITABLE) | FCW_ONES);
  setFsw(tcb, load<u16>(at + step));
  setFtw(tcb, abridgedTag(load<u16>(at + 2 * step)));
  if (is16) {
    store<u64>(tcb + TCB_FIP, load<u16>(at, 6));
    store<u64>(tcb + TCB_FDP, load<u16>(at, 10));
  } else {
    store<u64>(tcb + TCB_FIP, load<u32>(at, 12));
    store<u16>(tcb + TCB_FOP, load<u16>(at, 18) & 0x7ff);
    store<u64>(tcb + TCB_FDP, load<u32>(at, 20));
  }
  summarise(tcb);
}

function abridgedTag(tag: u32): u32 {
  let valid: u32 = 0;
  for (let p: u32 = 0; p < 8; p++) valid |= u32(((tag >> (p * 2)) & 3) != 3) << p;
  return valid;
}

/** FNSAVE: environment, registers in stack order, then FNINIT. */
export function x87_fnsave(tcb: usize, at: usize, is16: u32): void {
  x87_fnstenv(tcb, at, is16);
  at += is16 ? ENV_BYTES_16 : ENV_BYTES;
  const first = fsw(tcb) >> 11;
  for (let i: u32 = 0; i < 8; i++) {
    const from = tcb + TCB_ST + (usize((first + i) & 7) << 4);
    store<u64>(at + 10 * i, load<u64>(from));
    store<u16>(at + 10 * i, load<u16>(from, 8), 8);
  }
  x87_fninit(tcb);
}

export function x87_frstor(tcb: usize, at: usize, is16: u32): void {
  x87_fldenv(tcb, at, is16);
  at += is16 ? ENV_BYTES_16 : ENV_BYTES;
  const first = fsw(tcb) >> 11;
  for (let i: u32 = 0; i < 8; i++) {
    const to = tcb + TCB_ST + (usize((first + i) & 7) << 4);
    store<u64>(to, load<u64>(at + 10 * i));
    store<u16>(to, load<u16>(at + 10 * i, 8), 8);
  }
}

/** MXCSR bits that may be set (no misaligned-SSE mode). */
export const MXCSR_MASK: u32 = 0xffff;

/**
 * FXSAVE, 512-byte area of which the last 96 bytes stay as they are. `wide` = FXSAVE64: 64-bit
 * instruction and data pointers.
 */
export function x87_fxsave(tcb: usize, at: usize, wide: u32): void {
  store<u16>(at, fcw(tcb));
  store<u16>(at, fsw(tcb), 2);
  store<u16>(at, ftw(tcb), 4);
  store<u16>(at, load<u16>(tcb + TCB_FOP), 6);
  const mask: u64 = wide ? 0xffffffffffffffff : 0xffffffff;
  store<u64>(at, load<u64>(tcb + TCB_FIP) & mask, 8);
  store<u64>(at, load<u64>(tcb + TCB_FDP) & mask, 16);
  store<u32>(at, load<u32>(tcb + TCB_MXCSR), 24);
  store<u32>(at, MXCSR_MASK, 28);
  const first = fsw(tcb) >> 11;
  for (let i: u32 = 0; i < 8; i++) {
    const from = tcb + TCB_ST + (usize((first + i) & 7) << 4);
    store<u64>(at + (i << 4), load<u64>(from), 32);
    store<u64>(at + (i << 4), u64(load<u16>(from, 8)), 40);
  }
  memory.copy(at + 160, tcb + TCB_XMM, 256);
}

/** FXRSTOR. Returns 0 when a reserved MXCSR bit is set (#GP, nothing changed). */
export function x87_fxrstor(tcb: usize, at: usize, wide: u32): u32 {
  const mxcsr = load<u32>(at, 24);
  if ((mxcsr & ~MXCSR_MASK) != 0) return 0;
  setFcw(tcb, (load<u16>(at) & FCW_WRITABLE) | FCW_ONES);
  setFsw(tcb, load<u16>(at, 2));
  setFtw(tcb, load<u8>(at, 4));
  store<u16>(tcb + TCB_FOP, load<u16>(at, 6) & 0x7ff);
  const mask: u64 = wide ? 0xffffffffffffffff : 0xffffffff;
  store<u64>(tcb + TCB_FIP, load<u64>(at, 8) & mask);
  store<u64>(tcb + TCB_FDP, load<u64>(at, 16) & mask);
  store<u32>(tcb + TCB_MXCSR, mxcsr);
  const first = fsw(tcb) >> 11;
  for (let i: u32 = 0; i < 8; i++) {
    const to = tcb + TCB_ST + (usize((first + i) & 7) << 4);
    store<u64>(to, load<u64>(at + (i << 4), 32));
    store<u16>(to, load<u16>(at + (i << 4), 40), 8);
  }
  memory.copy(tcb + TCB_XMM, at + 160, 256);
  summarise(tcb);
  return 1;
}
