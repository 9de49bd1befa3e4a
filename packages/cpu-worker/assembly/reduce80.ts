/** FPREM, FPREM1, FSCALE and FXTRACT (SDM Vol. 2A). */
import { finishRegister } from './arith80';
import { setExact } from './exact';
import { DENORMAL, INFINITE, INT_BIT, QNAN, UNSUPPORTED, ZERO, classify, normalised, normalisedExp, setInvalid, setNanResult, setQuieted, setValue, vSe, vSig } from './number80';
import { DE, ZE } from './round';
import { C0, C1, C2, C3, raise } from './state';

/** Answer of `remainder` when the result is a NaN: C2 is cleared, the other condition codes stay. */
export const NO_QUOTIENT: u32 = 0xffffffff;

/**
 * a rem b; truncating quotient (FPREM) or nearest (FPREM1, `nearest`). The result is in vSe()/vSig().
 * Returns the condition code bits: C2 = incomplete, else C0 C3 C1 = quotient bits 2 1 0.
 */
export function remainder(tcb: usize, aSe: u32, a: u64, bSe: u32, b: u64, nearest: bool): u32 {
  const ca = classify(aSe, a), cb = classify(bSe, b);
  if (ca >= QNAN || cb >= QNAN) { setNanResult(aSe, a, bSe, b); return NO_QUOTIENT; }
  if (ca == INFINITE || cb == ZERO) { setInvalid(); return NO_QUOTIENT; }
  if (ca == DENORMAL || cb == DENORMAL) raise(DE);
  if (ca == ZERO) { setValue(aSe, a); return 0; }
  if (cb == INFINITE) { keep(tcb, aSe, a); return 0; }
  const ae = normalisedExp(aSe, a), be = normalisedExp(bSe, b);
  const distance = ae - be;
  if (distance < -1 || (distance < 0 && !nearest)) { keep(tcb, aSe, a); return 0; }
  return reduce(tcb, aSe >> 15, ae, normalised(a), be, normalised(b), nearest);
}

/** The dividend is the result; normalised and checked for underflow. */
function keep(tcb: usize, se: u32, sig: u64): void {
  setExact(se >> 15, normalisedExp(se, sig), normalised(sig), 0);
  finishRegister(tcb, 64);
}

function reduce(tcb: usize, sign: u32, ae: i32, a: u64, be: i32, b: u64, nearest: bool): u32 {
  const distance = ae - be;
  const partial = distance >= 64;
  const steps = partial ? 32 + (distance & 31) : distance;
  let q: u64 = 0;
  let r = a;
  let over = false;
  for (let i = 0; i <= steps; i++) {
    q <<= 1;
    if (over || r >= b) { r -= b; q |= 1; }
    if (i < steps) { over = r >> 63 != 0; r <<= 1; }
  }
  let exp = partial ? ae - steps : be;
  if (distance < 0) { r = a; q = 0; exp = ae; }
  if (nearest && !partial) {
    const above = distance < 0 ? a > b : r > b - r;
    const half = distance < 0 ? a == b : r == b - r;
    if (above || (half && (q & 1) != 0)) {
      // r - b: at distance -1 the dividend has half the weight of the divisor.
      if (distance < 0) nearestBelow(sign, ae, a, b);
      else setExact(sign ^ 1, be - i32(clz(b - r)), (b - r) << clz(b - r), 0);
      q++;
      finishRegister(tcb, 64);
      return conditionOf(q);
    }
  }
  if (r == 0) setValue(sign << 15, 0);
  else {
    setExact(sign, exp - i32(clz(r)), r << clz(r), 0);
    finishRegister(tcb, 64);
  }
  return partial ? C2 : conditionOf(q);
}

/** a - 2b in units of a's last place, where b < a < 2b: magnitude 2b - a, opposite sign. */
function nearestBelow(sign: u32, ae: i32, a: u64, b: u64): void {
  const d = (b - a) + b;
  setExact(sign ^ 1, ae - i32(clz(d)), d << clz(d), 0);
}

function conditionOf(q: u64): u32 {
  return ((q & 4) != 0 ? C0 : 0) | ((q & 2) != 0 ? C3 : 0) | ((q & 1) != 0 ? C1 : 0);
}

/** ST(0) * 2^trunc(ST(1)). */
export function scale(tcb: usize, aSe: u32, a: u64, bSe: u32, b: u64): void {
  const ca = classify(aSe, a), cb = classify(bSe, b);
  if (ca >= QNAN || cb >= QNAN) { setNanResult(aSe, a, bSe, b); return; }
  const down = bSe >> 15 != 0;
  if (cb == INFINITE) {
    if (ca == (down ? INFINITE : ZERO)) { setInvalid(); return; }
    if (ca == DENORMAL) raise(DE);
    if (down) setValue(aSe & 0x8000, 0);
    else setValue((aSe & 0x8000) | 0x7fff, INT_BIT);
    return;
  }
  if (ca == DENORMAL || cb == DENORMAL) raise(DE);
  if (ca == ZERO || ca == INFINITE) { setValue(aSe, a); return; }
  // Scaling by zero is no operation on a denormal: no underflow, even unmasked.
  if (cb == ZERO && ca == DENORMAL && a >> 63 == 0) { setValue(aSe, a); return; }
  const be = i32(bSe & 0x7fff) - 16383;
  let by: i32 = 0;
  if (cb != ZERO && be >= 0) by = be > 16 ? 0x20000 : i32(b >> (63 - be));
  if (down) by = -by;
  setExact(aSe >> 15, normalisedExp(aSe, a) + by, normalised(a), 0);
  finishRegister(tcb, 64);
}

let exponentSe: u32 = 0;
let exponentSig: u64 = 0;
export function extractedSe(): u32 { return exponentSe; }
export function extractedSig(): u64 { return exponentSig; }

/** FXTRACT: vSe()/vSig() = significand, extractedSe()/extractedSig() = exponent. */
export function extract(se: u32, sig: u64): void {
  const c = classify(se, sig);
  if (c >= QNAN) {
    if (c == UNSUPPORTED) setInvalid();
    else setQuieted(se, sig);
    setExponent(vSe(), vSig());
    return;
  }
  if (c == ZERO) {
    raise(ZE);
    setExponent(0xffff, INT_BIT);
    setValue(se, sig);
  } else if (c == INFINITE) {
    setExponent(0x7fff, INT_BIT);
    setValue(se, sig);
  } else {
    if (c == DENORMAL) raise(DE);
    const e = normalisedExp(se, sig) - 16383;
    const mag: u64 = e < 0 ? -e : e;
    const n = i32(clz(mag));
    if (mag == 0) setExponent(0, 0);
    else setExponent((e < 0 ? 0x8000 : 0) | (16383 + 63 - n), mag << n);
    setValue((se & 0x8000) | 16383, normalised(sig));
  }
}

function setExponent(se: u32, sig: u64): void { exponentSe = se; exponentSig = sig; }
