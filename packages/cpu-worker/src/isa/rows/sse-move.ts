import type { Builder } from '../../ir/builder.js';
import type { I64, V128 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Feature, Row } from '../row.js';
import { sdm } from '../simd/row-makers.js';
import { fromLow32, fromLow64, high64, shuffleLanes } from '../simd/vector.js';

/** Data transfers of SSE, SSE2, SSE3, SSE4.1 between xmm registers, general registers and memory. */

interface Move {
  readonly mnemonic: string;
  readonly enc: string;
  readonly ops: string;
  readonly feature: Feature;
  readonly sem: Row['sem'];
  readonly hot?: boolean;
}

function move(b: Builder, dst: Operand, src: Operand): void {
  b.set(dst, b.get(src));
}

/** movss, movsd, movq loads: the register form of movss and movsd keeps the upper part. */
function loadScalar(bits: 32 | 64): Row['sem'] {
  return (b, dst, src) => {
    if (src.kind === 'xmm') b.setLow(dst, b.low(src, bits === 32 ? 'f32' : 'f64'));
    else b.set(dst, bits === 32 ? fromLow32(b, b.low(src, 'i32')) : fromLow64(b, b.low(src, 'i64')));
  };
}

function storeScalar(bits: 32 | 64): Row['sem'] {
  return (b, dst, src) => b.setLow(dst, b.low(src, bits === 32 ? 'f32' : 'f64'));
}

function zeroExtendLow(b: Builder, dst: Operand, src: Operand): void {
  b.set(dst, fromLow64(b, b.low(src, 'i64')));
}

/** Full-width moves: load and store opcode, alignment, prefix. */
const WHOLE: [mnemonic: string, prefix: string, load: string | null, store: string, aligned: boolean, feature: Feature][] = [
  ['movups', 'NP', '10', '11', false, 'sse'],
  ['movupd', '66', '10', '11', false, 'sse2'],
  ['movaps', 'NP', '28', '29', true, 'sse'],
  ['movapd', '66', '28', '29', true, 'sse2'],
  ['movdqa', '66', '6F', '7F', true, 'sse2'],
  ['movdqu', 'F3', '6F', '7F', false, 'sse2'],
];

function wholeRows(): Row[] {
  return WHOLE.flatMap(([mnemonic, prefix, load, store, aligned, feature]) => {
    const memory = aligned ? 'xmm/m128' : 'xmm/m128u';
    const cite = sdm(mnemonic);
    return [
      { mnemonic, enc: `${prefix} 0F ${load} /r`, ops: `w:xmm r:${memory}`, feature, cite, hot: true, sem: move },
      { mnemonic, enc: `${prefix} 0F ${store} /r`, ops: `w:${memory} r:xmm`, feature, cite, hot: true, sem: move },
    ];
  });
}

/** Stores and loads that bypass the cache: memory only. */
const NON_TEMPORAL: [mnemonic: string, enc: string, ops: string, feature: Feature][] = [
  ['movntps', 'NP 0F 2B /r', 'w:m128a r:xmm', 'sse'],
  ['movntpd', '66 0F 2B /r', 'w:m128a r:xmm', 'sse2'],
  ['movntdq', '66 0F E7 /r', 'w:m128a r:xmm', 'sse2'],
  ['movntdqa', '66 0F 38 2A /r', 'w:xmm r:m128a', 'sse41'],
  ['lddqu', 'F2 0F F0 /r', 'w:xmm r:m128', 'sse3'],
  ['movnti', 'NP W0 0F C3 /r', 'w:m32 r:r32', 'sse2'],
  ['movnti', 'NP REX.W 0F C3 /r', 'w:m64 r:r64', 'sse2'],
];

function setHalf(b: Builder, dst: Operand, half: 0 | 1, value: I64): void {
  b.set(dst, b.lane('i64x2.replace_lane', half, b.getV128(dst), value));
}

function loadHigh(b: Builder, dst: Operand, src: Operand): void {
  setHalf(b, dst, 1, b.low(src, 'i64'));
}

function loadLow(b: Builder, dst: Operand, src: Operand): void {
  b.setLow(dst, b.low(src, 'i64'));
}

function storeHigh(b: Builder, dst: Operand, src: Operand): void {
  b.set(dst, high64(b, b.getV128(src)));
}

function storeLow(b: Builder, dst: Operand, src: Operand): void {
  b.set(dst, b.low(src, 'i64'));
}

function duplicate(lanes: readonly number[]): Row['sem'] {
  return (b, dst, src) => {
    const v: V128 = b.getV128(src);
    b.set(dst, shuffleLanes(b, 32, v, v, lanes));
  };
}

const SCALAR_AND_HALF: Move[] = [
  { mnemonic: 'movss', enc: 'F3 0F 10 /r', ops: 'rw:xmm r:xmm/m32', feature: 'sse', hot: true, sem: loadScalar(32) },
  { mnemonic: 'movss', enc: 'F3 0F 11 /r', ops: 'w:xmm/m32 r:xmm', feature: 'sse', hot: true, sem: storeScalar(32) },
  { mnemonic: 'movsd', enc: 'F2 0F 10 /r', ops: 'rw:xmm r:xmm/m64', feature: 'sse2', hot: true, sem: loadScalar(64) },
  { mnemonic: 'movsd', enc: 'F2 0F 11 /r', ops: 'w:xmm/m64 r:xmm', feature: 'sse2', hot: true, sem: storeScalar(64) },
  { mnemonic: 'movq', enc: 'F3 0F 7E /r', ops: 'w:xmm r:xmm/m64', feature: 'sse2', hot: true, sem: zeroExtendLow },
  {
    mnemonic: 'movq', enc: '66 0F D6 /r', ops: 'w:xmm/m64 r:xmm', feature: 'sse2', hot: true,
    sem: (b, dst, src) => (dst.kind === 'mem' ? storeLow : zeroExtendLow)(b, dst, src),
  },
  { mnemonic: 'movd', enc: '66 W0 0F 6E /r', ops: 'w:xmm r:rm32', feature: 'sse2', hot: true, sem: (b, dst, src) => b.set(dst, fromLow32(b, b.get(src))) },
  { mnemonic: 'movq', enc: '66 REX.W 0F 6E /r', ops: 'w:xmm r:rm64', feature: 'sse2', hot: true, sem: (b, dst, src) => b.set(dst, fromLow64(b, b.get(src))) },
  { mnemonic: 'movd', enc: '66 W0 0F 7E /r', ops: 'w:rm32 r:xmm', feature: 'sse2', hot: true, sem: (b, dst, src) => b.set(dst, b.low(src, 'i32')) },
  { mnemonic: 'movq', enc: '66 REX.W 0F 7E /r', ops: 'w:rm64 r:xmm', feature: 'sse2', hot: true, sem: storeLow },
  { mnemonic: 'movlps', enc: 'NP 0F 12 /r', ops: 'rw:xmm r:m64', feature: 'sse', sem: loadLow },
  { mnemonic: 'movlps', enc: 'NP 0F 13 /r', ops: 'w:m64 r:xmm', feature: 'sse', sem: storeLow },
  { mnemonic: 'movlpd', enc: '66 0F 12 /r', ops: 'rw:xmm r:m64', feature: 'sse2', sem: loadLow },
  { mnemonic: 'movlpd', enc: '66 0F 13 /r', ops: 'w:m64 r:xmm', feature: 'sse2', sem: storeLow },
  { mnemonic: 'movhps', enc: 'NP 0F 16 /r', ops: 'rw:xmm r:m64', feature: 'sse', hot: true, sem: loadHigh },
  { mnemonic: 'movhps', enc: 'NP 0F 17 /r', ops: 'w:m64 r:xmm', feature: 'sse', hot: true, sem: storeHigh },
  { mnemonic: 'movhpd', enc: '66 0F 16 /r', ops: 'rw:xmm r:m64', feature: 'sse2', sem: loadHigh },
  { mnemonic: 'movhpd', enc: '66 0F 17 /r', ops: 'w:m64 r:xmm', feature: 'sse2', sem: storeHigh },
  { mnemonic: 'movhlps', enc: 'NP 0F 12 /r', ops: 'rw:xmm r:xmmr', feature: 'sse', sem: (b, dst, src) => setHalf(b, dst, 0, high64(b, b.getV128(src))) },
  { mnemonic: 'movlhps', enc: 'NP 0F 16 /r', ops: 'rw:xmm r:xmmr', feature: 'sse', sem: loadHigh },
  { mnemonic: 'movddup', enc: 'F2 0F 12 /r', ops: 'w:xmm r:xmm/m64', feature: 'sse3', sem: (b, dst, src) => b.set(dst, b.op('i64x2.splat', b.low(src, 'i64'))) },
  { mnemonic: 'movsldup', enc: 'F3 0F 12 /r', ops: 'w:xmm r:xmm/m128', feature: 'sse3', sem: duplicate([0, 0, 2, 2]) },
  { mnemonic: 'movshdup', enc: 'F3 0F 16 /r', ops: 'w:xmm r:xmm/m128', feature: 'sse3', sem: duplicate([1, 1, 3, 3]) },
];

/** Sign masks of lanes to a general register. */
const MASKS: Move[] = [
  { mnemonic: 'movmskps', enc: 'NP 0F 50 /r', ops: 'w:r32 r:xmmr', feature: 'sse', sem: (b, dst, src) => b.set(dst, b.op('i32x4.bitmask', b.getV128(src))) },
  { mnemonic: 'movmskpd', enc: '66 0F 50 /r', ops: 'w:r32 r:xmmr', feature: 'sse2', sem: (b, dst, src) => b.set(dst, b.op('i64x2.bitmask', b.getV128(src))) },
  { mnemonic: 'pmovmskb', enc: '66 0F D7 /r', ops: 'w:r32 r:xmmr', feature: 'sse2', hot: true, sem: (b, dst, src) => b.set(dst, b.op('i8x16.bitmask', b.getV128(src))) },
];

export const sseMoveRows: readonly Row[] = [
  ...wholeRows(),
  ...NON_TEMPORAL.map(([mnemonic, enc, ops, feature]) => ({ mnemonic, enc, ops, feature, cite: sdm(mnemonic), sem: move })),
  ...[...SCALAR_AND_HALF, ...MASKS].map((row) => ({ ...row, cite: sdm(row.mnemonic) })),
];
