import { Vector } from '@troupe/abi/layout/tcb.js';
import type { Builder } from '../../ir/builder.js';
import { runtimeFn } from '../../ir/types.js';
import type { I32, I64, RuntimeFn, Ty, V128, Val } from '../../ir/types.js';

/**
 * Functions of the run-time library for SSE (packages/cpu-worker/assembly/sse-*.ts).
 *
 * Float functions compute exactly as MXCSR says (rounding, FTZ, DAZ), set its sticky flags and note
 * whether an exception of this instruction is unmasked: `sse_unmasked` tells, and the row raises #XM.
 */

/** Operation numbers of the float functions. `ROUND` has the immediate of roundsd in place of the second operand. */
export const FloatOp = { ADD: 0, SUB: 1, MUL: 2, DIV: 3, SQRT: 4, MIN: 5, MAX: 6, ADDSUB: 7, CMP: 8, ROUND: 16 } as const;

/** Conversions, scalar (on the bits of one number) and packed (on vectors). */
export const Convert = {
  F64_TO_F32: 0, F32_TO_F64: 1, I32_TO_F32: 2, I64_TO_F32: 3, I64_TO_F64: 4,
  F32_TO_I32: 5, F32_TO_I64: 6, F64_TO_I32: 7, F64_TO_I64: 8,
  F32_TO_I32_TRUNC: 9, F32_TO_I64_TRUNC: 10, F64_TO_I32_TRUNC: 11, F64_TO_I64_TRUNC: 12,
} as const;

const sseF32 = runtimeFn('sse_f32', ['i32', 'i32', 'i32', 'i32'], 'i32', ['mxcsr']);
const sseF64 = runtimeFn('sse_f64', ['i32', 'i64', 'i64', 'i32'], 'i64', ['mxcsr']);
const sseF32x4 = runtimeFn('sse_f32x4', ['i32', 'v128', 'v128', 'i32'], 'v128', ['mxcsr']);
const sseF64x2 = runtimeFn('sse_f64x2', ['i32', 'v128', 'v128', 'i32'], 'v128', ['mxcsr']);
const sseCompareF32 = runtimeFn('sse_compare_f32', ['i32', 'i32', 'i32', 'i32'], 'i32', ['mxcsr']);
const sseCompareF64 = runtimeFn('sse_compare_f64', ['i64', 'i64', 'i32', 'i32'], 'i32', ['mxcsr']);
const sseConvert = runtimeFn('sse_convert', ['i32', 'i64', 'i32'], 'i64', ['mxcsr']);
const sseConvertPacked = runtimeFn('sse_convert_packed', ['i32', 'v128', 'i32'], 'v128', ['mxcsr']);
const sseDotF32x4 = runtimeFn('sse_dot_f32x4', ['v128', 'v128', 'i32', 'i32'], 'v128', ['mxcsr']);
const sseDotF64x2 = runtimeFn('sse_dot_f64x2', ['v128', 'v128', 'i32', 'i32'], 'v128', ['mxcsr']);
const sseUnmasked = runtimeFn('sse_unmasked', [], 'i32', []);

/** Approximations (no flags, no rounding mode): bits of a number. */
export const sseReciprocal = runtimeFn('sse_rcp_f32', ['i32'], 'i32', []);
export const sseReciprocalRoot = runtimeFn('sse_rsqrt_f32', ['i32'], 'i32', []);
/** crc32c(crc, value, bytes): CRC-32C over the low bytes of value. */
export const crc32c = runtimeFn('crc32c', ['i32', 'i64', 'i32'], 'i32', []);
/** Carry-less product of two 64-bit numbers. */
export const clmul64 = runtimeFn('clmul64', ['i64', 'i64'], 'v128', []);
/**
 * sse42_compare(a, b, lengths, imm): IntRes2 of pcmpestri and its kin in bits 0–15 of the result.
 * Bits 16–19: CF, ZF, SF, OF. Lengths are in elements (clamped): lenA | lenB << 8.
 */
export const sse42Compare = runtimeFn('sse42_compare', ['v128', 'v128', 'i32', 'i32'], 'i32', []);
/** Elements before the first zero element (8 or 16 bytes/words, imm bit 0). */
export const sse42Length = runtimeFn('sse42_length', ['v128', 'i32'], 'i32', []);

/** Calls a float function and raises #XM when it met an unmasked exception. */
function callChecked<R extends Ty>(b: Builder, fn: RuntimeFn<R>, ...args: Val[]): Val<R> {
  const result = b.call(fn, ...args, b.tcb());
  b.raiseIf(b.call(sseUnmasked), Vector.XM);
  return result;
}

export function exactScalar(b: Builder, ty: 'f32' | 'f64', op: I32, x: Val, y: Val): Val<any> {
  return ty === 'f32' ? callChecked(b, sseF32, op, x, y) : callChecked(b, sseF64, op, x, y);
}

export function exactPacked(b: Builder, ty: 'f32' | 'f64', op: I32, x: V128, y: V128): V128 {
  return callChecked(b, ty === 'f32' ? sseF32x4 : sseF64x2, op, x, y);
}

/** 0 = above, 1 = below, 2 = equal, 3 = unordered; `signalling` = comisd (any NaN is invalid). */
export function exactCompare(b: Builder, ty: 'f32' | 'f64', x: Val, y: Val, signalling: boolean): I32 {
  return callChecked(b, ty === 'f32' ? sseCompareF32 : sseCompareF64, x, y, b.i32(signalling ? 1 : 0));
}

export function exactConvert(b: Builder, conversion: number, bits: I64): I64 {
  return callChecked(b, sseConvert, b.i32(conversion), bits);
}

export function exactConvertPacked(b: Builder, conversion: number, v: V128): V128 {
  return callChecked(b, sseConvertPacked, b.i32(conversion), v);
}

export function exactDot(b: Builder, ty: 'f32' | 'f64', x: V128, y: V128, imm: I32): V128 {
  return callChecked(b, ty === 'f32' ? sseDotF32x4 : sseDotF64x2, x, y, imm);
}
