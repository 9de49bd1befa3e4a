import { RECIPROCAL_START, RECIPROCAL_STEP, ROOT_START, ROOT_STEP } from './sse-approximate-tables';

/**
 * rcpss and rsqrtss (SDM Vol. 2B RCPPS, RSQRTPS): 12 bits of precision, no exceptions, denormals
 * are zero. Processors differ in the lowest of these bits. The result is piecewise linear: of the
 * upper 12 bits of the significand, the first 8 choose where a line starts, the first and last 4
 * how much is taken away.
 */
const QUIET: u32 = 0x00400000;
const DEFAULT_NAN: u32 = 0xffc00000;
const SMALLEST_NORMAL: u32 = 0x00800000;
const INFINITY: u32 = 0x7f800000;

/** Bits of the approximation for an operand in [1, 2) or [1, 4): 12 bits of `index` per octave. */
// @ts-ignore: decorator
@inline
function approximate(start: usize, step: usize, index: u32): u32 {
  const line = index >> 4;
  const value = u32(load<u16>(start + (line << 1))) - load<u8>(step + ((line & 0x1f0) | (index & 15)));
  return 0x3f000000 + (value << 11);
}

export function sse_rcp_f32(bits: u32): u32 {
  const sign = bits & 0x80000000;
  const m = bits & 0x7fffffff;
  if (m > INFINITY) return bits | QUIET;
  if (m < SMALLEST_NORMAL) return sign | INFINITY;
  if (m == INFINITY) return sign;
  const r = i32(approximate(RECIPROCAL_START, RECIPROCAL_STEP, (m >> 11) & 0xfff)) + (i32(127 - (m >> 23)) << 23);
  return r < i32(SMALLEST_NORMAL) ? sign : sign | u32(r);
}

export function sse_rsqrt_f32(bits: u32): u32 {
  const m = bits & 0x7fffffff;
  if (m > INFINITY) return bits | QUIET;
  if (m < SMALLEST_NORMAL) return (bits & 0x80000000) | INFINITY;
  if (bits != m) return DEFAULT_NAN;
  if (m == INFINITY) return 0;
  const exponent = i32(m >> 23) - 127;
  const index = ((u32(exponent) & 1) << 12) | ((m >> 11) & 0xfff);
  return approximate(ROOT_START, ROOT_STEP, index) - (u32(exponent >> 1) << 23);
}
