/**
 * FSIN, FCOS, FSINCOS, FPTAN, FPATAN to better than one unit in the last place (SDM Vol. 1 8.3.8–8.3.10).
 * Arguments are reduced exactly by the 68-bit value of pi that the hardware uses.
 */
import { ATAN_EIGHTHS, CONSTANTS, COS_TERMS, ODD_TERMS, SIN_TERMS } from './function-tables';
import { addFraction, divFraction, fHi, fLo, mulFraction, normaliseFraction, series, setFraction, shiftFractionRight, subtractFrom } from './fraction';

/** 68-bit pi: high 64 bits and the last hexadecimal digit; pi/2 = P * 2^-67. */
const PI_HIGH: u64 = 0xc90fdaa22168c234;
const PI_DIGIT: u64 = 0xc;

// Reduced argument r in [0, pi/4]: normalised significand, exponent (value = sig * 2^(exp - 127)), sign, quadrant.
let rHi: u64 = 0;
let rLo: u64 = 0;
let rExp: i32 = 0;
let rNegative: u32 = 0;
let quadrant: u32 = 0;
// z = r^2 as a fraction.
let zHi: u64 = 0;
let zLo: u64 = 0;
// Result: sign, exponent biased by 16383, significand with bit 127 set.
let tSign: u32 = 0;
let tExp: i32 = 0;
let tHi: u64 = 0;
let tLo: u64 = 0;

export function tSignBit(): u32 { return tSign; }
export function tExponent(): i32 { return tExp; }
export function tHigh(): u64 { return tHi; }
export function tLow(): u64 { return tLo; }

/** Reduces |x| = sig * 2^(exp - 63), exp < 63, modulo pi/2 to the nearest multiple. */
export function reduceAngle(exp: i32, sig: u64): void {
  rNegative = 0;
  quadrant = 0;
  if (exp < -1) {
    rHi = sig;
    rLo = 0;
    rExp = exp;
  } else {
    reduceByHalfPi(exp, sig);
  }
  squareReduced();
}

function reduceByHalfPi(exp: i32, sig: u64): void {
  const pHi = PI_HIGH >> 60, pLo = (PI_HIGH << 4) | PI_DIGIT;
  let hi = sig >> 60, lo = sig << 4;
  let q: u32 = 0;
  if (exp < 0) {
    lo = (lo >> 1) | (hi << 63);
    hi >>= 1;
  }
  for (let i = 0; i <= exp; i++) {
    q <<= 1;
    if (hi > pHi || (hi == pHi && lo >= pLo)) {
      hi = hi - pHi - u64(lo < pLo);
      lo -= pLo;
      q |= 1;
    }
    if (i < exp) {
      hi = (hi << 1) | (lo >> 63);
      lo <<= 1;
    }
  }
  const twiceHi = (hi << 1) | (lo >> 63), twiceLo = lo << 1;
  if (twiceHi > pHi || (twiceHi == pHi && twiceLo > pLo)) {
    hi = pHi - hi - u64(pLo < lo);
    lo = pLo - lo;
    rNegative = 1;
    q++;
  }
  quadrant = q & 3;
  setFraction(hi, lo);
  rExp = 60;
  if ((hi | lo) != 0) rExp -= normaliseFraction();
  rHi = fHi();
  rLo = fLo();
}

function squareReduced(): void {
  mulFraction(rHi, rLo, rHi, rLo);
  shiftFractionRight(-2 * rExp - 2);
  zHi = fHi();
  zLo = fLo();
}

/** Alternating series of z, at least one unit: sin r < r, cos r < 1, atan r < r also under directed rounding. */
function correction(hi: u64, lo: u64, table: usize, count: i32): void {
  series(hi, lo, table, count, false);
  if ((fHi() | fLo()) == 0) setFraction(0, 1);
}

/** sin r into the result (sign not included). */
function sinReduced(): void {
  correction(zHi, zLo, SIN_TERMS, 13);
  mulFraction(rHi, rLo, fHi(), fLo());
  addFraction(0, 1);
  subtractFrom(rHi, rLo);
  tExp = 16383 + rExp;
  if ((rHi | rLo) != 0) tExp -= normaliseFraction();
  tHi = fHi();
  tLo = fLo();
}

function cosReduced(): void {
  correction(zHi, zLo, COS_TERMS, 13);
  subtractFrom(0, 0);
  tExp = 16382 - normaliseFraction();
  tHi = fHi();
  tLo = fLo();
}

/** sin of the reduced angle; `negative` = sign of the original argument. */
export function sineOf(negative: u32): void {
  if ((quadrant & 1) != 0) { cosReduced(); tSign = 0; } else { sinReduced(); tSign = rNegative; }
  tSign ^= (quadrant >> 1) ^ negative;
}

export function cosineOf(): void {
  if ((quadrant & 1) != 0) { sinReduced(); tSign = rNegative ^ 1; } else { cosReduced(); tSign = 0; }
  tSign ^= quadrant >> 1;
}

export function tangentOf(negative: u32): void {
  if ((zHi | zLo) == 0 && (quadrant & 1) == 0) {
    // r^2 is below the precision: tan r is r and a little more.
    tSign = rNegative ^ negative;
    tExp = 16383 + rExp;
    tHi = rHi;
    tLo = rLo | 1;
    return;
  }
  sineOf(negative);
  const sSign = tSign, sExp = tExp, sHi = tHi, sLo = tLo;
  cosineOf();
  const below = divFraction(sHi, sLo, tHi, tLo);
  tSign ^= sSign;
  tExp = sExp - tExp + 16383 - below;
  tHi = fHi();
  tLo = fLo();
}

/**
 * atan2(y, x) for finite non-zero magnitudes (exponents biased by 16383, normalised significands),
 * result sign not included; `xNegative` chooses the half plane.
 */
export function arcTangent(yExp: i32, y: u64, xExp: i32, x: u64, xNegative: bool): void {
  const steep = yExp > xExp || (yExp == xExp && y > x);
  if (steep) atanRatio(xExp, x, yExp, y);
  else atanRatio(yExp, y, xExp, x);
  if (!steep && !xNegative) return;
  // pi/2 - t, pi/2 + t or pi - t, in units of 4 / 2^128.
  setFraction(tHi, tLo);
  shiftFractionRight(16383 + 1 - tExp);
  const piHi = load<u64>(CONSTANTS), piLo = load<u64>(CONSTANTS, 8);
  const baseHi = steep ? piHi >> 1 : piHi, baseLo = steep ? (piLo >> 1) | (piHi << 63) : piLo;
  if (steep && xNegative) addFraction(baseHi, baseLo);
  else subtractFrom(baseHi, baseLo);
  tExp = 16384 - normaliseFraction();
  tHi = fHi();
  tLo = fLo();
}

/** atan(n/d), n/d <= 1. */
function atanRatio(nExp: i32, n: u64, dExp: i32, d: u64): void {
  const s = dExp - nExp;
  let k = 0;
  if (s < 6) k = i32(nearest(f64(n) / f64(d) * 8.0 / f64(1 << s)));
  if (k == 0) {
    const below = divFraction(n, 0, d, 0);
    atanSmall(16383 - s - below, fHi(), fLo());
    return;
  }
  // (8n - k d 2^s) / (8 d 2^s + k n)
  const dHi = s == 0 ? 0 : d >> (64 - s), dLo = d << s;
  const kdHi = multiplySmall(dHi, dLo, k), kdLo = fLo();
  const n8Hi = n >> 61, n8Lo = n << 3;
  const knHi = multiplySmall(0, n, k), knLo = fLo();
  setFraction((dHi << 3) | (dLo >> 61), dLo << 3);
  addFraction(knHi, knLo);
  const denShift = normaliseFraction();
  const denHi = fHi(), denLo = fLo();
  const minus = n8Hi < kdHi || (n8Hi == kdHi && n8Lo < kdLo);
  if (minus) { setFraction(n8Hi, n8Lo); subtractFrom(kdHi, kdLo); } else { setFraction(kdHi, kdLo); subtractFrom(n8Hi, n8Lo); }
  let small = 0;
  if ((fHi() | fLo()) != 0) {
    const numShift = normaliseFraction();
    const below = divFraction(fHi(), fLo(), denHi, denLo);
    atanSmall(16383 + denShift - numShift - below, fHi(), fLo());
    setFraction(tHi, tLo);
    shiftFractionRight(16382 - tExp);
  }
  const at = ATAN_EIGHTHS + (usize(k) << 4);
  if (minus) subtractFrom(load<u64>(at), load<u64>(at, 8));
  else addFraction(load<u64>(at), load<u64>(at, 8));
  tExp = 16382 - normaliseFraction();
  tHi = fHi();
  tLo = fLo();
}

/** hi:lo * k for a small k: returns the high word, fLo() = low word. */
function multiplySmall(hi: u64, lo: u64, k: i32): u64 {
  let h: u64 = 0, l: u64 = 0;
  for (let i = 0; i < k; i++) {
    l += lo;
    h += hi + u64(l < lo);
  }
  setFraction(h, l);
  return h;
}

/** atan(q) for q <= 1/15: significand hi:lo with bit 127 set, biased exponent. */
function atanSmall(exp: i32, hi: u64, lo: u64): void {
  mulFraction(hi, lo, hi, lo);
  shiftFractionRight(2 * (16382 - exp));
  correction(fHi(), fLo(), ODD_TERMS, 14);
  mulFraction(hi, lo, fHi(), fLo());
  addFraction(0, 1);
  subtractFrom(hi, lo);
  tExp = exp - normaliseFraction();
  tHi = fHi();
  tLo = fLo();
}
