import { unpackLazy } from '../../ir/flags.js';
import type { Builder } from '../../ir/builder.js';
import type { I32, I64, Int, IntSize, V128 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Row } from '../row.js';
import { sdm } from '../simd/row-makers.js';
import { clmul64, crc32c, sse42Compare, sse42Length } from '../simd/sse-runtime.js';
import { fromLow32, laneByImm, vectorOf } from '../simd/vector.js';

/** String comparison of SSE4.2 (SDM Vol. 1 12.10.3, Vol. 2B 4.1), crc32, and pclmulqdq. */

/** Number of elements in a register: 16 bytes or 8 words (imm bit 0). */
function elementCount(b: Builder, imm: I32): I32 {
  return b.shrU(b.i32(16), b.and(imm, b.i32(1)));
}

/** Explicit length: absolute value of rax or rdx (eax, edx without REX.W), clamped to the register. */
function explicitLength(b: Builder, reg: number, sizeBits: IntSize, imm: I32): I32 {
  const wide = b.sext64(b.gprInt(reg, sizeBits), sizeBits);
  const sign = b.shrS(wide, b.i64(63));
  const magnitude = b.sub(b.xor(wide, sign), sign);
  const limit = elementCount(b, imm);
  return b.select(b.ltU(magnitude, b.zext64(limit)), b.wrap(magnitude), limit);
}

type Lengths = (b: Builder, x: V128, y: V128, imm: I32) => [I32, I32];

const implicitLengths: Lengths = (b, x, y, imm) => [b.call(sse42Length, x, imm), b.call(sse42Length, y, imm)];

function explicitLengths(sizeBits: IntSize): Lengths {
  return (b, _x, _y, imm) => [explicitLength(b, 0, sizeBits, imm), explicitLength(b, 2, sizeBits, imm)];
}

type Deliver = (b: Builder, matches: I32, imm: I32) => void;

/** Index of the first or last (imm bit 6) match to ecx; the element count when there is none. */
const deliverIndex: Deliver = (b, matches, imm) => {
  const first = b.op('i32.ctz', matches);
  const last = b.sub(b.i32(31), b.op('i32.clz', matches) as I32);
  const found = b.select(b.and(imm, b.i32(0x40)), last, first);
  b.setGprInt(1, 32, b.select(matches, found, elementCount(b, imm)));
};

/** Matches to xmm0: as bits, or (imm bit 6) as a byte or word mask. */
const deliverMask: Deliver = (b, matches, imm) => {
  const splat = b.op('i16x8.splat', matches);
  const wordBits = vectorOf(b, 16, (i) => 1 << i);
  const words = b.op('i16x8.eq', b.op('v128.and', splat, wordBits), wordBits);
  const byteOfBit = b.shuffle(splat, splat, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  const byteBits = vectorOf(b, 8, (i) => 1 << (i & 7));
  const bytes = b.op('i8x16.eq', b.op('v128.and', byteOfBit, byteBits), byteBits);
  const expanded = b.select<V128>(b.and(imm, b.i32(1)), words, bytes);
  b.setXmm(0, b.select<V128>(b.and(imm, b.i32(0x40)), expanded, fromLow32(b, matches)));
};

function compareSem(lengths: Lengths, deliver: Deliver): (b: Builder, left: Operand, right: Operand, control: Operand) => void {
  return (b, left, right, control) => {
    const y = b.getV128(right);
    const x = b.getV128(left);
    const imm = b.get(control) as I32;
    const [xLength, yLength] = lengths(b, x, y, imm);
    const result = b.call(sse42Compare, x, y, b.or(xLength, b.shl(yLength, b.i32(8))), imm);
    deliver(b, b.and(result, b.i32(0xffff)), imm);
    unpackLazy(b, b.shrU(result, b.i32(16)));
  };
}

const FLAGS = { w: 'oszapc' } as const;

function stringRow(mnemonic: string, enc: string, lengths: Lengths, deliver: Deliver): Row {
  return { mnemonic, enc, ops: 'r:xmm r:xmm/m128u r:imm8', flags: FLAGS, feature: 'sse42', cite: sdm(mnemonic), sem: compareSem(lengths, deliver) };
}

const STRING: Row[] = [
  stringRow('pcmpestrm', '66 W0 0F 3A 60 /r ib', explicitLengths(32), deliverMask),
  stringRow('pcmpestrm', '66 REX.W 0F 3A 60 /r ib', explicitLengths(64), deliverMask),
  stringRow('pcmpestri', '66 W0 0F 3A 61 /r ib', explicitLengths(32), deliverIndex),
  stringRow('pcmpestri', '66 REX.W 0F 3A 61 /r ib', explicitLengths(64), deliverIndex),
  stringRow('pcmpistrm', '66 0F 3A 62 /r ib', implicitLengths, deliverMask),
  stringRow('pcmpistri', '66 0F 3A 63 /r ib', implicitLengths, deliverIndex),
];

function crcRow(token: string, opcode: string, dst: 32 | 64, src: IntSize): Row {
  return {
    mnemonic: 'crc32', enc: `F2 ${token} 0F 38 ${opcode} /r`, ops: `rw:r${dst} r:rm${src}`, feature: 'sse42', cite: sdm('crc32'),
    sem: (b, crc, value) => {
      const y: Int = b.getInt(value);
      const r = b.call(crc32c, b.wrap(b.getInt(crc)), b.zext64(y), b.i32(src / 8));
      b.set(crc, dst === 64 ? b.zext64(r) : r);
    },
  };
}

const CRC: Row[] = [
  crcRow('W0', 'F0', 32, 8), crcRow('REX.W', 'F0', 64, 8),
  crcRow('o16', 'F1', 32, 16), crcRow('o32', 'F1', 32, 32), crcRow('REX.W', 'F1', 64, 64),
];

/** The immediate chooses a half of each operand: bit 0 of the destination, bit 4 of the source. */
function pclmulqdq(b: Builder, dst: Operand, src: Operand, control: Operand): void {
  const y = b.getV128(src);
  const imm = b.get(control) as I32;
  const left: I64 = laneByImm(b, 64, b.getV128(dst), b.and(imm, b.i32(1)));
  const right: I64 = laneByImm(b, 64, y, b.and(b.shrU(imm, b.i32(4)), b.i32(1)));
  b.set(dst, b.call(clmul64, left, right));
}

export const sse42StringRows: readonly Row[] = [
  ...STRING,
  ...CRC,
  { mnemonic: 'pclmulqdq', enc: '66 0F 3A 44 /r ib', ops: 'rw:xmm r:xmm/m128 r:imm8', feature: 'pclmul', cite: sdm('pclmulqdq'), sem: pclmulqdq },
];
