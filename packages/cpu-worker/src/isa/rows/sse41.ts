import type { Builder } from '../../ir/builder.js';
import { flagsZeroParityCarry } from '../../ir/flags.js';
import type { I32, IntSize, V128, Val } from '../../ir/types.js';
import type { PureOp } from '../../ir/wasm-ops.js';
import type { Operand } from '../operand.js';
import type { Row } from '../row.js';
import { andNot, mulEven, pure } from '../simd/integer.js';
import type { Combine, PackedOp } from '../simd/row-makers.js';
import { packedRows, sdm, unarySem } from '../simd/row-makers.js';
import { IOTA, fromLow32, fromLow64, laneByImm, lanesByImm, vectorOf, withLaneByImm } from '../simd/vector.js';
import type { LaneBits } from '../simd/vector.js';

/** SSE4.1 and the vector part of SSE4.2: integer arithmetic, extension, blends, inserts, extracts, ptest. */

const BINARY: [mnemonic: string, opcode: string, f: Combine, hot?: boolean][] = [
  ['pmuldq', '28', mulEven(true)],
  ['pcmpeqq', '29', pure('i64x2.eq')],
  ['packusdw', '2B', pure('i16x8.narrow_i32x4_u')],
  ['pminsb', '38', pure('i8x16.min_s')],
  ['pminsd', '39', pure('i32x4.min_s')],
  ['pminuw', '3A', pure('i16x8.min_u')],
  ['pminud', '3B', pure('i32x4.min_u')],
  ['pmaxsb', '3C', pure('i8x16.max_s')],
  ['pmaxsd', '3D', pure('i32x4.max_s')],
  ['pmaxuw', '3E', pure('i16x8.max_u')],
  ['pmaxud', '3F', pure('i32x4.max_u')],
  ['pmulld', '40', pure('i32x4.mul'), true],
];

function binaryRows(): Row[] {
  const ops = BINARY.map(([mnemonic, opcode, f, hot]): PackedOp => ({ mnemonic, opcode: `0F 38 ${opcode}`, f, mmx: null, feature: 'sse41', ...(hot === true ? { hot } : {}) }));
  return [...ops, { mnemonic: 'pcmpgtq', opcode: '0F 38 37', f: pure('i64x2.gt_s'), mmx: null, feature: 'sse42' } as const].flatMap(packedRows);
}

/** pmovsx, pmovzx: steps of doubling the lane width; memory of the width that is used. */
const EXTENSIONS: [suffix: string, opcode: string, memBits: IntSize, steps: readonly ('8' | '16' | '32')[]][] = [
  ['bw', '0', 64, ['8']], ['bd', '1', 32, ['8', '16']], ['bq', '2', 16, ['8', '16', '32']],
  ['wd', '3', 64, ['16']], ['wq', '4', 32, ['16', '32']], ['dq', '5', 64, ['32']],
];

const EXTEND_LOW = { 8: 'i16x8.extend_low_i8x16', 16: 'i32x4.extend_low_i16x8', 32: 'i64x2.extend_low_i32x4' } as const;

function narrowSource(b: Builder, o: Operand, memBits: IntSize): V128 {
  if (o.kind === 'xmm') return b.getV128(o);
  const low = b.lowInt(o, memBits);
  return low.ty === 'i64' ? fromLow64(b, low as Val<'i64'>) : fromLow32(b, low as I32);
}

function extensionRows(): Row[] {
  return (['s', 'z'] as const).flatMap((kind) => EXTENSIONS.map(([suffix, opcode, memBits, steps]): Row => {
    const mnemonic = `pmov${kind}x${suffix}`;
    const extend = (b: Builder, v: V128): V128 => steps.reduce((x, bits) => b.op(`${EXTEND_LOW[bits]}_${kind === 's' ? 's' : 'u'}`, x), v);
    return {
      mnemonic, enc: `66 0F 38 ${kind === 's' ? '2' : '3'}${opcode} /r`, ops: `w:xmm r:xmm/m${memBits}`, feature: 'sse41', cite: sdm(`pmov${kind}x`),
      sem: (b, dst, src) => b.set(dst, extend(b, narrowSource(b, src, memBits))),
    };
  }));
}

/** Variable blends: the top bit of each lane of xmm0 chooses. */
function variableBlend(shift: PureOp, bits: number): Row['sem'] {
  return (b, dst, src, mask) => {
    const y = b.getV128(src);
    const chosen = b.op(shift, b.getV128(mask), b.i32(bits));
    b.set(dst, b.op('v128.bitselect', y, b.getV128(dst), chosen));
  };
}

function immBlend(laneBits: 16 | 32 | 64): Row['sem'] {
  return (b, dst, src, imm) => {
    const y = b.getV128(src);
    b.set(dst, b.op('v128.bitselect', y, b.getV128(dst), lanesByImm(b, laneBits, b.get(imm) as I32)));
  };
}

const TERNARY: [mnemonic: string, enc: string, ops: string, sem: Row['sem']][] = [
  ['pblendvb', '66 0F 38 10 /r', 'rw:xmm r:xmm/m128 r:xmm0', variableBlend('i8x16.shr_s', 7)],
  ['blendvps', '66 0F 38 14 /r', 'rw:xmm r:xmm/m128 r:xmm0', variableBlend('i32x4.shr_s', 31)],
  ['blendvpd', '66 0F 38 15 /r', 'rw:xmm r:xmm/m128 r:xmm0', variableBlend('i64x2.shr_s', 63)],
  ['blendps', '66 0F 3A 0C /r ib', 'rw:xmm r:xmm/m128 r:imm8', immBlend(32)],
  ['blendpd', '66 0F 3A 0D /r ib', 'rw:xmm r:xmm/m128 r:imm8', immBlend(64)],
  ['pblendw', '66 0F 3A 0E /r ib', 'rw:xmm r:xmm/m128 r:imm8', immBlend(16)],
  ['insertps', '66 0F 3A 21 /r ib', 'rw:xmm r:xmm/m32 r:imm8', insertps],
  ['mpsadbw', '66 0F 3A 42 /r ib', 'rw:xmm r:xmm/m128 r:imm8', mpsadbw],
];

/** A dword of the source (bits 7:6; the only one in memory) to a dword of the destination (bits 5:4); bits 3:0 clear. */
function insertps(b: Builder, dst: Operand, src: Operand, imm: Operand): void {
  const control = b.get(imm) as I32;
  const value = src.kind === 'mem' ? b.low(src, 'i32') : laneByImm(b, 32, b.getV128(src), b.shrU(control, b.i32(6)));
  const inserted = withLaneByImm(b, 32, b.getV128(dst), b.and(b.shrU(control, b.i32(4)), b.i32(3)), value);
  b.set(dst, b.op('v128.andnot', inserted, lanesByImm(b, 32, control)));
}

/** Eight sums of four absolute differences: a dword of the source against bytes i … i+3 of the destination. */
function mpsadbw(b: Builder, dst: Operand, src: Operand, imm: Operand): void {
  const y = b.getV128(src);
  const control = b.get(imm) as I32;
  const block = b.op('i32x4.splat', laneByImm(b, 32, y, b.and(control, b.i32(3))));
  const first = b.and(control, b.i32(4));
  const window = b.op('i8x16.swizzle', b.getV128(dst), b.op('i8x16.add', b.op('i8x16.splat', first), b.v128(IOTA)));
  let sum: V128 | undefined;
  for (let k = 0; k < 4; k++) {
    const x = b.shuffle(window, window, IOTA.map((i) => (i + k) & 15));
    const z = b.shuffle(block, block, IOTA.map(() => k));
    const diff = b.op('v128.or', b.op('i8x16.sub_sat_u', x, z), b.op('i8x16.sub_sat_u', z, x));
    const words = b.op('i16x8.extend_low_i8x16_u', diff);
    sum = sum === undefined ? words : b.op('i16x8.add', sum, words);
  }
  b.set(dst, sum as V128);
}

/** Smallest unsigned word and its index: minimum over dwords word << 16 | index. */
function minimumWord(b: Builder, x: V128): V128 {
  const low = (lanes: 'low' | 'high', first: number): V128 => b.op('v128.or', b.op('i32x4.shl', b.op(`i32x4.extend_${lanes}_i16x8_u`, x), b.i32(16)), vectorOf(b, 32, (i) => first + i));
  let least: V128 = b.op('i32x4.min_u', low('low', 0), low('high', 4));
  for (const lanes of [[2, 3, 0, 1], [1, 0, 3, 2]]) {
    least = b.op('i32x4.min_u', least, b.shuffle(least, least, lanes.flatMap((lane) => [0, 1, 2, 3].map((i) => lane * 4 + i))));
  }
  return fromLow32(b, b.op('i32.rotl', b.lane('i32x4.extract_lane', 0, least), b.i32(16)));
}

/** ZF: no common bit; CF: no bit of the second operand outside of the first. */
function ptest(b: Builder, left: Operand, right: Operand): void {
  const y = b.getV128(right);
  const x = b.getV128(left);
  const isZero = (v: V128): I32 => b.eqz(b.op('v128.any_true', v));
  flagsZeroParityCarry(b, isZero(b.op('v128.and', x, y)), b.i32(0), isZero(andNot(b, x, y)));
}

function extract(laneBits: LaneBits): Row['sem'] {
  return (b, dst, src, imm) => b.set(dst, laneByImm(b, laneBits, b.getV128(src), b.get(imm) as I32));
}

function insert(laneBits: LaneBits): Row['sem'] {
  return (b, dst, src, imm) => {
    const value = b.lowInt(src, laneBits);
    b.set(dst, withLaneByImm(b, laneBits, b.getV128(dst), b.get(imm) as I32, value));
  };
}

const LANES: [mnemonic: string, enc: string, ops: string, sem: Row['sem']][] = [
  ['pextrb', '66 0F 3A 14 /r ib', 'w:r32/m8 r:xmm r:imm8', extract(8)],
  ['pextrw', '66 0F 3A 15 /r ib', 'w:r32/m16 r:xmm r:imm8', extract(16)],
  ['pextrd', '66 W0 0F 3A 16 /r ib', 'w:rm32 r:xmm r:imm8', extract(32)],
  ['pextrq', '66 REX.W 0F 3A 16 /r ib', 'w:rm64 r:xmm r:imm8', extract(64)],
  ['extractps', '66 0F 3A 17 /r ib', 'w:rm32 r:xmm r:imm8', extract(32)],
  ['pinsrb', '66 0F 3A 20 /r ib', 'rw:xmm r:r32/m8 r:imm8', insert(8)],
  ['pinsrd', '66 W0 0F 3A 22 /r ib', 'rw:xmm r:rm32 r:imm8', insert(32)],
  ['pinsrq', '66 REX.W 0F 3A 22 /r ib', 'rw:xmm r:rm64 r:imm8', insert(64)],
];

export const sse41Rows: readonly Row[] = [
  ...binaryRows(),
  ...extensionRows(),
  ...[...TERNARY, ...LANES].map(([mnemonic, enc, ops, sem]) => ({ mnemonic, enc, ops, feature: 'sse41' as const, cite: sdm(mnemonic), sem })),
  { mnemonic: 'phminposuw', enc: '66 0F 38 41 /r', ops: 'w:xmm r:xmm/m128', feature: 'sse41', cite: sdm('phminposuw'), sem: unarySem(minimumWord) },
  { mnemonic: 'ptest', enc: '66 0F 38 17 /r', ops: 'r:xmm r:xmm/m128', flags: { w: 'oszapc' }, feature: 'sse41', cite: sdm('ptest'), sem: ptest },
];
