/** Comparison of extended-precision numbers (SDM Vol. 2A FCOM, FUCOM, FCOMI, FTST). */
import { DENORMAL, INFINITE, QNAN, SNAN, ZERO, classify, isWidenedDenormal, normalised, normalisedExp } from './number80';
import { DE, IE } from './round';
import { raise } from './state';

export const GREATER: u32 = 0;
export const LESS: u32 = 1;
export const EQUAL: u32 = 2;
export const UNORDERED: u32 = 3;

/** Relation of a to b. A QNaN raises IE unless `quiet`. */
export function compare(aSe: u32, a: u64, bSe: u32, b: u64, quiet: bool): u32 {
  const ca = classify(aSe, a), cb = classify(bSe, b);
  if (ca >= QNAN || cb >= QNAN) {
    if (!quiet || ca >= SNAN || cb >= SNAN) raise(IE);
    return UNORDERED;
  }
  if (ca == DENORMAL || cb == DENORMAL || isWidenedDenormal()) raise(DE);
  if (ca == ZERO && cb == ZERO) return EQUAL;
  const aNeg = aSe >> 15 != 0, bNeg = bSe >> 15 != 0;
  if (ca == ZERO) return bNeg ? GREATER : LESS;
  if (cb == ZERO) return aNeg ? LESS : GREATER;
  if (aNeg != bNeg) return aNeg ? LESS : GREATER;
  const order = magnitudeOrder(aSe, a, ca, bSe, b, cb);
  if (order == 0) return EQUAL;
  return (order < 0) != aNeg ? LESS : GREATER;
}

function magnitudeOrder(aSe: u32, a: u64, ca: u32, bSe: u32, b: u64, cb: u32): i32 {
  if (ca == INFINITE || cb == INFINITE) return i32(ca == INFINITE) - i32(cb == INFINITE);
  const ae = normalisedExp(aSe, a), be = normalisedExp(bSe, b);
  if (ae != be) return ae < be ? -1 : 1;
  const an = normalised(a), bn = normalised(b);
  return an == bn ? 0 : an < bn ? -1 : 1;
}
