import type { Builder } from '../../ir/builder.js';
import type { I32, I64, V128 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Feature, Row } from '../row.js';
import { getVector, low64Of, setVector } from '../simd/operands.js';
import { mmxSem, sdm } from '../simd/row-makers.js';
import { DWORDS_BY_IMM, IOTA, byteLanes, immShuffle, laneByImm, shape, shuffleByImm, shuffleLanes, withLaneByImm, zeroVector } from '../simd/vector.js';
import type { LaneBits } from '../simd/vector.js';

/** Shifts, shuffles by an immediate, word insert and extract. */

type ShiftKind = 'shl' | 'shr_u' | 'shr_s';

interface Shift {
  readonly mnemonic: string;
  readonly laneBits: 16 | 32 | 64;
  readonly kind: ShiftKind;
  /** Opcode of the form with a count operand. */
  readonly byVector: string;
  /** Opcode and digit of the form with an immediate count. */
  readonly byImm: string;
}

const SHIFTS: Shift[] = [
  { mnemonic: 'psllw', laneBits: 16, kind: 'shl', byVector: 'F1', byImm: '71 /6' },
  { mnemonic: 'pslld', laneBits: 32, kind: 'shl', byVector: 'F2', byImm: '72 /6' },
  { mnemonic: 'psllq', laneBits: 64, kind: 'shl', byVector: 'F3', byImm: '73 /6' },
  { mnemonic: 'psrlw', laneBits: 16, kind: 'shr_u', byVector: 'D1', byImm: '71 /2' },
  { mnemonic: 'psrld', laneBits: 32, kind: 'shr_u', byVector: 'D2', byImm: '72 /2' },
  { mnemonic: 'psrlq', laneBits: 64, kind: 'shr_u', byVector: 'D3', byImm: '73 /2' },
  { mnemonic: 'psraw', laneBits: 16, kind: 'shr_s', byVector: 'E1', byImm: '71 /4' },
  { mnemonic: 'psrad', laneBits: 32, kind: 'shr_s', byVector: 'E2', byImm: '72 /4' },
];

/** Shifts all lanes by one count; `inRange` tells whether it is below the lane width. */
function shiftLanes(b: Builder, shift: Shift, v: V128, count: I32, inRange: I32): V128 {
  const name = `${shape(shift.laneBits)}.${shift.kind}` as const;
  if (shift.kind === 'shr_s') return b.op(name, v, b.select(inRange, count, b.i32(shift.laneBits - 1)));
  return b.select<V128>(inRange, b.op(name, v, count), zeroVector(b));
}

/** The count is the low 64 bits of the source (a whole aligned vector when in memory). */
function shiftByVector(shift: Shift): Row['sem'] {
  return (b, dst, src) => {
    const count: I64 = low64Of(b, src);
    setVector(b, dst, shiftLanes(b, shift, getVector(b, dst), b.wrap(count), b.ltU(count, b.i64(shift.laneBits))));
  };
}

function shiftByImm(shift: Shift): Row['sem'] {
  return (b, dst, imm) => {
    const count = b.get(imm) as I32;
    setVector(b, dst, shiftLanes(b, shift, getVector(b, dst), count, b.ltU(count, b.i32(shift.laneBits))));
  };
}

function shiftRows(shift: Shift): Row[] {
  const { mnemonic } = shift;
  const cite = sdm(mnemonic.slice(0, 4) === 'psra' ? 'psraw' : mnemonic);
  return [
    { mnemonic, enc: `66 0F ${shift.byVector} /r`, ops: 'rw:xmm r:xmm/m128', feature: 'sse2', cite, sem: shiftByVector(shift) },
    { mnemonic, enc: `66 0F ${shift.byImm} ib`, ops: 'rw:xmmr r:imm8', feature: 'sse2', cite, hot: true, sem: shiftByImm(shift) },
    { mnemonic, enc: `NP 0F ${shift.byVector} /r`, ops: 'rw:mm r:mm/m64', feature: 'mmx', cite, sem: mmxSem(shiftByVector(shift)) },
    { mnemonic, enc: `NP 0F ${shift.byImm} ib`, ops: 'rw:mmr r:imm8', feature: 'mmx', cite, sem: mmxSem(shiftByImm(shift)) },
  ];
}

/** Shift of the whole register by bytes: swizzle indices beyond 15 give zero. */
function shiftBytes(direction: 'left' | 'right'): Row['sem'] {
  return (b, dst, imm) => {
    const raw = b.get(imm) as I32;
    const count = b.select(b.ltU(raw, b.i32(16)), raw, b.i32(16));
    const indices = b.op(direction === 'right' ? 'i8x16.add' : 'i8x16.sub', b.v128(IOTA), b.op('i8x16.splat', count));
    b.set(dst, b.op('i8x16.swizzle', b.getV128(dst), indices));
  };
}

const LOW_WORDS = immShuffle('low-words-by-imm', (imm) => [...words(imm, 0), ...byteLanes(64, [1])]);
const HIGH_WORDS = immShuffle('high-words-by-imm', (imm) => [...byteLanes(64, [0]), ...words(imm, 4)]);

function words(imm: number, first: number): number[] {
  return byteLanes(16, [0, 2, 4, 6].map((shift) => first + ((imm >> shift) & 3)));
}

function shuffleSem(spec: typeof LOW_WORDS): Row['sem'] {
  return (b, dst, src, imm) => setVector(b, dst, shuffleByImm(b, spec, getVector(b, src), b.get(imm) as I32));
}

/** shufps: two dwords of the destination, then two of the source. */
function shufps(b: Builder, dst: Operand, src: Operand, imm: Operand): void {
  const y = b.getV128(src);
  const order = b.get(imm) as I32;
  const fromDst = shuffleByImm(b, DWORDS_BY_IMM, b.getV128(dst), order);
  const fromSrc = shuffleByImm(b, DWORDS_BY_IMM, y, order);
  b.set(dst, shuffleLanes(b, 64, fromDst, fromSrc, [0, 3]));
}

function shufpd(b: Builder, dst: Operand, src: Operand, imm: Operand): void {
  const y = b.getV128(src);
  const order = b.get(imm) as I32;
  const low = laneByImm(b, 64, b.getV128(dst), b.and(order, b.i32(1)));
  const high = laneByImm(b, 64, y, b.and(b.shrU(order, b.i32(1)), b.i32(1)));
  b.set(dst, b.lane('i64x2.replace_lane', 1, b.op('i64x2.splat', low), high));
}

/** pinsrw: a general register (low 16 bits) or 16 bits of memory. */
function insertLane(laneBits: LaneBits): Row['sem'] {
  return (b, dst, src, imm) => {
    const value = laneBits === 64 ? b.get(src) : b.lowInt(src, laneBits);
    setVector(b, dst, withLaneByImm(b, laneBits, getVector(b, dst), b.get(imm) as I32, value));
  };
}

/** pextrw to a register; the 64-bit form has four words. */
function extractWord(mask: 7 | 3): Row['sem'] {
  return (b, dst, src, imm) => b.set(dst, laneByImm(b, 16, getVector(b, src), b.and(b.get(imm) as I32, b.i32(mask))));
}

/** pinsrw on a 64-bit register: the lane number has two bits. */
function insertWordMmx(b: Builder, dst: Operand, src: Operand, imm: Operand): void {
  const value = b.lowInt(src, 16);
  setVector(b, dst, withLaneByImm(b, 16, getVector(b, dst), b.and(b.get(imm) as I32, b.i32(3)), value));
}

interface Shuffle {
  readonly mnemonic: string;
  readonly enc: string;
  readonly ops: string;
  readonly feature: Feature;
  readonly sem: Row['sem'];
  readonly hot?: boolean;
}

const SHUFFLES: Shuffle[] = [
  { mnemonic: 'pslldq', enc: '66 0F 73 /7 ib', ops: 'rw:xmmr r:imm8', feature: 'sse2', hot: true, sem: shiftBytes('left') },
  { mnemonic: 'psrldq', enc: '66 0F 73 /3 ib', ops: 'rw:xmmr r:imm8', feature: 'sse2', hot: true, sem: shiftBytes('right') },
  { mnemonic: 'pshufd', enc: '66 0F 70 /r ib', ops: 'w:xmm r:xmm/m128 r:imm8', feature: 'sse2', hot: true, sem: shuffleSem(DWORDS_BY_IMM) },
  { mnemonic: 'pshuflw', enc: 'F2 0F 70 /r ib', ops: 'w:xmm r:xmm/m128 r:imm8', feature: 'sse2', sem: shuffleSem(LOW_WORDS) },
  { mnemonic: 'pshufhw', enc: 'F3 0F 70 /r ib', ops: 'w:xmm r:xmm/m128 r:imm8', feature: 'sse2', sem: shuffleSem(HIGH_WORDS) },
  { mnemonic: 'pshufw', enc: 'NP 0F 70 /r ib', ops: 'w:mm r:mm/m64 r:imm8', feature: 'sse', sem: mmxSem(shuffleSem(LOW_WORDS)) },
  { mnemonic: 'shufps', enc: 'NP 0F C6 /r ib', ops: 'rw:xmm r:xmm/m128 r:imm8', feature: 'sse', hot: true, sem: shufps },
  { mnemonic: 'shufpd', enc: '66 0F C6 /r ib', ops: 'rw:xmm r:xmm/m128 r:imm8', feature: 'sse2', sem: shufpd },
  { mnemonic: 'pinsrw', enc: '66 0F C4 /r ib', ops: 'rw:xmm r:r32/m16 r:imm8', feature: 'sse2', sem: insertLane(16) },
  { mnemonic: 'pinsrw', enc: 'NP 0F C4 /r ib', ops: 'rw:mm r:r32/m16 r:imm8', feature: 'sse', sem: mmxSem(insertWordMmx) },
  { mnemonic: 'pextrw', enc: '66 0F C5 /r ib', ops: 'w:r32 r:xmmr r:imm8', feature: 'sse2', sem: extractWord(7) },
  { mnemonic: 'pextrw', enc: 'NP 0F C5 /r ib', ops: 'w:r32 r:mmr r:imm8', feature: 'sse', sem: mmxSem(extractWord(3)) },
];

export const sseShiftShuffleRows: readonly Row[] = [...SHIFTS.flatMap(shiftRows), ...SHUFFLES.map((row) => ({ ...row, cite: sdm(row.mnemonic) }))];
