/**
 * Conversions between extended precision and f32, f64, integers and packed BCD
 * (SDM Vol. 2A FLD FST FILD FIST FBLD FBSTP FRNDINT).
 */
import { setExact } from './exact';
import { DENORMAL, INFINITE, INT_BIT, QNAN, QUIET_BIT, UNSUPPORTED, ZERO, classify, normalised, normalisedExp, setInvalid, setQuieted, setValue, setWidenedDenormal, vSe, vSig } from './number80';
import { DE, IE, PE, RC_ZERO, UE, OE, rExp, rFlags, rInf, rSig, rUp, roundExact } from './round';
import { fcw, raise, raisedFlags, rounding, setRoundedUp } from './state';
import { low, shiftRightJam } from './wide';

/** f32 bits to a register value, without exceptions; a denormal sets isWidenedDenormal(). */
export function widen32(bits: u32): void {
  const sign = (bits >> 16) & 0x8000;
  const exp = (bits >> 23) & 0xff;
  const frac = u64(bits & 0x7fffff) << 40;
  widen(sign, exp, 0xff, 16383 - 127, frac);
}

export function widen64(bits: u64): void {
  const sign = u32(bits >> 48) & 0x8000;
  const exp = u32(bits >> 52) & 0x7ff;
  const frac = (bits & 0x000fffffffffffff) << 11;
  widen(sign, exp, 0x7ff, 16383 - 1023, frac);
}

// @ts-ignore: decorator
@inline
function widen(sign: u32, exp: u32, expMax: u32, rebias: u32, frac: u64): void {
  setWidenedDenormal(false);
  if (exp == expMax) setValue(sign | 0x7fff, frac | INT_BIT);
  else if (exp != 0) setValue(sign | (exp + rebias), frac | INT_BIT);
  else if (frac == 0) setValue(sign, 0);
  else {
    setWidenedDenormal(true);
    const n = u32(clz(frac));
    setValue(sign | (rebias + 1 - n), frac << n);
  }
}

export function widenInt(v: i64): void {
  setWidenedDenormal(false);
  if (v == 0) { setValue(0, 0); return; }
  const sign: u32 = v < 0 ? 0x8000 : 0;
  const mag: u64 = v < 0 ? 0 - u64(v) : u64(v);
  const n = u32(clz(mag));
  setValue(sign | (16383 + 63 - n), mag << n);
}

/** To f32 (bits = 24) or f64 (bits = 53) bits under the rounding control; raises IE OE UE PE. */
export function narrow(tcb: usize, se: u32, sig: u64, bits: i32): u64 {
  const expBits: i32 = bits == 24 ? 8 : 11;
  const fracBits = bits - 1;
  const expMax: u64 = (1 << expBits) - 1;
  const sign: u64 = u64(se >> 15) << (fracBits + expBits);
  const c = classify(se, sig);
  if (c == ZERO) return sign;
  if (c == INFINITE) return sign | (expMax << fracBits);
  if (c >= QNAN) {
    if (c != QNAN) raise(IE);
    if (c == UNSUPPORTED) return ((u64(1) << (expBits + 2)) - 1) << (fracBits - 1);
    return sign | (expMax << fracBits) | ((sig | QUIET_BIT) << 1 >> (64 - fracBits));
  }
  const bias = (1 << (expBits - 1)) - 1;
  const expMin = 16383 - bias + 1;
  setExact(se >> 15, normalisedExp(se, sig), normalised(sig), 0);
  roundExact(bits, expMin, 16383 + bias, rounding(tcb), fcw(tcb));
  raise(rFlags());
  setRoundedUp(rUp());
  if (rInf()) return sign | (expMax << fracBits);
  const field = rSig() >> 63 != 0 ? u64(rExp() - expMin + 1) : 0;
  return sign | (field << fracBits) | (rSig() << 1 >> (64 - fracBits));
}

/** True when the conversion just done must not be stored: unmasked IE, OE or UE. */
export function isStoreSuppressed(tcb: usize): bool {
  return (raisedFlags() & ~fcw(tcb) & (IE | OE | UE)) != 0;
}

/** Magnitude of the number rounded to an integer, or all ones when it needs more than 64 bits. */
function integerMagnitude(se: u32, sig: u64, rc: u32): u64 {
  const shift = 63 + 16383 - i32(se & 0x7fff);
  if (shift < 0) return 0xffffffffffffffff;
  const hi = shiftRightJam(sig, 0, shift);
  const odd = (hi & 1) != 0;
  const rest = low();
  if (rest == 0) return hi;
  const up = rc == 0 ? rest > INT_BIT || (rest == INT_BIT && odd) : rc != RC_ZERO && (rc == 1) == (se >> 15 != 0);
  integerInexact = true;
  integerUp = up;
  return hi + u64(up);
}

let integerInexact: bool = false;
let integerUp: bool = false;

/** To a signed integer of `size` bits (16, 32, 64); out of range and NaN raise IE and give the integer indefinite. */
export function toInteger(se: u32, sig: u64, size: i32, rc: u32): i64 {
  const indefinite: i64 = i64(-1) << (size - 1);
  const negative = se >> 15 != 0;
  integerInexact = integerUp = false;
  if (classify(se, sig) >= INFINITE) { raise(IE); return indefinite; }
  const mag = integerMagnitude(se, sig, rc);
  const limit: u64 = (u64(1) << (size - 1)) - u64(!negative);
  if (mag > limit) { raise(IE); return indefinite; }
  if (integerInexact) raise(PE);
  setRoundedUp(integerUp);
  return negative ? 0 - i64(mag) : i64(mag);
}

/** FRNDINT. */
export function roundToInteger(tcb: usize, se: u32, sig: u64): void {
  const c = classify(se, sig);
  if (c >= QNAN) { if (c == UNSUPPORTED) setInvalid(); else setQuieted(se, sig); return; }
  const exp = i32(se & 0x7fff);
  if (c == ZERO || c == INFINITE || exp >= 16383 + 63) { setValue(se, sig); return; }
  if (c == DENORMAL) raise(DE);
  integerInexact = integerUp = false;
  const mag = integerMagnitude(se, sig, rounding(tcb));
  if (integerInexact) raise(PE);
  setRoundedUp(integerUp);
  if (mag == 0) { setValue(se & 0x8000, 0); return; }
  const n = u32(clz(mag));
  setValue((se & 0x8000) | (16383 + 63 - n), mag << n);
}

/** Packed BCD (18 digits in lo and the low byte of hi, sign in bit 15 of hi) to a register value. */
export function fromBcd(lo: u64, hi: u32): void {
  let mag: u64 = u64((hi >> 4) & 15) * 10 + u64(hi & 15);
  for (let i = 60; i >= 0; i -= 4) mag = mag * 10 + ((lo >> i) & 15);
  widenInt(i64(mag));
  setValue(vSe() | (hi & 0x8000), vSig());
}

let bcdHi: u32 = 0;
/** High 16 bits of the last toBcd result. */
export function bcdHigh(): u32 { return bcdHi; }

/** To packed BCD: returns the low 64 bits; indefinite (IE) outside ±(10^18 - 1). */
export function toBcd(tcb: usize, se: u32, sig: u64): u64 {
  integerInexact = integerUp = false;
  const c = classify(se, sig);
  let mag: u64 = c >= INFINITE ? 0xffffffffffffffff : integerMagnitude(se, sig, rounding(tcb));
  if (mag > 999999999999999999) {
    raise(IE);
    bcdHi = 0xffff;
    return 0xc000000000000000;
  }
  if (integerInexact) raise(PE);
  setRoundedUp(integerUp);
  let lo: u64 = 0;
  for (let i = 0; i < 64; i += 4) {
    lo |= (mag % 10) << i;
    mag /= 10;
  }
  bcdHi = u32(mag % 10) | (u32(mag / 10) << 4) | (se & 0x8000);
  return lo;
}
