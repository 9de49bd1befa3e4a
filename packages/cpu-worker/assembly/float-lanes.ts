import { ADD, ADDSUB, DIV, MUL, SQRT, SUB, compare, floatOp, quick32, quick64 } from './float-arith';
import { operand } from './float-bits';
import { begin, finish, isNearestMasked, isOpen } from './mxcsr';

/** Entry points of SSE float arithmetic: one number, or all lanes of a register. */

// @ts-ignore: decorator
@inline
function native64(op: i32, a: u64, b: u64): u64 {
  const x = reinterpret<f64>(a), y = reinterpret<f64>(b);
  if (op == ADD) return reinterpret<u64>(x + y);
  if (op == SUB) return reinterpret<u64>(x - y);
  if (op == MUL) return reinterpret<u64>(x * y);
  if (op == DIV) return reinterpret<u64>(x / y);
  return reinterpret<u64>(sqrt<f64>(y));
}

// @ts-ignore: decorator
@inline
function native32(op: i32, a: u32, b: u32): u32 {
  const x = reinterpret<f32>(a), y = reinterpret<f32>(b);
  if (op == ADD) return reinterpret<u32>(x + y);
  if (op == SUB) return reinterpret<u32>(x - y);
  if (op == MUL) return reinterpret<u32>(x * y);
  if (op == DIV) return reinterpret<u32>(x / y);
  return reinterpret<u32>(sqrt<f32>(y));
}

function lane64(op: i32, a: u64, b: u64): u64 {
  if (op <= SQRT && isNearestMasked()) {
    const r = native64(op, a, b);
    if (quick64(op, a, b, r)) return r;
  }
  return floatOp(op, a, b, 53);
}

function lane32(op: i32, a: u32, b: u32): u32 {
  if (op <= SQRT && isNearestMasked()) {
    const r = native32(op, a, b);
    if (quick32(op, a, b, r)) return r;
  }
  return u32(floatOp(op, a, b, 24));
}

export function sse_f64(op: i32, a: u64, b: u64, tcb: usize): u64 {
  begin(tcb);
  const r = lane64(op, a, b);
  finish(tcb);
  return r;
}

export function sse_f32(op: i32, a: u32, b: u32, tcb: usize): u32 {
  begin(tcb);
  const r = lane32(op, a, b);
  finish(tcb);
  return r;
}

export function sse_f64x2(op: i32, a: v128, b: v128, tcb: usize): v128 {
  begin(tcb);
  const even = op == ADDSUB ? SUB : op, odd = op == ADDSUB ? ADD : op;
  const r0 = lane64(even, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0));
  const r1 = lane64(odd, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1));
  finish(tcb);
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

export function sse_f32x4(op: i32, a: v128, b: v128, tcb: usize): v128 {
  begin(tcb);
  const r = lanes32(op, a, b);
  finish(tcb);
  return r;
}

function lanes32(op: i32, a: v128, b: v128): v128 {
  const even = op == ADDSUB ? SUB : op, odd = op == ADDSUB ? ADD : op;
  let r = i32x4.splat(lane32(even, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  r = i32x4.replace_lane(r, 1, lane32(odd, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  r = i32x4.replace_lane(r, 2, lane32(even, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  return i32x4.replace_lane(r, 3, lane32(odd, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
}

export function sse_compare_f64(a: u64, b: u64, isSignalling: u32, tcb: usize): u32 {
  begin(tcb);
  const r = compare(operand(a, 53), operand(b, 53), 53, isSignalling != 0);
  finish(tcb);
  return r;
}

export function sse_compare_f32(a: u32, b: u32, isSignalling: u32, tcb: usize): u32 {
  begin(tcb);
  const r = compare(operand(a, 24), operand(b, 24), 24, isSignalling != 0);
  finish(tcb);
  return r;
}

/** Ends one step of a dot product: its exceptions stay, whatever the next step raises. False when an unmasked one ends the instruction. */
function endStep(tcb: usize): bool {
  finish(tcb);
  if (isOpen()) return false;
  begin(tcb);
  return true;
}

/** dpps: products chosen by bits 7:4, their sum to the lanes chosen by bits 3:0. */
export function sse_dot_f32x4(a: v128, b: v128, imm: i32, tcb: usize): v128 {
  begin(tcb);
  const p0: u32 = (imm & 0x10) != 0 ? lane32(MUL, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)) : 0;
  const p1: u32 = (imm & 0x20) != 0 ? lane32(MUL, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)) : 0;
  const p2: u32 = (imm & 0x40) != 0 ? lane32(MUL, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)) : 0;
  const p3: u32 = (imm & 0x80) != 0 ? lane32(MUL, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)) : 0;
  let sum: u32 = 0;
  if (endStep(tcb)) {
    const low = lane32(ADD, p0, p1), high = lane32(ADD, p2, p3);
    if (endStep(tcb)) {
      sum = lane32(ADD, low, high);
      finish(tcb);
    }
  }
  const chosen = i32x4.ne(v128.and(i32x4.splat(imm), i32x4(1, 2, 4, 8)), i32x4.splat(0));
  return v128.and(i32x4.splat(sum), chosen);
}

export function sse_dot_f64x2(a: v128, b: v128, imm: i32, tcb: usize): v128 {
  begin(tcb);
  const p0: u64 = (imm & 0x10) != 0 ? lane64(MUL, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0)) : 0;
  const p1: u64 = (imm & 0x20) != 0 ? lane64(MUL, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1)) : 0;
  let sum: u64 = 0;
  if (endStep(tcb)) {
    sum = lane64(ADD, p0, p1);
    finish(tcb);
  }
  const chosen = i64x2.replace_lane(i64x2.splat((imm & 1) != 0 ? -1 : 0), 1, (imm & 2) != 0 ? -1 : 0);
  return v128.and(i64x2.splat(sum), chosen);
}
