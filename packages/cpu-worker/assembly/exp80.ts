/**
 * F2XM1, FYL2X, FYL2XP1 to better than one unit in the last place (SDM Vol. 1 8.3.10).
 * Results are left in eExponent()/eHigh()/eLow() as a significand with bit 127 set, exponent biased by 16383.
 */
import { CONSTANTS, EXP_TERMS, ODD_TERMS } from './function-tables';
import { addFraction, divFraction, fHi, fLo, mulFraction, normaliseFraction, series, setFraction, shiftFractionRight, subtractFrom } from './fraction';

/** Square root of 2, as a significand in [1, 2). */
const SQRT2: u64 = 0xb504f333f9de6484;

let outSign: u32 = 0;
let outExp: i32 = 0;
let outHi: u64 = 0;
let outLo: u64 = 0;

export function eSign(): u32 { return outSign; }
export function eExponent(): i32 { return outExp; }
export function eHigh(): u64 { return outHi; }
export function eLow(): u64 { return outLo; }

/** Takes the current fraction (value = fraction * 2^(exp - 16382)) as the result. */
function takeFraction(exp: i32): void {
  outExp = exp - normaliseFraction();
  outHi = fHi();
  outLo = fLo();
}

/** Magnitude of 2^x - 1 for x = ±sig * 2^(exp - 16383 - 63), |x| < 1. */
export function exp2MinusOne(negative: bool, exp: i32, sig: u64): void {
  mulFraction(sig, 0, load<u64>(CONSTANTS, 16), load<u64>(CONSTANTS, 24));
  const yExp = exp - normaliseFraction();
  const yHi = fHi(), yLo = fLo();
  shiftFractionRight(16382 - yExp);
  series(fHi(), fLo(), EXP_TERMS, 26, !negative);
  mulFraction(yHi, yLo, fHi(), fLo());
  if (negative) {
    subtractFrom(yHi, yLo);
    takeFraction(yExp);
    return;
  }
  // y + y p may carry: halve both.
  shiftFractionRight(1);
  addFraction(yHi >> 1, (yLo >> 1) | (yHi << 63));
  takeFraction(yExp + 1);
}

/** log2((1 + s) / (1 - s)) for the positive significand hi:lo with biased exponent exp (s < 0.18). */
function logOfRatio(exp: i32, hi: u64, lo: u64): void {
  mulFraction(hi, lo, hi, lo);
  shiftFractionRight(2 * (16382 - exp));
  series(fHi(), fLo(), ODD_TERMS, 22, true);
  mulFraction(hi, lo, fHi(), fLo());
  shiftFractionRight(1);
  addFraction(hi >> 1, (lo >> 1) | (hi << 63));
  // times 2 log2(e) = 4 * (log2(e) / 2)
  mulFraction(fHi(), fLo(), load<u64>(CONSTANTS, 32), load<u64>(CONSTANTS, 40));
  takeFraction(exp + 3);
}

/** log2 of sig * 2^(exp - 16383 - 63), not 1. */
export function log2Of(exp: i32, sig: u64): void {
  let e = exp - 16383;
  const upper = sig > SQRT2;
  e += i32(upper);
  // s = (m - 1) / (m + 1); m + 1 has 65 bits, so both sides are halved.
  const num = upper ? 0 - sig : sig - 0x8000000000000000;
  if (num == 0) { takeInteger(e); return; }
  const unit: u64 = upper ? 0 : 0x8000000000000000;
  // sum = sig + 2^63 or sig + 2^64, at least 2^64 either way
  const sum = sig + unit;
  const denHi = 0x8000000000000000 | (sum >> 1), denLo = sum << 63;
  setFraction(num, 0);
  const shift = normaliseFraction();
  const below = divFraction(fHi(), fLo(), denHi, denLo);
  logOfRatio(16383 - 1 - shift - below, fHi(), fLo());
  if (e == 0) { outSign = u32(upper); return; }
  // Fixed point with 16 integer bits: e ± log2(m).
  setFraction(outHi, outLo);
  shiftFractionRight(16382 + 16 - outExp);
  const magnitude: u64 = u64(e < 0 ? -e : e) << 48;
  if ((e < 0) == upper) addFraction(magnitude, 0);
  else subtractFrom(magnitude, 0);
  outSign = u32(e < 0);
  takeFraction(16382 + 16);
}

function takeInteger(e: i32): void {
  outSign = u32(e < 0);
  setFraction(u64(e < 0 ? -e : e) << 48, 0);
  takeFraction(16382 + 16);
}

/** log2(1 + x) for small x = ±sig * 2^(exp - 16383 - 63), |x| < 0.3. */
export function log2OnePlus(negative: bool, exp: i32, sig: u64): void {
  // s = x / (2 + x); 2 + x in units of 4 / 2^128.
  setFraction(sig, 0);
  shiftFractionRight(16384 - exp);
  if (negative) subtractFrom(0x8000000000000000, 0);
  else addFraction(0x8000000000000000, 0);
  const denShift = normaliseFraction();
  const below = divFraction(sig, 0, fHi(), fLo());
  logOfRatio(exp - (1 - denShift) - below, fHi(), fLo());
  outSign = u32(negative);
}
