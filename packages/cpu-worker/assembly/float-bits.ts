import { setNormalised, xHi } from './exact';
import { DE, IE, OE, PE, UE, rExp, rFlags, rInf, rSig, roundExact } from './round';
import { isDaz, isFtz, masks, raiseSse, roundingSse } from './mxcsr';

/**
 * Single and double precision numbers as bit patterns in u64, for both formats: `bits` is the
 * number of significant bits, 24 or 53 (SDM Vol. 1 4.2.2).
 */

// @ts-ignore: decorator
@inline
export function signBit(bits: i32): u64 { return bits == 24 ? 0x80000000 : 0x8000000000000000; }
// @ts-ignore: decorator
@inline
export function infBits(bits: i32): u64 { return bits == 24 ? 0x7f800000 : 0x7ff0000000000000; }
// @ts-ignore: decorator
@inline
export function quietBit(bits: i32): u64 { return 1 << u64(bits - 2); }
/** Default NaN: negative, quiet, no payload. */
// @ts-ignore: decorator
@inline
export function defaultNan(bits: i32): u64 { return signBit(bits) | infBits(bits) | quietBit(bits); }
// @ts-ignore: decorator
@inline
export function magnitude(x: u64, bits: i32): u64 { return x & (signBit(bits) - 1); }
// @ts-ignore: decorator
@inline
export function isNan(x: u64, bits: i32): bool { return magnitude(x, bits) > infBits(bits); }
// @ts-ignore: decorator
@inline
export function isSignalling(x: u64, bits: i32): bool { return isNan(x, bits) && (x & quietBit(bits)) == 0; }
// @ts-ignore: decorator
@inline
export function isInf(x: u64, bits: i32): bool { return magnitude(x, bits) == infBits(bits); }
// @ts-ignore: decorator
@inline
export function isZero(x: u64, bits: i32): bool { return magnitude(x, bits) == 0; }
// @ts-ignore: decorator
@inline
export function isDenormal(x: u64, bits: i32): bool { return magnitude(x, bits) - 1 < (u64(1) << u64(bits - 1)) - 1; }
// @ts-ignore: decorator
@inline
export function isNegative(x: u64, bits: i32): bool { return (x & signBit(bits)) != 0; }

/** Operand as the instruction sees it: DAZ makes denormals zero. */
// @ts-ignore: decorator
@inline
export function operand(x: u64, bits: i32): u64 {
  return isDaz() && isDenormal(x, bits) ? x & signBit(bits) : x;
}

// @ts-ignore: decorator
@inline
export function raiseDenormal(x: u64, bits: i32): void {
  if (isDenormal(x, bits)) raiseSse(DE);
}

/** Result when an operand is a NaN: the first NaN, quieted (SDM Vol. 1 table 4-7). */
export function nanResult(x: u64, y: u64, bits: i32): u64 {
  if (isSignalling(x, bits) || isSignalling(y, bits)) raiseSse(IE);
  return (isNan(x, bits) ? x : y) | quietBit(bits);
}

export function invalid(bits: i32): u64 {
  raiseSse(IE);
  return defaultNan(bits);
}

/** Exponent biased by 16383 of a finite non-zero number whose significand is normalised to bit 63. */
export function exponent(x: u64, bits: i32): i32 {
  const e = i32(magnitude(x, bits) >> u64(bits - 1));
  const bias = bits == 24 ? 127 : 1023;
  if (e != 0) return e - bias + 16383;
  return 1 - bias + 16383 - (i32(clz(magnitude(x, bits))) - (64 - bits));
}

/** Significand normalised to bit 63. */
export function significand(x: u64, bits: i32): u64 {
  const m = magnitude(x, bits);
  const frac = m & ((u64(1) << u64(bits - 1)) - 1);
  if (frac == m) return m << clz(m);
  return (frac | (u64(1) << u64(bits - 1))) << u64(64 - bits);
}

/** Rounds the exact result (exact.ts) to a bit pattern, raising OE, UE, PE. `zero` is returned for an exact zero. */
export function roundSse(sign: u32, bits: i32, zero: u64): u64 {
  if (xHi() == 0) return zero;
  const bias = bits == 24 ? 127 : 1023;
  roundExact(bits, 16383 + 1 - bias, 16383 + bias, roundingSse(), masks());
  const top = sign != 0 ? signBit(bits) : 0;
  // A tiny number may have been rounded up to the smallest normal one: UE tells.
  const isTiny = rSig() >> 63 == 0 || (rFlags() & UE) != 0;
  if (isTiny && isFtz() && (masks() & UE) != 0) {
    raiseSse(UE | PE);
    return top;
  }
  raiseSse(rFlags());
  if (rInf()) return top | infBits(bits);
  const frac = (rSig() >> u64(64 - bits)) & ((u64(1) << u64(bits - 1)) - 1);
  if (rSig() >> 63 == 0) return top | frac;
  return top | (u64(rExp() - 16383 + bias) << u64(bits - 1)) | frac;
}

/** Exact integer value as the exact result: roundSse gives it in a format. */
export function exactInt(v: i64): void {
  setNormalised(u32(v < 0), 16383 + 63, v < 0 ? 0 - u64(v) : u64(v), 0);
}
