import { low, shiftRightJam } from './wide';
import { xExp, xHi, xLo, xSign } from './exact';

/** Exception bits, as in FSW and MXCSR (SDM Vol. 1 8.5, 11.5). */
export const IE: u32 = 1;
export const DE: u32 = 2;
export const ZE: u32 = 4;
export const OE: u32 = 8;
export const UE: u32 = 16;
export const PE: u32 = 32;

/** Rounding control, as in FCW and MXCSR. */
export const RC_NEAREST: u32 = 0;
export const RC_DOWN: u32 = 1;
export const RC_UP: u32 = 2;
export const RC_ZERO: u32 = 3;

let outSig: u64 = 0;
let outExp: i32 = 0;
let outFlags: u32 = 0;
let outUp: bool = false;
let outInf: bool = false;
let carry: bool = false;
let inexact: bool = false;

/** Rounded significand: bit 63 clear means a denormal number (exponent of the format's smallest normal) or zero. */
// @ts-ignore: decorator
@inline
export function rSig(): u64 { return outSig; }
/** Rounded exponent, biased by 16383. */
// @ts-ignore: decorator
@inline
export function rExp(): i32 { return outExp; }
/** OE, UE, PE of the rounding. */
// @ts-ignore: decorator
@inline
export function rFlags(): u32 { return outFlags; }
/** True when the magnitude was rounded up (x87 C1). */
// @ts-ignore: decorator
@inline
export function rUp(): bool { return outUp; }
/** True when the result overflowed to infinity. */
// @ts-ignore: decorator
@inline
export function rInf(): bool { return outInf; }

/** True when a value with the discarded fraction must be rounded away from zero. */
// @ts-ignore: decorator
@inline
function roundsAway(rc: u32, sign: u32, aboveHalf: bool, half: bool, odd: bool): bool {
  if (rc == RC_NEAREST) return aboveHalf || (half && odd);
  return (rc == RC_DOWN && sign != 0) || (rc == RC_UP && sign == 0);
}

/** Rounds hi:lo to `bits` bits counted from bit 63 of hi. Sets outSig, outUp, carry, inexact. */
export function roundBits(sign: u32, hi: u64, lo: u64, bits: i32, rc: u32): void {
  carry = false;
  if (bits == 64) {
    inexact = lo != 0;
    outUp = inexact && roundsAway(rc, sign, lo > 0x8000000000000000, lo == 0x8000000000000000, (hi & 1) != 0);
    outSig = hi + u64(outUp);
    if (outUp && outSig == 0) { outSig = 0x8000000000000000; carry = true; }
    return;
  }
  const unit: u64 = 1 << (64 - bits);
  const rest = hi & (unit - 1);
  const half = unit >> 1;
  inexact = (rest | lo) != 0;
  outUp = inexact && roundsAway(rc, sign, rest > half || (rest == half && lo != 0), rest == half && lo == 0, (hi & unit) != 0);
  outSig = hi & ~(unit - 1);
  if (outUp) {
    outSig += unit;
    if (outSig == 0) { outSig = 0x8000000000000000; carry = true; }
  }
}

// @ts-ignore: decorator
@inline
export function roundInexact(): bool { return inexact; }

/**
 * Rounds the exact result to a format of `bits` significant bits with normal exponents expMin … expMax.
 * `masks` has a 1 for each masked exception: an unmasked overflow or underflow leaves the exponent as it is
 * (the x87 result then gets the biased exponent, SDM Vol. 1 8.5.4).
 */
export function roundExact(bits: i32, expMin: i32, expMax: i32, rc: u32, masks: u32): void {
  const sign = xSign();
  outFlags = 0;
  outInf = false;
  roundBits(sign, xHi(), xLo(), bits, rc);
  outExp = xExp() + i32(carry);
  if (outExp < expMin) { underflow(sign, bits, expMin, rc, masks); return; }
  if (outExp > expMax) { overflow(sign, bits, expMax, rc, masks); return; }
  if (inexact) outFlags = PE;
}

function underflow(sign: u32, bits: i32, expMin: i32, rc: u32, masks: u32): void {
  if ((masks & UE) == 0) {
    outFlags = UE | (inexact ? PE : 0);
    return;
  }
  const hi = shiftRightJam(xHi(), xLo(), expMin - xExp());
  roundBits(sign, hi, low(), bits, rc);
  outExp = expMin;
  outFlags = inexact ? UE | PE : 0;
}

function overflow(sign: u32, bits: i32, expMax: i32, rc: u32, masks: u32): void {
  if ((masks & OE) == 0) {
    outFlags = OE | (inexact ? PE : 0);
    return;
  }
  outFlags = OE | PE;
  outInf = rc == RC_NEAREST || (rc == RC_UP && sign == 0) || (rc == RC_DOWN && sign != 0);
  outUp = outInf;
  outExp = expMax + i32(outInf);
  outSig = outInf ? 0x8000000000000000 : ~u64(0) << (64 - bits);
}
