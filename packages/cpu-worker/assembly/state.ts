import { TCB_FCW, TCB_FSW, TCB_FTW, TCB_ST } from '../dist/assembly/tcb-layout';
import { DE, IE, OE, PE, UE, ZE } from './round';

/**
 * x87 state of a task in its TCB, and the exceptions of the instruction being executed.
 *
 * `ftw` is the abridged tag word of FXSAVE: bit n = physical register n is not empty (SDM Vol. 1 10.5.1.1).
 */
export const SF: u32 = 0x40;
export const ES: u32 = 0x80;
export const C0: u32 = 0x100;
export const C1: u32 = 0x200;
export const C2: u32 = 0x400;
export const C3: u32 = 0x4000;
export const BUSY: u32 = 0x8000;
export const CONDITION: u32 = C0 | C1 | C2 | C3;
export const ALL_EXCEPTIONS: u32 = IE | DE | ZE | OE | UE | PE;
/** Default ("indefinite") QNaN. */
export const INDEFINITE_SIG: u64 = 0xc000000000000000;
export const INDEFINITE_SE: u32 = 0xffff;

// @ts-ignore: decorator
@inline
export function fcw(tcb: usize): u32 { return load<u16>(tcb + TCB_FCW); }
// @ts-ignore: decorator
@inline
export function setFcw(tcb: usize, v: u32): void { store<u16>(tcb + TCB_FCW, v); }
// @ts-ignore: decorator
@inline
export function fsw(tcb: usize): u32 { return load<u16>(tcb + TCB_FSW); }
// @ts-ignore: decorator
@inline
export function setFsw(tcb: usize, v: u32): void { store<u16>(tcb + TCB_FSW, v); }
// @ts-ignore: decorator
@inline
export function ftw(tcb: usize): u32 { return load<u8>(tcb + TCB_FTW); }
// @ts-ignore: decorator
@inline
export function setFtw(tcb: usize, v: u32): void { store<u8>(tcb + TCB_FTW, v); }
// @ts-ignore: decorator
@inline
export function rounding(tcb: usize): u32 { return (fcw(tcb) >> 10) & 3; }
/** Significant bits chosen by precision control; the reserved value 01 acts as 11. */
// @ts-ignore: decorator
@inline
export function precisionBits(tcb: usize): i32 {
  const pc = (fcw(tcb) >> 8) & 3;
  return pc == 0 ? 24 : pc == 2 ? 53 : 64;
}

// @ts-ignore: decorator
@inline
export function top(tcb: usize): u32 { return (fsw(tcb) >> 11) & 7; }
// @ts-ignore: decorator
@inline
export function physical(tcb: usize, i: u32): u32 { return (top(tcb) + i) & 7; }
// @ts-ignore: decorator
@inline
export function regAddr(tcb: usize, i: u32): usize { return tcb + TCB_ST + (usize(physical(tcb, i)) << 4); }
// @ts-ignore: decorator
@inline
export function isEmpty(tcb: usize, i: u32): bool { return ((ftw(tcb) >> physical(tcb, i)) & 1) == 0; }
// @ts-ignore: decorator
@inline
export function regSig(tcb: usize, i: u32): u64 { return load<u64>(regAddr(tcb, i)); }
// @ts-ignore: decorator
@inline
export function regSe(tcb: usize, i: u32): u32 { return load<u16>(regAddr(tcb, i), 8); }

/** Writes ST(i) and marks it valid. */
export function setReg(tcb: usize, i: u32, se: u32, sig: u64): void {
  const p = physical(tcb, i);
  const at = tcb + TCB_ST + (usize(p) << 4);
  store<u64>(at, sig);
  store<u16>(at, se, 8);
  setFtw(tcb, ftw(tcb) | (1 << p));
}

export function setTop(tcb: usize, t: u32): void {
  setFsw(tcb, (fsw(tcb) & ~u32(0x3800)) | ((t & 7) << 11));
}

export function popStack(tcb: usize): void {
  setFtw(tcb, ftw(tcb) & ~(u32(1) << top(tcb)));
  setTop(tcb, top(tcb) + 1);
}

// Exceptions of the current instruction: bits as in FSW (with SF), and C1.
let raised: u32 = 0;
let roundedUp: bool = false;

// @ts-ignore: decorator
@inline
export function clearRaised(): void { raised = 0; roundedUp = false; }
// @ts-ignore: decorator
@inline
export function raise(flags: u32): void { raised |= flags; }
// @ts-ignore: decorator
@inline
export function raisedFlags(): u32 { return raised; }
// @ts-ignore: decorator
@inline
export function setRoundedUp(up: bool): void { roundedUp = up; }

/** True when an exception that suppresses the result (invalid, denormal, zero divide) is raised and unmasked. */
// @ts-ignore: decorator
@inline
export function isSuppressed(tcb: usize): bool { return (raised & ~fcw(tcb) & (IE | DE | ZE)) != 0; }

/**
 * Ends the instruction: C1, sticky exception bits, and the error summary when one is unmasked.
 * An exception that suppresses the result hides those of the rounding that did not take place.
 */
export function commit(tcb: usize): void {
  if (isSuppressed(tcb)) dropRounding(OE | UE | PE);
  let sw = (fsw(tcb) & ~C1) | raised;
  if (roundedUp) sw |= C1;
  if ((raised & ~fcw(tcb) & ALL_EXCEPTIONS) != 0) sw |= ES | BUSY;
  setFsw(tcb, sw);
}

/** Ends an instruction that changes C1 only on a stack fault (FCMOVcc, FCOMI and its kin). */
export function commitKeepingC1(tcb: usize): void {
  const c1 = fsw(tcb) & C1;
  commit(tcb);
  if ((raised & SF) == 0) setFsw(tcb, fsw(tcb) | c1);
}

/** Forgets exceptions of a rounding whose result is not delivered, and C1 with them. */
export function dropRounding(flags: u32): void {
  raised &= ~flags;
  if ((raised & SF) == 0) roundedUp = false;
}

/** Stack underflow: raises IE and SF with C1 = 0. */
export function stackUnderflow(): void { raised |= IE | SF; roundedUp = false; }

/** Stack overflow: raises IE and SF with C1 = 1. */
export function stackOverflow(): void { raised |= IE | SF; roundedUp = true; }
