import { setExact } from './exact';
import { IE, PE, RC_DOWN, RC_NEAREST, RC_UP, RC_ZERO } from './round';
import { exactInt, isInf, isNan, isNegative, isSignalling, isZero, operand, raiseDenormal, exponent, roundSse, significand } from './float-bits';
import { begin, finish, raiseSse, roundingSse } from './mxcsr';

/** Conversions of SSE (SDM Vol. 1 11.4.1.6, E.4). Numbers as in isa/simd/sse-runtime.ts (Convert). */
const F64_TO_F32: i32 = 0;
const F32_TO_F64: i32 = 1;
const I32_TO_F32: i32 = 2;
const I64_TO_F32: i32 = 3;
const I64_TO_F64: i32 = 4;
/** From here on float to integer: bit 0 = 64-bit result, bit 1 = f64 source (after subtracting), +4 = truncating. */
const F32_TO_I32: i32 = 5;

export function sse_convert(op: i32, x: u64, tcb: usize): u64 {
  begin(tcb);
  const r = convert(op, x);
  finish(tcb);
  return r;
}

function convert(op: i32, x: u64): u64 {
  if (op >= F32_TO_I32) {
    const kind = op - F32_TO_I32;
    return toInt(x, (kind & 2) != 0 ? 53 : 24, (kind & 1) != 0, kind >= 4 ? RC_ZERO : roundingSse());
  }
  if (op == F64_TO_F32) return toSingle(x);
  if (op == F32_TO_F64) return toDouble(x);
  const v = op == I32_TO_F32 ? i64(i32(x)) : i64(x);
  if (v == 0) return 0;
  exactInt(v);
  return roundSse(u32(v < 0), op == I64_TO_F64 ? 53 : 24, 0);
}

function toSingle(a: u64): u64 {
  const sign = (a & 0x8000000000000000) >> 32;
  if (isNan(a, 53)) {
    if (isSignalling(a, 53)) raiseSse(IE);
    return sign | 0x7fc00000 | ((a >> 29) & 0x3fffff);
  }
  const x = operand(a, 53);
  if (isInf(x, 53)) return sign | 0x7f800000;
  if (isZero(x, 53)) return sign;
  raiseDenormal(x, 53);
  setExact(u32(sign != 0), exponent(x, 53), significand(x, 53), 0);
  return roundSse(u32(sign != 0), 24, sign);
}

function toDouble(a: u64): u64 {
  const sign = (a & 0x80000000) << 32;
  if (isNan(a, 24)) {
    if (isSignalling(a, 24)) raiseSse(IE);
    return sign | 0x7ff8000000000000 | ((a & 0x3fffff) << 29);
  }
  const x = operand(a, 24);
  if (isInf(x, 24)) return sign | 0x7ff0000000000000;
  if (isZero(x, 24)) return sign;
  raiseDenormal(x, 24);
  const frac = (significand(x, 24) << 1) >> 12;
  return sign | (u64(exponent(x, 24) - 16383 + 1023) << 52) | frac;
}

/** Integer of 32 or 64 bits; the integer indefinite (only the top bit) and IE when it does not fit. */
function toInt(a: u64, bits: i32, isWide: bool, rc: u32): u64 {
  const indefinite: u64 = isWide ? 0x8000000000000000 : 0x80000000;
  const x = operand(a, bits);
  if (isZero(x, bits)) return 0;
  const e = exponent(x, bits) - 16383;
  if (isNan(a, bits) || isInf(a, bits) || e > 63) {
    raiseSse(IE);
    return indefinite;
  }
  const isMinus = isNegative(x, bits);
  const m = roundedMagnitude(significand(x, bits), e, rc, isMinus);
  if (m > (isMinus ? indefinite : indefinite - 1)) {
    raiseSse(IE);
    return indefinite;
  }
  if (inexact) raiseSse(PE);
  return isWide ? (isMinus ? 0 - m : m) : u64(u32(isMinus ? 0 - m : m));
}

let inexact: bool = false;

/** Integer part of significand * 2^(e - 63), rounded; sets `inexact`. */
function roundedMagnitude(sig: u64, e: i32, rc: u32, isMinus: bool): u64 {
  const isAway = (rc == RC_DOWN && isMinus) || (rc == RC_UP && !isMinus);
  if (e < -1) {
    inexact = true;
    return u64(isAway);
  }
  const whole: u64 = e < 0 ? 0 : sig >> u64(63 - e);
  const rest: u64 = e == 63 ? 0 : sig << u64(e + 1);
  const half: u64 = 0x8000000000000000;
  inexact = rest != 0;
  if (!inexact) return whole;
  if (rc == RC_NEAREST) return whole + u64(rest > half || (rest == half && (whole & 1) != 0));
  return whole + u64(isAway);
}

export function sse_convert_packed(op: i32, v: v128, tcb: usize): v128 {
  begin(tcb);
  const r = convertLanes(op, v);
  finish(tcb);
  return r;
}

function convertLanes(op: i32, v: v128): v128 {
  const isDouble = op == F64_TO_F32 || (op >= F32_TO_I32 && ((op - F32_TO_I32) & 2) != 0);
  if (isDouble) {
    const r = i32x4.splat(u32(convert(op, i64x2.extract_lane(v, 0))));
    return v128.and(i32x4.replace_lane(r, 1, u32(convert(op, i64x2.extract_lane(v, 1)))), i32x4(-1, -1, 0, 0));
  }
  if (op == F32_TO_F64) {
    const r = i64x2.splat(convert(op, u64(u32(i32x4.extract_lane(v, 0)))));
    return i64x2.replace_lane(r, 1, convert(op, u64(u32(i32x4.extract_lane(v, 1)))));
  }
  let r = i32x4.splat(u32(convert(op, u64(u32(i32x4.extract_lane(v, 0))))));
  r = i32x4.replace_lane(r, 1, u32(convert(op, u64(u32(i32x4.extract_lane(v, 1))))));
  r = i32x4.replace_lane(r, 2, u32(convert(op, u64(u32(i32x4.extract_lane(v, 2))))));
  return i32x4.replace_lane(r, 3, u32(convert(op, u64(u32(i32x4.extract_lane(v, 3))))));
}
