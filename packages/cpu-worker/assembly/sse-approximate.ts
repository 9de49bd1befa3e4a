/**
 * rcpss and rsqrtss: 12 bits of precision, no exceptions, denormals are zero (SDM Vol. 2B RCPPS,
 * RSQRTPS). The last of these bits differ between processors.
 */

const QUIET: u32 = 0x00400000;
const DEFAULT_NAN: u32 = 0xffc00000;

/** Rounds a positive number to 13 significant bits; results below the smallest normal number become zero. */
function shorten(x: f32): u32 {
  const r = (reinterpret<u32>(x) + 0x3ff + ((reinterpret<u32>(x) >> 11) & 1)) & 0xfffff800;
  return r < 0x00800000 ? 0 : r;
}

export function sse_rcp_f32(bits: u32): u32 {
  const sign = bits & 0x80000000;
  const m = bits & 0x7fffffff;
  if (m > 0x7f800000) return bits | QUIET;
  if (m < 0x00800000) return sign | 0x7f800000;
  return sign | shorten(1 / reinterpret<f32>(m));
}

export function sse_rsqrt_f32(bits: u32): u32 {
  const m = bits & 0x7fffffff;
  if (m > 0x7f800000) return bits | QUIET;
  if (m < 0x00800000) return (bits & 0x80000000) | 0x7f800000;
  if (bits != m) return DEFAULT_NAN;
  return shorten(f32(1 / sqrt<f64>(f64(reinterpret<f32>(bits)))));
}
