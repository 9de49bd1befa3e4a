/** x87 transcendental instructions (SDM Vol. 2A F2XM1 FYL2X FYL2XP1 FPTAN FPATAN FSIN FCOS FSINCOS). */
import { finishRegister } from './arith80';
import { eExponent, eHigh, eLow, eSign, exp2MinusOne, log2Of, log2OnePlus } from './exp80';
import { addExact, setExact, xExp, xHi, xSign } from './exact';
import { fHi, fLo, mulFraction, normaliseFraction } from './fraction';
import { DENORMAL, INFINITE, INT_BIT, QNAN, UNSUPPORTED, ZERO, classify, normalised, normalisedExp, setInvalid, setNanResult, setQuieted, setValue, vSe, vSig } from './number80';
import { DE, PE, ZE } from './round';
import { C2, INDEFINITE_SE, INDEFINITE_SIG, clearRaised, commit, fsw, isEmpty, isSuppressed, popStack, raise, raisedFlags, regSe, regSig, setFsw, setReg, setRoundedUp, setTop, stackOverflow, stackUnderflow, top } from './state';
import { arcTangent, cosineOf, reduceAngle, sineOf, tExponent, tHigh, tLow, tSignBit, tangentOf } from './trig80';
import { CONSTANTS } from './function-tables';

/** Rounds an inexact result; the sticky bit makes PE certain. */
function finishInexact(tcb: usize, sign: u32, exp: i32, hi: u64, lo: u64): void {
  setExact(sign, exp, hi, lo | 1);
  finishRegister(tcb, 64);
}

/** NaN and unsupported operands of a one-operand function: true when handled. */
function unaryNan(se: u32, sig: u64, c: u32): bool {
  if (c < QNAN) return false;
  if (c == UNSUPPORTED) setInvalid();
  else setQuieted(se, sig);
  return true;
}

/** Ends a one-result function: C2 is cleared when it was computed. */
function deliverTop(tcb: usize): void {
  setFsw(tcb, fsw(tcb) & ~C2);
  if (!isSuppressed(tcb)) setReg(tcb, 0, vSe(), vSig());
  commit(tcb);
}

/** F2XM1. */
export function x87_f2xm1(tcb: usize): void {
  clearRaised();
  const se = regSe(tcb, 0), sig = regSig(tcb, 0);
  const c = classify(se, sig);
  if (isEmpty(tcb, 0)) {
    stackUnderflow();
    setValue(INDEFINITE_SE, INDEFINITE_SIG);
  } else if (!unaryNan(se, sig, c)) {
    exp2Finite(tcb, se, sig, c);
  }
  if (!isSuppressed(tcb)) setReg(tcb, 0, vSe(), vSig());
  commit(tcb);
}

function exp2Finite(tcb: usize, se: u32, sig: u64, c: u32): void {
  const negative = se >> 15 != 0;
  if (c == INFINITE) { if (negative) setValue(0xbfff, INT_BIT); else setValue(se, sig); return; }
  if (c == ZERO) { setValue(se, sig); return; }
  if (c == DENORMAL) raise(DE);
  const exp = normalisedExp(se, sig);
  if (exp >= 16383) {
    // Outside (-1, 1) only the ends are defined: 2^1 - 1 and 2^-1 - 1.
    if (exp == 16383 && sig == INT_BIT) setValue(negative ? 0xbffe : 0x3fff, INT_BIT);
    else setValue(se, sig);
    raise(PE);
    setRoundedUp(exp == 16383 && sig == INT_BIT && !negative);
    return;
  }
  exp2MinusOne(negative, exp, normalised(sig));
  finishInexact(tcb, se >> 15, eExponent(), eHigh(), eLow());
}

/** y * log2 result, rounded. */
function timesLog(tcb: usize, ySe: u32, y: u64): void {
  mulFraction(eHigh(), eLow(), normalised(y), 0);
  const exp = eExponent() + normalisedExp(ySe, y) - 16382 - normaliseFraction();
  finishInexact(tcb, eSign() ^ (ySe >> 15), exp, fHi(), fLo());
}

function setInfinity(sign: u32): void { setValue((sign << 15) | 0x7fff, INT_BIT); }

/** FYL2X: ST(1) = ST(1) * log2 ST(0), pop. */
export function x87_fyl2x(tcb: usize): void {
  clearRaised();
  if (isEmpty(tcb, 0) || isEmpty(tcb, 1)) underflowPair();
  else logarithm(tcb, regSe(tcb, 0), regSig(tcb, 0), regSe(tcb, 1), regSig(tcb, 1));
  deliverPair(tcb);
}

function underflowPair(): void {
  stackUnderflow();
  setValue(INDEFINITE_SE, INDEFINITE_SIG);
}

function deliverPair(tcb: usize): void {
  if (!isSuppressed(tcb)) {
    setReg(tcb, 1, vSe(), vSig());
    popStack(tcb);
  }
  commit(tcb);
}

function logarithm(tcb: usize, xSe: u32, x: u64, ySe: u32, y: u64): void {
  const cx = classify(xSe, x), cy = classify(ySe, y);
  if (cx >= QNAN || cy >= QNAN) { setNanResult(xSe, x, ySe, y); return; }
  const ySign = ySe >> 15;
  if (cx == ZERO) {
    if (cy == ZERO) { setInvalid(); return; }
    if (cy != INFINITE) raise(ZE);
    setInfinity(ySign ^ 1);
    return;
  }
  if (xSe >> 15 != 0) { setInvalid(); return; }
  if (cx == INFINITE) {
    if (cy == ZERO) { setInvalid(); return; }
    if (cy == DENORMAL) raise(DE);
    setInfinity(ySign);
    return;
  }
  const one = xSe == 16383 && x == INT_BIT;
  if (one && cy == INFINITE) { setInvalid(); return; }
  if (cx == DENORMAL || cy == DENORMAL) raise(DE);
  const below = u32((xSe & 0x7fff) < 16383);
  if (cy == INFINITE) { setInfinity(ySign ^ below); return; }
  if (one || cy == ZERO) { setValue((ySign ^ below) << 15, 0); return; }
  log2Of(normalisedExp(xSe, x), normalised(x));
  timesLog(tcb, ySe, y);
}

/** FYL2XP1: ST(1) = ST(1) * log2(ST(0) + 1), pop. */
export function x87_fyl2xp1(tcb: usize): void {
  clearRaised();
  if (isEmpty(tcb, 0) || isEmpty(tcb, 1)) underflowPair();
  else logarithmPlusOne(tcb, regSe(tcb, 0), regSig(tcb, 0), regSe(tcb, 1), regSig(tcb, 1));
  deliverPair(tcb);
}

function logarithmPlusOne(tcb: usize, xSe: u32, x: u64, ySe: u32, y: u64): void {
  const cx = classify(xSe, x), cy = classify(ySe, y);
  if (cx >= QNAN || cy >= QNAN) { setNanResult(xSe, x, ySe, y); return; }
  const sign = (xSe ^ ySe) >> 15;
  if ((cx == ZERO && cy == INFINITE) || (cx == INFINITE && (cy == ZERO || xSe >> 15 != 0))) { setInvalid(); return; }
  if (cx == DENORMAL || cy == DENORMAL) raise(DE);
  if (cx == INFINITE || cy == INFINITE) { setInfinity(sign); return; }
  if (cx == ZERO || cy == ZERO) { setValue(sign << 15, 0); return; }
  const exp = normalisedExp(xSe, x);
  if (exp >= 16382) {
    // Beyond the defined domain |x| < 1 - sqrt(1/2): log2 of the truncated sum.
    logarithmOfSum(tcb, xSe, exp, normalised(x), ySe, y);
    return;
  }
  log2OnePlus(xSe >> 15 != 0, exp, normalised(x));
  timesLog(tcb, ySe, y);
}

function logarithmOfSum(tcb: usize, xSe: u32, exp: i32, x: u64, ySe: u32, y: u64): void {
  addExact(0, 16383, INT_BIT, xSe >> 15, exp, x);
  if (xHi() == 0 || xSign() != 0) { setValue(xSe, x); raise(PE); return; }
  if (xExp() == 16383 && xHi() == INT_BIT) { setValue(ySe & 0x8000, 0); return; }
  log2Of(xExp(), xHi());
  timesLog(tcb, ySe, y);
}

/** FPATAN: ST(1) = atan2(ST(1), ST(0)), pop. */
export function x87_fpatan(tcb: usize): void {
  clearRaised();
  if (isEmpty(tcb, 0) || isEmpty(tcb, 1)) underflowPair();
  else angle(tcb, regSe(tcb, 0), regSig(tcb, 0), regSe(tcb, 1), regSig(tcb, 1));
  deliverPair(tcb);
}

function angle(tcb: usize, xSe: u32, x: u64, ySe: u32, y: u64): void {
  const cx = classify(xSe, x), cy = classify(ySe, y);
  if (cx >= QNAN || cy >= QNAN) { setNanResult(xSe, x, ySe, y); return; }
  const sign = ySe >> 15, left = xSe >> 15 != 0;
  if (cx == DENORMAL || cy == DENORMAL) raise(DE);
  if (cy == INFINITE) { eighthsOfTurn(tcb, sign, cx == INFINITE ? (left ? 3 : 1) : 2); return; }
  if (cy == ZERO || cx == INFINITE) {
    if (left) eighthsOfTurn(tcb, sign, 4);
    else setValue(sign << 15, 0);
    return;
  }
  if (cx == ZERO) { eighthsOfTurn(tcb, sign, 2); return; }
  arcTangent(normalisedExp(ySe, y), normalised(y), normalisedExp(xSe, x), normalised(x), left);
  finishInexact(tcb, sign, tExponent(), tHigh(), tLow());
}

/** n * pi/4, rounded. */
function eighthsOfTurn(tcb: usize, sign: u32, n: u32): void {
  const hi = load<u64>(CONSTANTS), lo = load<u64>(CONSTANTS, 8);
  if (n != 3) finishInexact(tcb, sign, 16382 + i32(n >> 1), hi, lo);
  else {
    // 3 pi/4 = pi/2 + pi/4
    const low3 = lo + (lo >> 1);
    finishInexact(tcb, sign, 16384, (hi >> 1) + (hi >> 2), low3);
  }
}

const SIN: u32 = 0;
const COS: u32 = 1;

/** FSIN (which = 0), FCOS (which = 1). */
export function x87_sine(tcb: usize, which: u32): void {
  clearRaised();
  if (isEmpty(tcb, 0)) {
    stackUnderflow();
    setValue(INDEFINITE_SE, INDEFINITE_SIG);
  } else {
    const se = regSe(tcb, 0), sig = regSig(tcb, 0);
    if (isOutOfRange(tcb, se, sig)) return;
    trigonometric(tcb, which, se, sig);
  }
  deliverTop(tcb);
}

/** |x| >= 2^63: C2 is set and the operand stays. */
function isOutOfRange(tcb: usize, se: u32, sig: u64): bool {
  const e = se & 0x7fff;
  if (e < 16383 + 63 || e == 0x7fff || sig >> 63 == 0) return false;
  setFsw(tcb, fsw(tcb) | C2);
  commit(tcb);
  return true;
}

function trigonometric(tcb: usize, which: u32, se: u32, sig: u64): void {
  const c = classify(se, sig);
  if (unaryNan(se, sig, c)) return;
  if (c == INFINITE) { setInvalid(); return; }
  if (c == ZERO) {
    if (which == COS) setValue(16383, INT_BIT);
    else setValue(se, sig);
    return;
  }
  if (c == DENORMAL) raise(DE);
  reduceAngle(normalisedExp(se, sig) - 16383, normalised(sig));
  if (which == SIN) sineOf(se >> 15);
  else if (which == COS) cosineOf();
  else tangentOf(se >> 15);
  finishInexact(tcb, tSignBit(), tExponent(), tHigh(), tLow());
}

/** FSINCOS: ST(0) = sin, then pushes cos. */
export function x87_fsincos(tcb: usize): void { twoResults(tcb, SIN); }

/** FPTAN: ST(0) = tan, then pushes 1. */
export function x87_fptan(tcb: usize): void { twoResults(tcb, 2); }

function twoResults(tcb: usize, which: u32): void {
  clearRaised();
  let se: u32 = INDEFINITE_SE, sig: u64 = INDEFINITE_SIG;
  if (isEmpty(tcb, 0)) stackUnderflow();
  else if (!isEmpty(tcb, 7)) stackOverflow();
  else {
    const xSe = regSe(tcb, 0), x = regSig(tcb, 0);
    if (isOutOfRange(tcb, xSe, x)) return;
    trigonometric(tcb, which, xSe, x);
    se = vSe();
    sig = vSig();
    const isNan = (se & 0x7fff) == 0x7fff;
    if (isNan) setValue(se, sig);
    else if (which == SIN) trigonometric(tcb, COS, xSe, x);
    else setValue(16383, INT_BIT);
  }
  if ((raisedFlags() & 0x40) != 0) setValue(se, sig);
  setFsw(tcb, fsw(tcb) & ~C2);
  if (!isSuppressed(tcb)) {
    setReg(tcb, 0, se, sig);
    setTop(tcb, top(tcb) - 1);
    setReg(tcb, 0, vSe(), vSig());
  }
  commit(tcb);
}
