import { divWide, low, mulWide, rootRemainderAboveHalf, shiftLeft, shiftRightJam, sqrtWide } from './wide';

/**
 * Exact results of the four operations and the square root on finite non-zero numbers, before rounding.
 *
 * A number is (sign, exponent, significand): (-1)^sign * significand * 2^(exponent - 16383 - 63), bit 63 of the
 * significand set. Exponents are biased by 16383 whatever the format and may leave the 15-bit range.
 * The exact result has 128 bits of significand, of which the lowest is sticky. hi = 0 means zero.
 */
let exactSign: u32 = 0;
let exactExp: i32 = 0;
let exactHi: u64 = 0;
let exactLo: u64 = 0;

// @ts-ignore: decorator
@inline
export function xSign(): u32 { return exactSign; }
// @ts-ignore: decorator
@inline
export function xExp(): i32 { return exactExp; }
// @ts-ignore: decorator
@inline
export function xHi(): u64 { return exactHi; }
// @ts-ignore: decorator
@inline
export function xLo(): u64 { return exactLo; }

// @ts-ignore: decorator
@inline
export function setExact(sign: u32, exp: i32, hi: u64, lo: u64): void {
  exactSign = sign;
  exactExp = exp;
  exactHi = hi;
  exactLo = lo;
}

/** Sets the exact result after shifting the significand left until bit 127 is set. */
export function setNormalised(sign: u32, exp: i32, hi: u64, lo: u64): void {
  if ((hi | lo) == 0) { setExact(sign, 0, 0, 0); return; }
  const n: i32 = hi != 0 ? i32(clz(hi)) : 64 + i32(clz(lo));
  setExact(sign, exp - n, shiftLeft(hi, lo, n), low());
}

/** a + b. The sign of an exact zero is left 0: the caller knows the rounding mode. */
export function addExact(aSign: u32, aExp: i32, a: u64, bSign: u32, bExp: i32, b: u64): void {
  if (aExp < bExp || (aExp == bExp && a < b)) {
    addOrdered(bSign, bExp, b, aSign, aExp, a);
  } else {
    addOrdered(aSign, aExp, a, bSign, bExp, b);
  }
}

function addOrdered(aSign: u32, aExp: i32, a: u64, bSign: u32, bExp: i32, b: u64): void {
  const bHi = shiftRightJam(b, 0, aExp - bExp);
  const bLo = low();
  if (aSign == bSign) {
    const sum = a + bHi;
    if (sum < a) {
      setExact(aSign, aExp + 1, (sum >> 1) | 0x8000000000000000, (bLo >> 1) | (bLo & 1) | (sum << 63));
    } else {
      setExact(aSign, aExp, sum, bLo);
    }
    return;
  }
  const lo = 0 - bLo;
  const hi = a - bHi - u64(bLo != 0);
  setNormalised((hi | lo) == 0 ? 0 : aSign, aExp, hi, lo);
}

export function mulExact(aSign: u32, aExp: i32, a: u64, bSign: u32, bExp: i32, b: u64): void {
  const hi = mulWide(a, b);
  const lo = low();
  const exp = aExp + bExp - 16383;
  if (hi >> 63 != 0) setExact(aSign ^ bSign, exp + 1, hi, lo);
  else setExact(aSign ^ bSign, exp, (hi << 1) | (lo >> 63), lo << 1);
}

export function divExact(aSign: u32, aExp: i32, a: u64, bSign: u32, bExp: i32, b: u64): void {
  const fits = a < b;
  const q = fits ? divWide(a, 0, b) : divWide(a >> 1, a << 63, b);
  const r = low();
  setExact(aSign ^ bSign, aExp - bExp + 16383 - i32(fits), q, fraction(r, b - r));
}

/** Sticky low word for a discarded fraction r / (r + rest). */
// @ts-ignore: decorator
@inline
function fraction(r: u64, rest: u64): u64 {
  if (r == 0) return 0;
  return r > rest ? 0xc000000000000000 : r == rest ? 0x8000000000000000 : 1;
}

/** Square root of a positive number. */
export function sqrtExact(exp: i32, sig: u64): void {
  const e = exp - 16383;
  const odd = e & 1;
  const root = odd ? sqrtWide(sig, 0) : sqrtWide(sig >> 1, sig << 63);
  const inexact = low() != 0;
  setExact(0, (e >> 1) + 16383, root, inexact ? (rootRemainderAboveHalf() ? 0xc000000000000000 : 1) : 0);
}
