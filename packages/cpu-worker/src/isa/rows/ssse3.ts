import type { Builder } from '../../ir/builder.js';
import type { I32, V128 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Row } from '../row.js';
import { horizontal, join64, joined, mulAddBytes, mulHighRounded, pure, shuffleBytes, signOf } from '../simd/integer.js';
import { getVector, setVector } from '../simd/operands.js';
import { mmxSem, packedRows, sdm, unarySem } from '../simd/row-makers.js';
import type { Combine, PackedOp } from '../simd/row-makers.js';
import { IOTA } from '../simd/vector.js';

/** SSSE3 on XMM and MMX registers. */

function both(mnemonic: string, opcode: string, f: Combine, mmx: Combine = f): PackedOp {
  return { mnemonic, opcode: `0F 38 ${opcode}`, f, mmx, feature: 'ssse3', mmxFeature: 'ssse3' };
}

function horizontalOp(mnemonic: string, opcode: string, laneBits: 16 | 32, f: Combine): PackedOp {
  const whole = horizontal(laneBits, f);
  return both(mnemonic, opcode, whole, joined(whole));
}

const BINARY: PackedOp[] = [
  { ...both('pshufb', '00', shuffleBytes(0x0f), shuffleBytes(0x07)), hot: true },
  horizontalOp('phaddw', '01', 16, pure('i16x8.add')),
  horizontalOp('phaddd', '02', 32, pure('i32x4.add')),
  horizontalOp('phaddsw', '03', 16, pure('i16x8.add_sat_s')),
  both('pmaddubsw', '04', mulAddBytes),
  horizontalOp('phsubw', '05', 16, pure('i16x8.sub')),
  horizontalOp('phsubd', '06', 32, pure('i32x4.sub')),
  horizontalOp('phsubsw', '07', 16, pure('i16x8.sub_sat_s')),
  both('psignb', '08', signOf(8)),
  both('psignw', '09', signOf(16)),
  both('psignd', '0A', signOf(32)),
  both('pmulhrsw', '0B', mulHighRounded),
];

const ABSOLUTE = [['pabsb', '1C', 'i8x16.abs'], ['pabsw', '1D', 'i16x8.abs'], ['pabsd', '1E', 'i32x4.abs']] as const;

function absoluteRows(): Row[] {
  return ABSOLUTE.flatMap(([mnemonic, opcode, name]) => {
    const sem = unarySem((b, x) => b.op(name, x));
    const common = { mnemonic, feature: 'ssse3', cite: sdm(mnemonic) } as const;
    return [
      { ...common, enc: `66 0F 38 ${opcode} /r`, ops: 'w:xmm r:xmm/m128', sem },
      { ...common, enc: `NP 0F 38 ${opcode} /r`, ops: 'w:mm r:mm/m64', sem: mmxSem(sem) },
    ];
  });
}

/** Bytes `count` … of low:high as one long vector; swizzle indices outside 0 … 15 give zero. */
function bytesFrom(b: Builder, low: V128, high: V128, count: I32): V128 {
  const constant = b.constOf(count);
  if (constant !== undefined && Number(constant) <= 16) return b.shuffle(low, high, IOTA.map((i) => i + Number(constant)));
  const clamped = b.select(b.ltU(count, b.i32(32)), count, b.i32(32));
  const indices = b.op('i8x16.add', b.v128(IOTA), b.op('i8x16.splat', clamped));
  const fromHigh = b.op('i8x16.sub', indices, b.op('i8x16.splat', b.i32(16)));
  return b.op('v128.or', b.op('i8x16.swizzle', low, indices), b.op('i8x16.swizzle', high, fromHigh));
}

function palignr(b: Builder, dst: Operand, src: Operand, imm: Operand): void {
  const low = b.getV128(src);
  b.set(dst, bytesFrom(b, low, b.getV128(dst), b.get(imm) as I32));
}

function palignrMmx(b: Builder, dst: Operand, src: Operand, imm: Operand): void {
  const whole = join64(b, getVector(b, src), getVector(b, dst));
  setVector(b, dst, bytesFrom(b, whole, b.v128(new Uint8Array(16)), b.get(imm) as I32));
}

export const ssse3Rows: readonly Row[] = [
  ...BINARY.flatMap(packedRows),
  ...absoluteRows(),
  { mnemonic: 'palignr', enc: '66 0F 3A 0F /r ib', ops: 'rw:xmm r:xmm/m128 r:imm8', feature: 'ssse3', cite: sdm('palignr'), hot: true, sem: palignr },
  { mnemonic: 'palignr', enc: 'NP 0F 3A 0F /r ib', ops: 'rw:mm r:mm/m64 r:imm8', feature: 'ssse3', cite: sdm('palignr'), sem: mmxSem(palignrMmx) },
];
