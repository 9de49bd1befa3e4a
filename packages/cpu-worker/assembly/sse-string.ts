/**
 * String comparison of SSE4.2 (SDM Vol. 1 12.10.3, Vol. 2B 4.1): all pairs of elements, aggregated
 * as the immediate says.
 */

/** Elements before the first zero byte or word. */
export function sse42_length(v: v128, imm: i32): i32 {
  const zeros = (imm & 1) != 0 ? i16x8.bitmask(i16x8.eq(v, i16x8.splat(0))) : i8x16.bitmask(i8x16.eq(v, i8x16.splat(0)));
  return i32(ctz<u32>(zeros | (1 << elements(imm))));
}

// @ts-ignore: decorator
@inline
function elements(imm: i32): i32 { return (imm & 1) != 0 ? 8 : 16; }

/** Element i of a vector in all lanes. */
function broadcast(v: v128, i: i32, isWord: bool): v128 {
  if (!isWord) return i8x16.swizzle(v, i8x16.splat(i8(i)));
  return i8x16.swizzle(v, i16x8.splat(i16(2 * i + ((2 * i + 1) << 8))));
}

// @ts-ignore: decorator
@inline
function equalMask(x: v128, y: v128, isWord: bool): u32 {
  return isWord ? u32(i16x8.bitmask(i16x8.eq(x, y))) : u32(i8x16.bitmask(i8x16.eq(x, y)));
}

/** Elements of y that are at least x; signed when imm bit 1 is set. */
function notBelowMask(y: v128, x: v128, imm: i32): u32 {
  if ((imm & 2) != 0) return (imm & 1) != 0 ? u32(i16x8.bitmask(i16x8.ge_s(y, x))) : u32(i8x16.bitmask(i8x16.ge_s(y, x)));
  return (imm & 1) != 0 ? u32(i16x8.bitmask(i16x8.ge_u(y, x))) : u32(i8x16.bitmask(i8x16.ge_u(y, x)));
}

/** Any element of a (set) equals the element of b. */
function equalAny(a: v128, b: v128, aLength: i32, bValid: u32, isWord: bool): u32 {
  let found: u32 = 0;
  for (let i = 0; i < aLength; i++) found |= equalMask(broadcast(a, i, isWord), b, isWord);
  return found & bValid;
}

/** The element of b lies within one of the ranges a[0]–a[1], a[2]–a[3] … */
function ranges(a: v128, b: v128, aLength: i32, bValid: u32, imm: i32): u32 {
  const isWord = (imm & 1) != 0;
  let found: u32 = 0;
  for (let i = 0; i + 1 < aLength; i += 2) {
    found |= notBelowMask(b, broadcast(a, i, isWord), imm) & notBelowMask(broadcast(a, i + 1, isWord), b, imm);
  }
  return found & bValid;
}

/** Substring: a[0 … aLength) stands in b from the element on, as far as b's register goes. */
function equalOrdered(a: v128, b: v128, aLength: i32, bValid: u32, imm: i32): u32 {
  const isWord = (imm & 1) != 0;
  const all = (u32(1) << u32(elements(imm))) - 1;
  let found = all;
  for (let i = 0; i < aLength; i++) {
    const same = equalMask(broadcast(a, i, isWord), b, isWord) & bValid;
    found &= (same | ~all) >> u32(i);
  }
  return found;
}

/**
 * IntRes2 in bits 0–15; RFLAGS image in bits 16–31: CF = any match, ZF = b ends, SF = a ends,
 * OF = first match bit. `lengths`: elements of a, and of b in bits 8–15.
 */
export function sse42_compare(a: v128, b: v128, lengths: i32, imm: i32): u32 {
  const count = elements(imm);
  const aLength = lengths & 0xff, bLength = lengths >> 8;
  const all = (u32(1) << u32(count)) - 1;
  const aValid = (u32(1) << u32(aLength)) - 1, bValid = (u32(1) << u32(bLength)) - 1;
  const isWord = (imm & 1) != 0;
  const aggregation = (imm >> 2) & 3;
  let found: u32 = 0;
  if (aggregation == 0) found = equalAny(a, b, aLength, bValid, isWord);
  else if (aggregation == 1) found = ranges(a, b, aLength, bValid, imm);
  else if (aggregation == 2) found = (equalMask(a, b, isWord) & aValid & bValid) | (~aValid & ~bValid & all);
  else found = equalOrdered(a, b, aLength, bValid, imm);
  if ((imm & 0x10) != 0) found ^= (imm & 0x20) != 0 ? bValid : all;
  const flags = u32(found != 0) | (u32(bLength < count) << 6) | (u32(aLength < count) << 7) | ((found & 1) << 11);
  return found | (flags << 16);
}
