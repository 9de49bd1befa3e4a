import { addExact, divExact, mulExact, setExact, sqrtExact, xSign } from './exact';
import { IE, PE, RC_DOWN, RC_NEAREST, RC_UP, ZE } from './round';
import {
  infBits, invalid, isDenormal, isInf, isNan, isNegative, isSignalling, isZero, magnitude, nanResult, operand, raiseDenormal, exponent, roundSse, signBit, significand,
} from './float-bits';
import { raiseSse, roundingSse } from './mxcsr';

/**
 * SSE float operations on bit patterns, exact in result and exceptions. Operation numbers as in
 * isa/simd/sse-runtime.ts (FloatOp).
 */
export const ADD: i32 = 0;
export const SUB: i32 = 1;
export const MUL: i32 = 2;
export const DIV: i32 = 3;
export const SQRT: i32 = 4;
export const MIN: i32 = 5;
export const MAX: i32 = 6;
/** Only packed: lane 0 subtracts, lane 1 adds, and so on. */
export const ADDSUB: i32 = 7;
/** Comparison into a mask; the predicate is added. */
export const CMP: i32 = 8;
export const ROUND: i32 = 16;

export function floatOp(op: i32, a: u64, b: u64, bits: i32): u64 {
  const x = operand(a, bits);
  if (op == ROUND) return round(x, i32(b), bits);
  const y = operand(b, bits);
  if (op >= CMP) return compareMask(op - CMP, x, y, bits);
  if (op == MIN || op == MAX) return extremum(op, x, y, bits);
  if (op == SQRT) return root(y, bits);
  if (isNan(x, bits) || isNan(y, bits)) return nanResult(x, y, bits);
  if (op == MUL) return multiply(x, y, bits);
  if (op == DIV) return divide(x, y, bits);
  return sum(x, op == SUB ? y ^ signBit(bits) : y, bits);
}

function sum(x: u64, y: u64, bits: i32): u64 {
  const xInf = isInf(x, bits), yInf = isInf(y, bits);
  if (xInf && yInf && x != y) return invalid(bits);
  raiseDenormal(x, bits);
  raiseDenormal(y, bits);
  if (xInf) return x;
  if (yInf) return y;
  const xs = u32(isNegative(x, bits)), ys = u32(isNegative(y, bits));
  const zero: u64 = (xs & ys) != 0 || (xs != ys && roundingSse() == RC_DOWN) ? signBit(bits) : 0;
  if (isZero(x, bits) && isZero(y, bits)) return zero;
  if (isZero(x, bits)) loadExact(y, bits);
  else if (isZero(y, bits)) loadExact(x, bits);
  else addExact(xs, exponent(x, bits), significand(x, bits), ys, exponent(y, bits), significand(y, bits));
  return roundSse(xSign(), bits, zero);
}

/** The number itself as the exact result (a denormal may still be flushed). */
function loadExact(x: u64, bits: i32): void {
  setExact(u32(isNegative(x, bits)), exponent(x, bits), significand(x, bits), 0);
}

function multiply(x: u64, y: u64, bits: i32): u64 {
  const sign = (x ^ y) & signBit(bits);
  const isInfinite = isInf(x, bits) || isInf(y, bits);
  const isNull = isZero(x, bits) || isZero(y, bits);
  if (isInfinite && isNull) return invalid(bits);
  raiseDenormal(x, bits);
  raiseDenormal(y, bits);
  if (isInfinite) return sign | infBits(bits);
  if (isNull) return sign;
  mulExact(u32(isNegative(x, bits)), exponent(x, bits), significand(x, bits), u32(isNegative(y, bits)), exponent(y, bits), significand(y, bits));
  return roundSse(u32(sign != 0), bits, sign);
}

function divide(x: u64, y: u64, bits: i32): u64 {
  const sign = (x ^ y) & signBit(bits);
  const xInf = isInf(x, bits), yInf = isInf(y, bits), xZero = isZero(x, bits), yZero = isZero(y, bits);
  if ((xInf && yInf) || (xZero && yZero)) return invalid(bits);
  if (yZero && !xInf) {
    raiseSse(ZE);
    return sign | infBits(bits);
  }
  raiseDenormal(x, bits);
  raiseDenormal(y, bits);
  if (xInf) return sign | infBits(bits);
  if (yInf || xZero) return sign;
  divExact(u32(isNegative(x, bits)), exponent(x, bits), significand(x, bits), u32(isNegative(y, bits)), exponent(y, bits), significand(y, bits));
  return roundSse(u32(sign != 0), bits, sign);
}

function root(x: u64, bits: i32): u64 {
  if (isNan(x, bits)) return nanResult(x, x, bits);
  if (isZero(x, bits)) return x;
  if (isNegative(x, bits)) return invalid(bits);
  raiseDenormal(x, bits);
  if (isInf(x, bits)) return x;
  sqrtExact(exponent(x, bits), significand(x, bits));
  return roundSse(0, bits, 0);
}

/** min: x < y ? x : y, max: x > y ? x : y; the second operand also when one is a NaN. */
function extremum(op: i32, x: u64, y: u64, bits: i32): u64 {
  if (isNan(x, bits) || isNan(y, bits)) {
    raiseSse(IE);
    return y;
  }
  raiseDenormal(x, bits);
  raiseDenormal(y, bits);
  const order = op == MIN ? ordered(x, y, bits) : ordered(y, x, bits);
  return order < 0 ? x : y;
}

/** Sign of x - y; no NaN. */
export function ordered(x: u64, y: u64, bits: i32): i32 {
  const a = key(x, bits), b = key(y, bits);
  return a < b ? -1 : i32(a > b);
}

/** Integer that orders numbers as their values do. */
// @ts-ignore: decorator
@inline
function key(x: u64, bits: i32): i64 {
  const m = i64(magnitude(x, bits));
  return isNegative(x, bits) ? -m : m;
}

/** 0 above, 1 below, 2 equal, 3 unordered; raises IE and DE. */
export function compare(x: u64, y: u64, bits: i32, isSignallingCompare: bool): u32 {
  if (isNan(x, bits) || isNan(y, bits)) {
    if (isSignallingCompare || isSignalling(x, bits) || isSignalling(y, bits)) raiseSse(IE);
    return 3;
  }
  raiseDenormal(x, bits);
  raiseDenormal(y, bits);
  const order = ordered(x, y, bits);
  return order == 0 ? 2 : u32(order < 0);
}

/** Predicates eq lt le unord, and their negations (bit 2). */
function compareMask(predicate: i32, x: u64, y: u64, bits: i32): u64 {
  const kind = predicate & 3;
  const order = compare(x, y, bits, kind == 1 || kind == 2);
  const holds = kind == 0 ? order == 2 : kind == 1 ? order == 1 : kind == 2 ? order == 1 || order == 2 : order == 3;
  return holds == ((predicate & 4) == 0) ? ~u64(0) : 0;
}

/** roundsd: to an integer in float format by the mode of the immediate. */
function round(x: u64, imm: i32, bits: i32): u64 {
  if (isNan(x, bits)) return nanResult(x, x, bits);
  const fraction = i32(bits) - 1 + (bits == 24 ? 127 : 1023) - i32(magnitude(x, bits) >> u64(bits - 1));
  if (fraction <= 0 || isZero(x, bits)) return x;
  const rc = (imm & 4) != 0 ? roundingSse() : u32(imm & 3);
  const r = roundFraction(x, fraction, rc, bits);
  if (r != x && (imm & 8) == 0) raiseSse(PE);
  return r;
}

/** Drops the lowest `fraction` bits of the significand. */
function roundFraction(x: u64, fraction: i32, rc: u32, bits: i32): u64 {
  const sign = x & signBit(bits);
  const m = magnitude(x, bits);
  const one: u64 = bits == 24 ? 0x3f800000 : 0x3ff0000000000000;
  const isUp = rc == (sign != 0 ? RC_DOWN : RC_UP);
  if (fraction >= bits) {
    if (rc == RC_NEAREST) return sign | (m > (bits == 24 ? 0x3f000000 : 0x3fe0000000000000) ? one : 0);
    return sign | (isUp ? one : 0);
  }
  const unit: u64 = 1 << u64(fraction);
  const rest = m & (unit - 1);
  if (rest == 0) return x;
  const down = m - rest;
  const half = unit >> 1;
  const isNearestUp = rest > half || (rest == half && (down & unit) != 0);
  return sign | ((rc == RC_NEAREST ? isNearestUp : isUp) ? down + unit : down);
}

// ---- quick forms: rounding to nearest, all exceptions masked, operands not denormal

/** True when no exception but PE is possible and `r` is the native result; raises PE when inexact. */
export function quick64(op: i32, a: u64, b: u64, r: u64): bool {
  if (op > SQRT || isDenormal(a, 53) || isDenormal(b, 53)) return false;
  const x = reinterpret<f64>(a), y = reinterpret<f64>(b), z = reinterpret<f64>(r);
  const m = magnitude(r, 53);
  if (op <= SUB) {
    if (m > 0x7fd0000000000000 || isDenormal(r, 53)) return false;
    const w = op == SUB ? -y : y;
    const v = z - x;
    if ((x - (z - v)) + (w - v) != 0) raiseSse(PE);
    return true;
  }
  if (op == SQRT) {
    if (isNan(r, 53)) return false;
    if (m != infBits(53) && m != 0 && !(isShortProduct(r, r) && z * z == y)) raiseSse(PE);
    return true;
  }
  if (m == 0) return magnitude(a, 53) == 0 || (op == MUL && magnitude(b, 53) == 0);
  if (m <= 0x0010000000000000 || m >= infBits(53)) return false;
  const isExact = op == MUL ? isShortProduct(a, b) : isShortProduct(r, b) && z * y == x;
  if (!isExact) raiseSse(PE);
  return true;
}

/** The product of two normal numbers has at most 53 significant bits. */
function isShortProduct(a: u64, b: u64): bool {
  const x = significand(a, 53), y = significand(b, 53);
  const p = x >> ctz(x), q = y >> ctz(y);
  const length = 128 - i32(clz(p)) - i32(clz(q));
  return length <= 53 || (length == 54 && p * q < 0x20000000000000);
}

export function quick32(op: i32, a: u64, b: u64, r: u64): bool {
  if (op > SQRT || isDenormal(a, 24) || isDenormal(b, 24)) return false;
  const x = reinterpret<f32>(u32(a)), y = reinterpret<f32>(u32(b)), z = reinterpret<f32>(u32(r));
  const m = magnitude(r, 24);
  if (op <= SUB) {
    if (m > 0x7e800000 || isDenormal(r, 24)) return false;
    const w = op == SUB ? -y : y;
    const v = z - x;
    if ((x - (z - v)) + (w - v) != 0) raiseSse(PE);
    return true;
  }
  if (op == SQRT) {
    if (isNan(r, 24)) return false;
    if (m != infBits(24) && f64(z) * f64(z) != f64(y)) raiseSse(PE);
    return true;
  }
  if (m == 0) return magnitude(a, 24) == 0 || (op == MUL && magnitude(b, 24) == 0);
  if (m <= 0x00800000 || m >= infBits(24)) return false;
  const isExact = op == MUL ? f64(x) * f64(y) == f64(z) : f64(z) * f64(y) == f64(x);
  if (!isExact) raiseSse(PE);
  return true;
}
