import type { Builder } from '../../ir/builder.js';
import type { V128 } from '../../ir/types.js';
import type { PureOp } from '../../ir/wasm-ops.js';
import type { Combine } from './row-makers.js';
import { byteLanes, fromLow64, high64, shape, splatConst, zeroVector } from './vector.js';
import type { LaneBits } from './vector.js';

/** Lane functions of packed integer instructions. */

/** A wasm instruction of two vectors. */
export function pure(name: PureOp): Combine {
  return (b, x, y) => b.op(name, x, y);
}

export const and = pure('v128.and');
export const or = pure('v128.or');
export const xor = pure('v128.xor');
/** pandn inverts the destination, wasm's andnot its second argument. */
export const andNot: Combine = (b, x, y) => b.op('v128.andnot', y, x);

/** Upper halves of the products of 16-bit lanes. */
export function mulHigh(signed: boolean): Combine {
  const sign = signed ? 's' : 'u';
  const oddWords = byteLanes(16, [1, 3, 5, 7, 9, 11, 13, 15]);
  return (b, x, y) => b.shuffle(b.op(`i32x4.extmul_low_i16x8_${sign}`, x, y), b.op(`i32x4.extmul_high_i16x8_${sign}`, x, y), oddWords);
}

/** Products of the even dwords as qwords (pmuludq, pmuldq). */
export function mulEven(signed: boolean): Combine {
  const even = byteLanes(32, [0, 2, 0, 2]);
  return (b, x, y) => b.op(signed ? 'i64x2.extmul_low_i32x4_s' : 'i64x2.extmul_low_i32x4_u', b.shuffle(x, x, even), b.shuffle(y, y, even));
}

/** Sums of the absolute differences of 8 bytes each (psadbw). */
export const sumAbsDiff: Combine = (b, x, y) => {
  const diff = b.op('v128.or', b.op('i8x16.sub_sat_u', x, y), b.op('i8x16.sub_sat_u', y, x));
  const dwords = b.op('i32x4.extadd_pairwise_i16x8_u', b.op('i16x8.extadd_pairwise_i8x16_u', diff));
  return b.op('v128.and', b.op('i64x2.add', dwords, b.op('i64x2.shr_u', dwords, b.i32(32))), splatConst(b, 64, 0xffff));
};

/** Interleaves the low or high lanes of two 128-bit vectors. */
export function unpack(laneBits: LaneBits, half: 'low' | 'high'): Combine {
  const count = 128 / laneBits;
  const first = half === 'low' ? 0 : count / 2;
  const lanes = byteLanes(laneBits, Array.from({ length: count }, (_, i) => first + (i >> 1) + (i & 1) * count));
  return (b, x, y) => b.shuffle(x, y, lanes);
}

/** Interleaves the high lanes of two 64-bit vectors: the upper half of their full interleaving. */
export function unpackHighMmx(laneBits: LaneBits): Combine {
  const whole = unpack(laneBits, 'low');
  return (b, x, y) => upperToLow(b, whole(b, x, y));
}

export function upperToLow(b: Builder, v: V128): V128 {
  return fromLow64(b, high64(b, v));
}

/** Both 64-bit operands in one vector: the destination low, the source high. */
export function join64(b: Builder, x: V128, y: V128): V128 {
  return b.shuffle(x, y, byteLanes(64, [0, 2]));
}

/** Function of two vectors on the 64-bit operands joined, its other argument zero (packs, horizontal adds). */
export function joined(f: Combine): Combine {
  return (b, x, y) => f(b, join64(b, x, y), zeroVector(b));
}

/** Horizontal operation: f on the even and the odd lanes of x, then y. */
export function horizontal(laneBits: 16 | 32, f: Combine): Combine {
  const count = 128 / laneBits;
  const pick = (odd: number): number[] => byteLanes(laneBits, Array.from({ length: count }, (_, i) => 2 * i + odd));
  return (b, x, y) => f(b, b.shuffle(x, y, pick(0)), b.shuffle(x, y, pick(1)));
}

/** Products of unsigned bytes of x with signed bytes of y, adjacent ones added with saturation (pmaddubsw). */
export const mulAddBytes: Combine = (b, x, y) => {
  const product = (half: 'low' | 'high'): V128 => b.op('i16x8.mul', b.op(`i16x8.extend_${half}_i8x16_u`, x), b.op(`i16x8.extend_${half}_i8x16_s`, y));
  return horizontal(16, pure('i16x8.add_sat_s'))(b, product('low'), product('high'));
};

/** Rounded upper product (pmulhrsw); −1 times −1 wraps where wasm saturates. */
export const mulHighRounded: Combine = (b, x, y) => {
  const min = splatConst(b, 16, 0x8000);
  const both = b.op('v128.and', b.op('i16x8.eq', x, min), b.op('i16x8.eq', y, min));
  return b.op('v128.xor', b.op('i16x8.q15mulr_sat_s', x, y), both);
};

/** x negated where y is negative, zero where y is zero (psignb/w/d). */
export function signOf(laneBits: 8 | 16 | 32): Combine {
  const lanes = shape(laneBits);
  return (b, x, y) => {
    const negative = b.op(`${lanes}.shr_s`, y, b.i32(laneBits - 1));
    const flipped = b.op(`${lanes}.sub`, b.op('v128.xor', x, negative), negative);
    return b.op('v128.andnot', flipped, b.op(`${lanes}.eq`, y, zeroVector(b)));
  };
}

/** Byte shuffle by a vector (pshufb): index bit 7 clears the byte, bits 4–6 are ignored. */
export function shuffleBytes(indexMask: 0x0f | 0x07): Combine {
  return (b, x, y) => b.op('i8x16.swizzle', x, b.op('v128.and', y, splatConst(b, 8, 0x80 | indexMask)));
}
