/**
 * 128-bit fractions and 128-bit floating numbers for the transcendental functions.
 * A fraction is hi:lo / 2^128; results are left in fHi()/fLo().
 */
import { divWide, low, mulHigh, mulWide, shiftLeft } from './wide';

let outHi: u64 = 0;
let outLo: u64 = 0;

// @ts-ignore: decorator
@inline
export function fHi(): u64 { return outHi; }
// @ts-ignore: decorator
@inline
export function fLo(): u64 { return outLo; }
// @ts-ignore: decorator
@inline
export function setFraction(hi: u64, lo: u64): void { outHi = hi; outLo = lo; }

/** Top 128 bits of the product (a few units in the last place low). */
export function mulFraction(aHi: u64, aLo: u64, bHi: u64, bLo: u64): void {
  let hi = mulWide(aHi, bHi);
  let lo = low();
  const c1 = mulHigh(aHi, bLo), c2 = mulHigh(aLo, bHi);
  lo += c1;
  hi += u64(lo < c1);
  lo += c2;
  hi += u64(lo < c2);
  setFraction(hi, lo);
}

// @ts-ignore: decorator
@inline
export function addFraction(hi: u64, lo: u64): void {
  outLo += lo;
  outHi += hi + u64(outLo < lo);
}

/** hi:lo minus the current fraction. */
// @ts-ignore: decorator
@inline
export function subtractFrom(hi: u64, lo: u64): void {
  outHi = hi - outHi - u64(lo < outLo);
  outLo = lo - outLo;
}

/** z (t0 - z (t1 - … )), `count` terms of a table; with `plus` all signs are positive. */
export function series(zHi: u64, zLo: u64, table: usize, count: i32, plus: bool): void {
  let at = table + (usize(count - 1) << 4);
  setFraction(load<u64>(at), load<u64>(at, 8));
  while (at != table) {
    at -= 16;
    mulFraction(zHi, zLo, outHi, outLo);
    if (plus) addFraction(load<u64>(at), load<u64>(at, 8));
    else subtractFrom(load<u64>(at), load<u64>(at, 8));
  }
  mulFraction(zHi, zLo, outHi, outLo);
}

/**
 * Quotient of two significands with bit 127 set, as 128 bits with bit 127 set (Knuth TAOCP 4.3.1 D
 * with 64-bit digits); returns 1 when a < b (exponent one less).
 */
export function divFraction(aHi: u64, aLo: u64, bHi: u64, bLo: u64): i32 {
  const below = aHi < bHi || (aHi == bHi && aLo < bLo);
  let next: u64 = 0;
  if (!below) {
    next = aLo << 63;
    aLo = (aLo >> 1) | (aHi << 63);
    aHi >>= 1;
  }
  const qHi = quotientDigit(aHi, aLo, next, bHi, bLo);
  const qLo = quotientDigit(outHi, outLo, 0, bHi, bLo);
  setFraction(qHi, qLo);
  return i32(below);
}

/** One digit of u2:u1:u0 / b, u2:u1 < b; the remainder is left as the current fraction. */
function quotientDigit(u2: u64, u1: u64, u0: u64, bHi: u64, bLo: u64): u64 {
  let q: u64 = 0xffffffffffffffff;
  let r = u1 + bHi;
  let over = r < u1;
  if (u2 < bHi) {
    q = divWide(u2, u1, bHi);
    r = low();
    over = false;
  }
  let hi = mulWide(q, bLo);
  let lo = low();
  while (!over && (hi > r || (hi == r && lo > u0))) {
    q--;
    r += bHi;
    over = r < bHi;
    hi -= u64(lo < bLo);
    lo -= bLo;
  }
  setFraction(r - hi - u64(u0 < lo), u0 - lo);
  return q;
}

/** Shifts the current fraction left until bit 127 is set; returns the shift. Precondition: not zero. */
export function normaliseFraction(): i32 {
  const n: i32 = outHi != 0 ? i32(clz(outHi)) : 64 + i32(clz(outLo));
  outHi = shiftLeft(outHi, outLo, n);
  outLo = low();
  return n;
}

/** Shifts the current fraction right, dropping bits; any n >= 0. */
export function shiftFractionRight(n: i32): void {
  if (n == 0) return;
  if (n < 64) { outLo = (outLo >> n) | (outHi << (64 - n)); outHi >>= n; }
  else if (n < 128) { outLo = outHi >> (n - 64); outHi = 0; }
  else outHi = outLo = 0;
}
