/**
 * Short cuts for the usual case: all exceptions masked, round to nearest, 64-bit precision, normal
 * operands and results. Each returns false, having changed nothing, when the general code must run.
 */
import { TCB_ST } from '../dist/assembly/tcb-layout';
import { DIV, DIVR, MUL, SUB, SUBR } from './arith80';
import { isNormal } from './number80';
import { PE } from './round';
import { C1, fcw, fsw, ftw, setFsw, setFtw } from './state';
import { divWide, low, mulWide } from './wide';

/** FCW with all exceptions masked, nearest rounding and 64-bit precision. */
// @ts-ignore: decorator
@inline
function isUsualControl(tcb: usize): bool { return (fcw(tcb) & 0xf3f) == 0x33f; }

// @ts-ignore: decorator
@inline
function at(tcb: usize, physical: u32): usize { return tcb + TCB_ST + (usize(physical) << 4); }

/** Register ST(i) op number (bSe, b) into ST(i), ending with the pop when asked. */
export function fastArith(tcb: usize, op: u32, i: u32, bSe: u32, b: u64, pop: u32): bool {
  if (!isUsualControl(tcb)) return false;
  const sw = fsw(tcb);
  const p = ((sw >> 11) + i) & 7;
  if (((ftw(tcb) >> p) & 1) == 0) return false;
  const reg = at(tcb, p);
  const aSe = u32(load<u16>(reg, 8)), a = load<u64>(reg);
  if (!isNormal(aSe, a) || !isNormal(bSe, b)) return false;
  if (op == MUL) return product(tcb, sw, reg, aSe, a, bSe, b, pop);
  if (op == DIV) return quotient(tcb, sw, reg, aSe, a, bSe, b, pop);
  if (op == DIVR) return quotient(tcb, sw, reg, bSe, b, aSe, a, pop);
  return sum(tcb, sw, reg, op == SUBR ? aSe ^ 0x8000 : aSe, a, op == SUB ? bSe ^ 0x8000 : bSe, b, pop);
}

function product(tcb: usize, sw: u32, reg: usize, aSe: u32, a: u64, bSe: u32, b: u64, pop: u32): bool {
  let hi = mulWide(a, b);
  let lo = low();
  const carry = u32(hi >> 63);
  if (carry == 0) {
    hi = (hi << 1) | (lo >> 63);
    lo <<= 1;
  }
  return round(tcb, sw, reg, (aSe ^ bSe) & 0x8000, (aSe & 0x7fff) + (bSe & 0x7fff) - 16383 + carry, hi, lo, pop);
}

function quotient(tcb: usize, sw: u32, reg: usize, aSe: u32, a: u64, bSe: u32, b: u64, pop: u32): bool {
  const below = a < b;
  const q = below ? divWide(a, 0, b) : divWide(a >> 1, a << 63, b);
  const r = low();
  // Sticky form of the discarded fraction r / b.
  const rest: u64 = r == 0 ? 0 : r > b - r ? 0xc000000000000000 : r == b - r ? 0x8000000000000000 : 1;
  return round(tcb, sw, reg, (aSe ^ bSe) & 0x8000, (aSe & 0x7fff) - (bSe & 0x7fff) + 16383 - u32(below), q, rest, pop);
}

function sum(tcb: usize, sw: u32, reg: usize, aSe: u32, a: u64, bSe: u32, b: u64, pop: u32): bool {
  let exp = aSe & 0x7fff, bExp = bSe & 0x7fff;
  let sign = aSe & 0x8000;
  if (exp < bExp || (exp == bExp && a < b)) {
    const s = a; a = b; b = s;
    const e = exp; exp = bExp; bExp = e;
    sign = bSe & 0x8000;
  }
  const d = exp - bExp;
  if (d > 63) return false;
  let lo: u64 = d != 0 ? b << (64 - d) : 0;
  b >>= d;
  if (((aSe ^ bSe) & 0x8000) == 0) {
    let hi = a + b;
    if (hi < a) {
      lo = (lo >> 1) | (hi << 63) | (lo & 1);
      hi = (hi >> 1) | 0x8000000000000000;
      exp++;
    }
    return round(tcb, sw, reg, sign, exp, hi, lo, pop);
  }
  let hi = a - b - u64(lo != 0);
  lo = 0 - lo;
  if (hi == 0) return false;
  const n = u32(clz(hi));
  if (n != 0) {
    hi = (hi << n) | (lo >> (64 - n));
    lo <<= n;
    exp -= n;
  }
  return round(tcb, sw, reg, sign, exp, hi, lo, pop);
}

/** Rounds to nearest even and writes the register, C1, PE and the pop. */
// @ts-ignore: decorator
@inline
function round(tcb: usize, sw: u32, reg: usize, sign: u32, exp: u32, hi: u64, lo: u64, pop: u32): bool {
  const up = lo > 0x8000000000000000 || (lo == 0x8000000000000000 && (hi & 1) != 0);
  hi += u64(up);
  if (hi == 0) {
    hi = 0x8000000000000000;
    exp++;
  }
  if (exp - 1 >= 0x7ffe) return false;
  store<u64>(reg, hi);
  store<u16>(reg, sign | exp, 8);
  sw &= ~C1;
  if (lo != 0) sw |= up ? PE | C1 : PE;
  if (pop) {
    const top = (sw >> 11) & 7;
    setFtw(tcb, ftw(tcb) & ~(u32(1) << top));
    sw = (sw & ~u32(0x3800)) | (((top + 1) & 7) << 11);
  }
  setFsw(tcb, sw);
  return true;
}

/** Pushes an exact number when the register below the top is free. */
export function pushExact(tcb: usize, se: u32, sig: u64): bool {
  const sw = fsw(tcb);
  const p = ((sw >> 11) - 1) & 7;
  const valid = ftw(tcb);
  if (((valid >> p) & 1) != 0) return false;
  const reg = at(tcb, p);
  store<u64>(reg, sig);
  store<u16>(reg, se, 8);
  setFtw(tcb, valid | (1 << p));
  setFsw(tcb, (sw & ~(C1 | 0x3800)) | (p << 11));
  return true;
}

/** FLD of a normal f64. */
export function fastLoad64(tcb: usize, bits: u64): bool {
  const exp = u32(bits >> 52) & 0x7ff;
  if (exp - 1 >= 0x7fe) return false;
  return pushExact(tcb, (u32(bits >> 48) & 0x8000) | (exp + 16383 - 1023), 0x8000000000000000 | (bits << 11));
}

/** FLD of a normal f32. */
export function fastLoad32(tcb: usize, bits: u32): bool {
  const exp = (bits >> 23) & 0xff;
  if (exp - 1 >= 0xfe) return false;
  return pushExact(tcb, ((bits >> 16) & 0x8000) | (exp + 16383 - 127), 0x8000000000000000 | (u64(bits) << 40));
}

/** FST, FSTP of a number whose f64 form is normal. */
export function fastStore64(tcb: usize, pop: u32, to: usize): bool {
  if (!isUsualControl(tcb)) return false;
  let sw = fsw(tcb);
  const p = (sw >> 11) & 7;
  const valid = ftw(tcb);
  const reg = at(tcb, p);
  const se = u32(load<u16>(reg, 8)), sig = load<u64>(reg);
  const exp = (se & 0x7fff) - (16383 - 1023);
  if (((valid >> p) & 1) == 0 || sig >> 63 == 0 || exp - 1 >= 0x7fd) return false;
  const rest = sig & 0x7ff;
  const kept = sig >> 11;
  const up = rest > 0x400 || (rest == 0x400 && (kept & 1) != 0);
  // A carry out of the significand moves into the exponent field, which has room for it.
  store<u64>(to, (u64(se & 0x8000) << 48) | ((u64(exp - 1) << 52) + kept + u64(up)));
  sw &= ~C1;
  if (rest != 0) sw |= up ? PE | C1 : PE;
  if (pop) {
    setFtw(tcb, valid & ~(u32(1) << p));
    sw = (sw & ~u32(0x3800)) | (((p + 1) & 7) << 11);
  }
  setFsw(tcb, sw);
  return true;
}
