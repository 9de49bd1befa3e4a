/**
 * The four operations and the square root on extended-precision numbers, with precision and rounding
 * control, x87 NaN rules and exceptions. The result is left in vSe()/vSig() (SDM Vol. 2A FADD FMUL FSUB FDIV FSQRT).
 */
import { addExact, divExact, mulExact, setExact, sqrtExact, xHi, xSign } from './exact';
import { DENORMAL, INFINITE, INT_BIT, NORMAL, QNAN, ZERO, classify, isNormal, isWidenedDenormal, normalised, normalisedExp, setInvalid, setNanResult, setQuieted, setValue } from './number80';
import { DE, OE, PE, RC_DOWN, UE, ZE, rExp, rFlags, rSig, rUp, roundExact } from './round';
import { fcw, precisionBits, raise, rounding, setRoundedUp } from './state';

/** Operation numbers: the /r field of D8. */
export const ADD: u32 = 0;
export const MUL: u32 = 1;
export const SUB: u32 = 4;
export const SUBR: u32 = 5;
export const DIV: u32 = 6;
export const DIVR: u32 = 7;

/** Exponent of the rounded result, with the bias of an unmasked underflow or overflow (SDM Vol. 1 8.5.4, 8.5.5). */
function biasedExponent(tcb: usize): i32 {
  const unmasked = rFlags() & ~fcw(tcb);
  return rExp() + ((unmasked & UE) != 0 ? 24576 : (unmasked & OE) != 0 ? -24576 : 0);
}

/** Rounds the exact result to `bits` and leaves it as a register value. */
export function finishRegister(tcb: usize, bits: i32): void {
  const sign = xSign() << 15;
  if (xHi() == 0) { setValue(sign, 0); return; }
  roundExact(bits, 1, 0x7ffe, rounding(tcb), fcw(tcb));
  let exp = biasedExponent(tcb);
  if ((rFlags() & ~fcw(tcb) & (OE | UE)) != 0 && (exp < 1 || exp > 0x7ffe)) {
    // FSCALE only: out of range even with the bias. Infinity or zero whatever the rounding control.
    raise(rFlags() | PE);
    setRoundedUp(exp > 1);
    setValue(sign | (exp > 1 ? 0x7fff : 0), exp > 1 ? INT_BIT : 0);
    return;
  }
  raise(rFlags());
  setRoundedUp(rUp());
  const sig = rSig();
  setValue(sign | (u32(sig >> 63 != 0 ? exp : 0) & 0x7fff), sig);
}

/** a op b; SUBR and DIVR exchange the operands. */
export function arith(tcb: usize, op: u32, aSe: u32, a: u64, bSe: u32, b: u64): void {
  if (op == SUBR || op == DIVR) {
    arithOrdered(tcb, op - 1, bSe, b, aSe, a);
  } else {
    arithOrdered(tcb, op, aSe, a, bSe, b);
  }
}

function arithOrdered(tcb: usize, op: u32, aSe: u32, a: u64, bSe: u32, b: u64): void {
  if (!isNormal(aSe, a) || !isNormal(bSe, b) || isWidenedDenormal()) {
    if (special(tcb, op, aSe, a, bSe, b)) return;
  }
  const aSign = aSe >> 15, bSign = (bSe >> 15) ^ u32(op == SUB);
  const aExp = normalisedExp(aSe, a), bExp = normalisedExp(bSe, b);
  a = normalised(a);
  b = normalised(b);
  if (op == MUL) mulExact(aSign, aExp, a, bSign, bExp, b);
  else if (op == DIV) divExact(aSign, aExp, a, bSign, bExp, b);
  else {
    addExact(aSign, aExp, a, bSign, bExp, b);
    if (xHi() == 0) setExact(u32(rounding(tcb) == RC_DOWN), 0, 0, 0);
  }
  finishRegister(tcb, precisionBits(tcb));
}

/** Handles operands that are not both normal; false when both are finite and non-zero after all. */
function special(tcb: usize, op: u32, aSe: u32, a: u64, bSe: u32, b: u64): bool {
  const ca = classify(aSe, a), cb = classify(bSe, b);
  if (ca >= QNAN || cb >= QNAN) { setNanResult(aSe, a, bSe, b); return true; }
  const denormal = ca == DENORMAL || cb == DENORMAL || isWidenedDenormal();
  if ((ca == NORMAL || ca == DENORMAL) && (cb == NORMAL || cb == DENORMAL)) {
    if (denormal) raise(DE);
    return false;
  }
  const sign = (aSe ^ bSe) & 0x8000;
  if (op == MUL) specialMul(sign, ca, cb);
  else if (op == DIV) specialDiv(sign, ca, cb);
  else {
    if (op == SUB) bSe ^= 0x8000;
    specialAdd(tcb, aSe, a, ca, bSe, b, cb);
    return true;
  }
  if (denormal && !(op == DIV && cb == ZERO)) raise(DE);
  return true;
}

function specialMul(sign: u32, ca: u32, cb: u32): void {
  if (ca == INFINITE || cb == INFINITE) {
    if (ca == ZERO || cb == ZERO) setInvalid();
    else setValue(sign | 0x7fff, INT_BIT);
  } else {
    setValue(sign, 0);
  }
}

function specialDiv(sign: u32, ca: u32, cb: u32): void {
  if (ca == cb) setInvalid();
  else if (ca == INFINITE || cb == ZERO) {
    if (ca != INFINITE) raise(ZE);
    setValue(sign | 0x7fff, INT_BIT);
  } else {
    setValue(sign, 0);
  }
}

function specialAdd(tcb: usize, aSe: u32, a: u64, ca: u32, bSe: u32, b: u64, cb: u32): void {
  if (ca == INFINITE && cb == INFINITE) {
    if (aSe != bSe) setInvalid();
    else setValue(aSe, a);
    return;
  }
  if (ca == DENORMAL || cb == DENORMAL || isWidenedDenormal()) raise(DE);
  if (ca == INFINITE) setValue(aSe, a);
  else if (cb == INFINITE) setValue(bSe, b);
  else if (ca == ZERO && cb == ZERO) setValue(aSe == bSe ? aSe : u32(rounding(tcb) == RC_DOWN) << 15, 0);
  else if (ca == ZERO) roundAlone(tcb, bSe, b);
  else roundAlone(tcb, aSe, a);
}

/** x + 0: the other operand is still rounded to the precision in force. */
function roundAlone(tcb: usize, se: u32, sig: u64): void {
  setExact(se >> 15, normalisedExp(se, sig), normalised(sig), 0);
  finishRegister(tcb, precisionBits(tcb));
}

export function sqrt80(tcb: usize, se: u32, sig: u64): void {
  const c = classify(se, sig);
  if (c >= QNAN) { if (c > QNAN + 1) setInvalid(); else setQuieted(se, sig); return; }
  if (c == ZERO) { setValue(se, sig); return; }
  if (se >> 15 != 0) { setInvalid(); return; }
  if (c == INFINITE) { setValue(se, sig); return; }
  if (c == DENORMAL) raise(DE);
  sqrtExact(normalisedExp(se, sig), normalised(sig));
  finishRegister(tcb, precisionBits(tcb));
}
