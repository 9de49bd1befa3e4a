/**
 * Run-time library of the core: what instruction rows call instead of building IR.
 * x87 in extended precision (x87-*, *80), the exact forms of SSE floating point (float-*, mxcsr: complete;
 * declared for rows in isa/simd/sse-runtime.ts), approximations, strings, checksums.
 */
export { x87_load, x87_fld_st, x87_constant, x87_store, x87_store_truncated, x87_fst_st, x87_fxch, x87_fcmov, x87_ffree, x87_rotate } from './x87-move';
export { x87_arith, x87_arith_mem, x87_compare, x87_compare_mem, x87_compare_flags, x87_unary, x87_scale, x87_remainder, x87_extract } from './x87-arith';
export { x87_f2xm1, x87_fyl2x, x87_fyl2xp1, x87_fpatan, x87_sine, x87_fsincos, x87_fptan } from './x87-functions';
export { x87_fldcw, x87_fnclex, x87_fninit, x87_fnstenv, x87_fldenv, x87_fnsave, x87_frstor, x87_fxsave, x87_fxrstor } from './x87-control';
export { sse_f32, sse_f64, sse_f32x4, sse_f64x2, sse_compare_f32, sse_compare_f64, sse_dot_f32x4, sse_dot_f64x2 } from './float-lanes';
export { sse_convert, sse_convert_packed } from './float-convert';
export { sse_unmasked } from './mxcsr';
export { sse_rcp_f32, sse_rsqrt_f32 } from './sse-approximate';
export { sse42_compare, sse42_length } from './sse-string';
export { crc32c, clmul64 } from './checksum';

/** First byte after the static data. */
export function staticEnd(): usize { return __heap_base; }
