/**
 * x87 data movement (SDM Vol. 2A FLD FST FXCH FCMOV FILD FIST FISTTP FBLD FBSTP, constants).
 *
 * Contract of every exported x87 function: the caller has checked for a pending unmasked exception
 * (FSW.ES) and, for memory operands, has translated the address, so that nothing can fault in here.
 */
import { bcdHigh, fromBcd, isStoreSuppressed, narrow, toBcd, toInteger, widen32, widen64, widenInt } from './convert80';
import { fastLoad32, fastLoad64, fastStore64, pushExact } from './fast80';
import { C1, INDEFINITE_SE, INDEFINITE_SIG, clearRaised, commit, commitKeepingC1, dropRounding, fcw, fsw, ftw, isEmpty, isSuppressed, popStack, raise, raisedFlags, regSe, regSig, rounding, setFsw, setFtw, setReg, setTop, stackOverflow, stackUnderflow, top } from './state';
import { SNAN, classify, isWidenedDenormal, setQuieted, setValue, vSe, vSig } from './number80';
import { DE, IE, PE, RC_DOWN, RC_UP, RC_ZERO } from './round';

/** Memory formats. */
export const M_F32: u32 = 0;
export const M_F64: u32 = 1;
export const M_F80: u32 = 2;
export const M_I16: u32 = 3;
export const M_I32: u32 = 4;
export const M_I64: u32 = 5;
export const M_BCD: u32 = 6;

/** Reads a memory operand as a number; f32 and f64 keep signalling NaNs. */
export function readMemory(format: u32, at: usize): void {
  switch (format) {
    case M_F32: widen32(load<u32>(at)); break;
    case M_F64: widen64(load<u64>(at)); break;
    case M_F80: setValue(load<u16>(at, 8), load<u64>(at)); break;
    case M_I16: widenInt(load<i16>(at)); break;
    case M_I32: widenInt(load<i32>(at)); break;
    case M_I64: widenInt(load<i64>(at)); break;
    default: fromBcd(load<u64>(at), load<u16>(at, 8));
  }
}

/** Pushes a number; stack overflow when ST(7) is in use. */
export function push(tcb: usize, se: u32, sig: u64): void {
  if (!isEmpty(tcb, 7)) {
    stackOverflow();
    if (isSuppressed(tcb)) return;
    se = INDEFINITE_SE;
    sig = INDEFINITE_SIG;
  }
  setTop(tcb, top(tcb) - 1);
  setReg(tcb, 0, se, sig);
}

export function x87_load(tcb: usize, format: u32, at: usize): void {
  if (format == M_F64) {
    if (fastLoad64(tcb, load<u64>(at))) return;
  } else if (format == M_F32) {
    if (fastLoad32(tcb, load<u32>(at))) return;
  } else {
    // Exact whatever the value.
    readMemory(format, at);
    if (pushExact(tcb, vSe(), vSig())) return;
  }
  clearRaised();
  if (!isEmpty(tcb, 7)) {
    push(tcb, 0, 0);
    commit(tcb);
    return;
  }
  readMemory(format, at);
  if (format <= M_F64) {
    if (isWidenedDenormal()) raise(DE);
    else if (classify(vSe(), vSig()) == SNAN) setQuieted(vSe(), vSig());
  }
  // A denormal operand is pushed even when DE is unmasked; only an unmasked IE prevents the push.
  if ((raisedFlags() & ~fcw(tcb) & IE) == 0) push(tcb, vSe(), vSig());
  commit(tcb);
}

export function x87_fld_st(tcb: usize, i: u32): void {
  if (!isEmpty(tcb, i) && pushExact(tcb, regSe(tcb, i), regSig(tcb, i))) return;
  clearRaised();
  if (isEmpty(tcb, i)) {
    // An empty source is an underflow (C1 = 0) even when the push overflows as well.
    stackUnderflow();
    if (!isSuppressed(tcb)) {
      setTop(tcb, top(tcb) - 1);
      setReg(tcb, 0, INDEFINITE_SE, INDEFINITE_SIG);
    }
  } else {
    push(tcb, regSe(tcb, i), regSig(tcb, i));
  }
  commit(tcb);
}

/** Pushes FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ (n = 0 … 6, the low opcode bits), rounded under RC. */
export function x87_constant(tcb: usize, n: u32): void {
  clearRaised();
  const rc = rounding(tcb);
  const truncate = u64(rc == RC_DOWN || rc == RC_ZERO);
  switch (n) {
    case 0: push(tcb, 16383, 0x8000000000000000); break;
    case 1: push(tcb, 16384, 0xd49a784bcd1b8afe + u64(rc == RC_UP)); break;
    case 2: push(tcb, 16383, 0xb8aa3b295c17f0bc - truncate); break;
    case 3: push(tcb, 16384, 0xc90fdaa22168c235 - truncate); break;
    case 4: push(tcb, 16381, 0x9a209a84fbcff799 - truncate); break;
    case 5: push(tcb, 16382, 0xb17217f7d1cf79ac - truncate); break;
    default: push(tcb, 0, 0);
  }
  commit(tcb);
}

/** FST/FSTP/FIST/FISTP/FBSTP to memory. Returns 1 when memory was written. */
export function x87_store(tcb: usize, format: u32, pop: u32, at: usize): u32 {
  if (format == M_F64) {
    if (fastStore64(tcb, pop, at)) return 1;
  } else if (format == M_F80 && !isEmpty(tcb, 0)) {
    store<u64>(at, regSig(tcb, 0));
    store<u16>(at, regSe(tcb, 0), 8);
    setFsw(tcb, fsw(tcb) & ~C1);
    if (pop) popStack(tcb);
    return 1;
  }
  return storeRounded(tcb, format, pop, at, rounding(tcb));
}

/** FISTTP. */
export function x87_store_truncated(tcb: usize, format: u32, at: usize): u32 {
  return storeRounded(tcb, format, 1, at, RC_ZERO);
}

function storeRounded(tcb: usize, format: u32, pop: u32, at: usize, rc: u32): u32 {
  clearRaised();
  let se = regSe(tcb, 0), sig = regSig(tcb, 0);
  if (isEmpty(tcb, 0)) {
    stackUnderflow();
    se = INDEFINITE_SE;
    sig = INDEFINITE_SIG;
  }
  const integer = format >= M_I16 && format <= M_I64;
  let bits: u64 = sig;
  if (format == M_F32) bits = narrow(tcb, se, sig, 24);
  else if (format == M_F64) bits = narrow(tcb, se, sig, 53);
  else if (integer) bits = u64(toInteger(se, sig, format == M_I16 ? 16 : format == M_I32 ? 32 : 64, rc));
  else if (format == M_BCD) { bits = toBcd(tcb, se, sig); se = bcdHigh(); }
  const wanted = !isStoreSuppressed(tcb);
  if (wanted) {
    if (format == M_F32 || format == M_I32) store<u32>(at, u32(bits));
    else if (format == M_I16) store<u16>(at, u16(bits));
    else store<u64>(at, bits);
    if (format == M_F80 || format == M_BCD) store<u16>(at, se, 8);
    if (pop) popStack(tcb);
  } else {
    dropRounding(PE);
  }
  commit(tcb);
  return u32(wanted);
}

/** FST/FSTP ST(i). */
export function x87_fst_st(tcb: usize, i: u32, pop: u32): void {
  clearRaised();
  if (isEmpty(tcb, 0)) stackUnderflow();
  if (!isSuppressed(tcb)) {
    const bad = raisedFlags() != 0;
    setReg(tcb, i, bad ? INDEFINITE_SE : regSe(tcb, 0), bad ? INDEFINITE_SIG : regSig(tcb, 0));
    if (pop) popStack(tcb);
  }
  commit(tcb);
}

/** FXCH: empty registers take part as the indefinite. */
export function x87_fxch(tcb: usize, i: u32): void {
  clearRaised();
  const e0 = isEmpty(tcb, 0), ei = isEmpty(tcb, i);
  if (e0 || ei) stackUnderflow();
  if (!isSuppressed(tcb)) {
    const se = e0 ? INDEFINITE_SE : regSe(tcb, 0), sig = e0 ? INDEFINITE_SIG : regSig(tcb, 0);
    setReg(tcb, 0, ei ? INDEFINITE_SE : regSe(tcb, i), ei ? INDEFINITE_SIG : regSig(tcb, i));
    setReg(tcb, i, se, sig);
  }
  commit(tcb);
}

/** FCMOVcc: moves ST(i) to ST(0) when `condition` is not 0. */
export function x87_fcmov(tcb: usize, i: u32, condition: u32): void {
  clearRaised();
  if (isEmpty(tcb, 0) || isEmpty(tcb, i)) {
    stackUnderflow();
    if (!isSuppressed(tcb)) setReg(tcb, 0, INDEFINITE_SE, INDEFINITE_SIG);
  } else if (condition != 0) {
    setReg(tcb, 0, regSe(tcb, i), regSig(tcb, i));
  }
  commitKeepingC1(tcb);
}

/** FFREE ST(i); FFREEP pops as well. */
export function x87_ffree(tcb: usize, i: u32, pop: u32): void {
  setFsw(tcb, fsw(tcb) & ~C1);
  setFtw(tcb, ftw(tcb) & ~(u32(1) << ((top(tcb) + i) & 7)));
  if (pop) popStack(tcb);
}

/** FINCSTP (by = 1), FDECSTP (by = 7). */
export function x87_rotate(tcb: usize, by: u32): void {
  clearRaised();
  setTop(tcb, top(tcb) + by);
  commit(tcb);
}
