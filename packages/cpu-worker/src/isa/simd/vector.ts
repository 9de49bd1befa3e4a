import type { Builder } from '../../ir/builder.js';
import { vectorTable } from '../../ir/types.js';
import type { I32, I64, V128, Val, VectorTable } from '../../ir/types.js';

/** Building blocks of vector semantics: constants, extensions, shuffles by an immediate, lanes by a computed index. */

/** Lane width in bits of an integer vector. */
export type LaneBits = 8 | 16 | 32 | 64;

const SHAPES = { 8: 'i8x16', 16: 'i16x8', 32: 'i32x4', 64: 'i64x2' } as const;

/** wasm shape of lanes of a width: `i16x8`. */
export function shape<L extends LaneBits>(laneBits: L): (typeof SHAPES)[L] {
  return SHAPES[laneBits];
}

/** The numbers 0 … 15 as bytes. */
export const IOTA = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as const;

export function zeroVector(b: Builder): V128 {
  return b.v128(new Uint8Array(16));
}

export function onesVector(b: Builder): V128 {
  return b.v128(new Uint8Array(16).fill(0xff));
}

/** Constant vector of equal lanes. */
export function splatConst(b: Builder, laneBits: LaneBits, value: number | bigint): V128 {
  return vectorOf(b, laneBits, () => value);
}

/** Constant vector whose lane i is `lane(i)`. */
export function vectorOf(b: Builder, laneBits: LaneBits, lane: (index: number) => number | bigint): V128 {
  const bytes = new Uint8Array(16);
  const laneBytes = laneBits >> 3;
  for (let i = 0; i < 16; i++) {
    const value = BigInt.asUintN(laneBits, BigInt(lane(Math.floor(i / laneBytes))));
    bytes[i] = Number((value >> BigInt((i % laneBytes) * 8)) & 0xffn);
  }
  return b.v128(bytes);
}

/** Vector with `value` in the low 64 bits and zero above. */
export function fromLow64(b: Builder, value: I64): V128 {
  return b.lane('i64x2.replace_lane', 0, zeroVector(b), value);
}

/** Vector with `value` in the low 32 bits and zero above. */
export function fromLow32(b: Builder, value: I32): V128 {
  return b.lane('i32x4.replace_lane', 0, zeroVector(b), value);
}

export function low64(b: Builder, v: V128): I64 {
  return b.lane('i64x2.extract_lane', 0, v);
}

export function high64(b: Builder, v: V128): I64 {
  return b.lane('i64x2.extract_lane', 1, v);
}

/** Byte lanes of a shuffle of lanes of `laneBits`: lane numbers count through both operands. */
export function byteLanes(laneBits: LaneBits, lanes: readonly number[]): number[] {
  const laneBytes = laneBits >> 3;
  return lanes.flatMap((lane) => Array.from({ length: laneBytes }, (_, i) => lane * laneBytes + i));
}

/** Shuffle with constant lanes of a width: lanes of `a`, then lanes of `c`. */
export function shuffleLanes(b: Builder, laneBits: LaneBits, a: V128, c: V128, lanes: readonly number[]): V128 {
  return b.shuffle(a, c, byteLanes(laneBits, lanes));
}

/** A shuffle of one vector chosen by an immediate: its byte indices for each immediate, and as a table. */
export interface ImmShuffle {
  readonly indices: (imm: number) => number[];
  readonly table: VectorTable;
}

/** Declares a shuffle of one vector by an imm8: `indices(imm)` are the 16 source byte indices. */
export function immShuffle(name: string, indices: (imm: number) => number[]): ImmShuffle {
  return { indices, table: vectorTable(name, 256, indices) };
}

export function shuffleByImm(b: Builder, spec: ImmShuffle, v: V128, imm: I32): V128 {
  const constant = b.constOf(imm);
  if (constant !== undefined) return b.shuffle(v, v, spec.indices(Number(constant)));
  return b.op('i8x16.swizzle', v, b.lookup(spec.table, imm));
}

/** Dword order given by the four 2-bit fields of an imm8 (pshufd, shufps). */
export const DWORDS_BY_IMM = immShuffle('dwords-by-imm', (imm) => byteLanes(32, [0, 2, 4, 6].map((shift) => (imm >> shift) & 3)));

/** Byte indices of lane `index` (a value) as a swizzle vector: the lane comes to position 0. */
function laneIndices(b: Builder, laneBits: LaneBits, index: I32): V128 {
  const first = b.shl(index, b.i32(Math.log2(laneBits >> 3)));
  return b.op('i8x16.add', b.op('i8x16.splat', first), b.v128(IOTA));
}

/** Lane `imm` modulo the number of lanes, zero-extended. */
export function laneByImm(b: Builder, laneBits: LaneBits, v: V128, imm: I32): Val<any> {
  const extract = laneBits === 8 ? 'i8x16.extract_lane_u' : laneBits === 16 ? 'i16x8.extract_lane_u' : laneBits === 32 ? 'i32x4.extract_lane' : 'i64x2.extract_lane';
  const mask = 128 / laneBits - 1;
  const constant = b.constOf(imm);
  if (constant !== undefined) return b.lane(extract, Number(constant) & mask, v);
  return b.lane(extract, 0, b.op('i8x16.swizzle', v, laneIndices(b, laneBits, b.and(imm, b.i32(mask)))));
}

/** `v` with lane `imm` modulo the number of lanes replaced. */
export function withLaneByImm(b: Builder, laneBits: LaneBits, v: V128, imm: I32, value: Val): V128 {
  const mask = 128 / laneBits - 1;
  const constant = b.constOf(imm);
  if (constant !== undefined) return b.lane(`${shape(laneBits)}.replace_lane`, Number(constant) & mask, v, value);
  const chosen = chosenLane(b, laneBits, b.and(imm, b.i32(mask)));
  return b.op('v128.bitselect', b.op(`${shape(laneBits)}.splat`, value), v, chosen);
}

/** Mask with all bits of lane `index` set. */
function chosenLane(b: Builder, laneBits: LaneBits, index: I32): V128 {
  const numbers = vectorOf(b, 8, (i) => Math.floor(i / (laneBits >> 3)));
  return b.op('i8x16.eq', b.op('i8x16.splat', index), numbers);
}

/** Mask of lanes (16, 32 or 64 bits) whose bit in `imm` is set, beginning at bit `firstBit`. */
export function lanesByImm(b: Builder, laneBits: 16 | 32 | 64, imm: I32, firstBit = 0): V128 {
  const bits = vectorOf(b, laneBits === 64 ? 32 : laneBits, (i) => (1 << firstBit) << (laneBits === 64 ? i >> 1 : i));
  const name = laneBits === 16 ? 'i16x8' : 'i32x4';
  return b.op(`${name}.eq`, b.op('v128.and', b.op(`${name}.splat`, imm), bits), bits);
}
