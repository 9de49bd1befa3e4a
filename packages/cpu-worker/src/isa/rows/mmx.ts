import type { Builder } from '../../ir/builder.js';
import type { I32, I64, V128 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Feature, Row } from '../row.js';
import { enterMmx, mmxSem, raisePendingX87, sdm } from '../simd/row-makers.js';
import { fromLow64, low64 } from '../simd/vector.js';

/**
 * MMX data transfers, transitions between MMX, XMM and x87, masked stores. MMX arithmetic stands
 * beside its XMM form in the other files.
 */

function move(b: Builder, dst: Operand, src: Operand): void {
  b.set(dst, b.get(src));
}

/** Empties all x87 registers (EMMS): tags empty; the abridged tag word is 0. */
function emms(b: Builder): void {
  raisePendingX87(b);
  enterMmx(b);
  b.setField('ftw', b.i32(0));
}

/**
 * Stores the bytes of `value` whose mask byte has its top bit set. The whole range must be
 * writable even when the mask is zero; bytes that are not selected keep their value.
 */
function maskedStore(b: Builder, address: I64, value: V128, mask: V128, bytes: 8 | 16): void {
  const selected = b.and(b.op('i8x16.bitmask', mask) as I32, b.i32(bytes === 16 ? 0xffff : 0xff));
  b.hostWrite(address, bytes);
  const left = b.variable('i32', selected);
  b.if(selected, () => b.loop(() => {
    const bits = b.getVar(left);
    const index = b.op('i32.ctz', bits) as I32;
    const byte = b.lane('i8x16.extract_lane_u', 0, b.op('i8x16.swizzle', value, b.op('i8x16.splat', index)));
    b.store(8, b.add(address, b.zext64(index)), byte);
    const rest = b.and(bits, b.sub(bits, b.i32(1)));
    b.setVar(left, rest);
    return rest;
  }));
}

/** Address in rdi (edi with the 67 prefix), in the segment of the override. */
function implicitAddress(b: Builder, sizeBits: 32 | 64): I64 {
  return b.add(b.zext64(b.gprInt(7, sizeBits)), b.segmentBase());
}

function maskmovdqu(sizeBits: 32 | 64): Row['sem'] {
  return (b, value, mask) => maskedStore(b, implicitAddress(b, sizeBits), b.getV128(value), b.getV128(mask), 16);
}

/** Enters MMX state even when the store then faults. */
function maskmovq(sizeBits: 32 | 64): Row['sem'] {
  return (b, value, mask) => {
    raisePendingX87(b);
    enterMmx(b);
    maskedStore(b, implicitAddress(b, sizeBits), fromLow64(b, b.get(value)), fromLow64(b, b.get(mask)), 8);
  };
}

interface Transfer {
  readonly mnemonic: string;
  readonly enc: string;
  readonly ops: string;
  readonly feature: Feature;
  readonly sem: Row['sem'];
}

const TRANSFERS: Transfer[] = [
  { mnemonic: 'movd', enc: 'NP W0 0F 6E /r', ops: 'w:mm r:rm32', feature: 'mmx', sem: mmxSem((b, dst, src) => b.set(dst, b.zext64(b.get(src) as I32))) },
  { mnemonic: 'movq', enc: 'NP REX.W 0F 6E /r', ops: 'w:mm r:rm64', feature: 'mmx', sem: mmxSem(move) },
  { mnemonic: 'movd', enc: 'NP W0 0F 7E /r', ops: 'w:rm32 r:mm', feature: 'mmx', sem: mmxSem((b, dst, src) => b.set(dst, b.wrap(b.get(src) as I64))) },
  { mnemonic: 'movq', enc: 'NP REX.W 0F 7E /r', ops: 'w:rm64 r:mm', feature: 'mmx', sem: mmxSem(move) },
  { mnemonic: 'movq', enc: 'NP 0F 6F /r', ops: 'w:mm r:mm/m64', feature: 'mmx', sem: mmxSem(move) },
  { mnemonic: 'movq', enc: 'NP 0F 7F /r', ops: 'w:mm/m64 r:mm', feature: 'mmx', sem: mmxSem(move) },
  { mnemonic: 'movntq', enc: 'NP 0F E7 /r', ops: 'w:m64 r:mm', feature: 'sse', sem: mmxSem(move) },
  { mnemonic: 'movq2dq', enc: 'F3 0F D6 /r', ops: 'w:xmm r:mmr', feature: 'sse2', sem: mmxSem((b, dst, src) => b.set(dst, fromLow64(b, b.get(src)))) },
  { mnemonic: 'movdq2q', enc: 'F2 0F D6 /r', ops: 'w:mm r:xmmr', feature: 'sse2', sem: mmxSem((b, dst, src) => b.set(dst, low64(b, b.getV128(src)))) },
  { mnemonic: 'pmovmskb', enc: 'NP 0F D7 /r', ops: 'w:r32 r:mmr', feature: 'sse', sem: mmxSem((b, dst, src) => b.set(dst, b.and(b.op('i8x16.bitmask', fromLow64(b, b.get(src))), b.i32(0xff)))) },
  { mnemonic: 'maskmovq', enc: 'a64 NP 0F F7 /r', ops: 'r:mm r:mmr', feature: 'sse', sem: maskmovq(64) },
  { mnemonic: 'maskmovq', enc: 'a32 NP 0F F7 /r', ops: 'r:mm r:mmr', feature: 'sse', sem: maskmovq(32) },
  { mnemonic: 'maskmovdqu', enc: 'a64 66 0F F7 /r', ops: 'r:xmm r:xmmr', feature: 'sse2', sem: maskmovdqu(64) },
  { mnemonic: 'maskmovdqu', enc: 'a32 66 0F F7 /r', ops: 'r:xmm r:xmmr', feature: 'sse2', sem: maskmovdqu(32) },
  { mnemonic: 'emms', enc: 'NP 0F 77', ops: '', feature: 'mmx', sem: emms },
];

export const mmxRows: readonly Row[] = TRANSFERS.map((row) => ({ ...row, cite: sdm(row.mnemonic) }));
