/**
 * Double extended-precision numbers: `se` = sign and 15-bit exponent, `sig` = 64-bit significand
 * with explicit integer bit (SDM Vol. 1 4.2.2, 8.2.2).
 */
import { raise, INDEFINITE_SE, INDEFINITE_SIG } from './state';
import { IE } from './round';

export const INT_BIT: u64 = 0x8000000000000000;
export const QUIET_BIT: u64 = 0x4000000000000000;

/** Classes of operands; SNAN and UNSUPPORTED raise the invalid-operation exception. */
export const ZERO: u32 = 0;
export const NORMAL: u32 = 1;
export const DENORMAL: u32 = 2;
export const INFINITE: u32 = 3;
export const QNAN: u32 = 4;
export const SNAN: u32 = 5;
export const UNSUPPORTED: u32 = 6;

export function classify(se: u32, sig: u64): u32 {
  const e = se & 0x7fff;
  if (e == 0) return sig == 0 ? ZERO : DENORMAL;
  if (sig >> 63 == 0) return UNSUPPORTED;
  if (e != 0x7fff) return NORMAL;
  if (sig == INT_BIT) return INFINITE;
  return (sig & QUIET_BIT) != 0 ? QNAN : SNAN;
}

// @ts-ignore: decorator
@inline
export function isNormal(se: u32, sig: u64): bool {
  return sig >> 63 != 0 && (se & 0x7fff) - 1 < 0x7ffe;
}

/** Biased exponent of a finite non-zero number after normalisation; normalised() is its significand. */
// @ts-ignore: decorator
@inline
export function normalisedExp(se: u32, sig: u64): i32 {
  const e = i32(se & 0x7fff);
  return (e == 0 ? 1 : e) - i32(clz(sig));
}

// @ts-ignore: decorator
@inline
export function normalised(sig: u64): u64 { return sig << clz(sig); }

// A memory operand in f32 or f64 format was denormal: its extended form is normal, DE is still due.
let widenedDenormal: bool = false;
// @ts-ignore: decorator
@inline
export function isWidenedDenormal(): bool { return widenedDenormal; }
// @ts-ignore: decorator
@inline
export function setWidenedDenormal(is: bool): void { widenedDenormal = is; }

let valueSe: u32 = 0;
let valueSig: u64 = 0;

/** Result number of the last operation. */
// @ts-ignore: decorator
@inline
export function vSe(): u32 { return valueSe; }
// @ts-ignore: decorator
@inline
export function vSig(): u64 { return valueSig; }
// @ts-ignore: decorator
@inline
export function setValue(se: u32, sig: u64): void { valueSe = se; valueSig = sig; }

export function setInvalid(): void {
  raise(IE);
  setValue(INDEFINITE_SE, INDEFINITE_SIG);
}

/** NaN result of an operation with one operand that is a NaN. */
export function setQuieted(se: u32, sig: u64): void {
  if ((sig & QUIET_BIT) == 0) raise(IE);
  setValue(se, sig | QUIET_BIT);
}

/**
 * NaN result of two operands of which at least one is a NaN or unsupported (SDM Vol. 1 table 4-7):
 * unsupported: indefinite; SNaN and QNaN: the QNaN; both of one kind: the larger significand, then the positive one.
 */
export function setNanResult(aSe: u32, a: u64, bSe: u32, b: u64): void {
  const ca = classify(aSe, a), cb = classify(bSe, b);
  if (ca == UNSUPPORTED || cb == UNSUPPORTED) { setInvalid(); return; }
  if (ca == SNAN || cb == SNAN) raise(IE);
  const aNan = ca >= QNAN, bNan = cb >= QNAN;
  if (aNan && bNan && ca == cb) {
    const takeA = a > b || (a == b && aSe < bSe);
    setValue(takeA ? aSe : bSe, (takeA ? a : b) | QUIET_BIT);
  } else if (aNan && (!bNan || ca == QNAN)) {
    setValue(aSe, a | QUIET_BIT);
  } else {
    setValue(bSe, b | QUIET_BIT);
  }
}
