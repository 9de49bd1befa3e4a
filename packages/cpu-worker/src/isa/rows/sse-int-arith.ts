import type { Row } from '../row.js';
import { and, andNot, joined, mulEven, mulHigh, or, pure, sumAbsDiff, unpack, unpackHighMmx, xor } from '../simd/integer.js';
import { packedRows } from '../simd/row-makers.js';
import type { PackedOp } from '../simd/row-makers.js';

/** Packed integer arithmetic, comparison, logic, pack and unpack on XMM and MMX registers. */

const ARITHMETIC: PackedOp[] = [
  { mnemonic: 'paddb', opcode: '0F FC', f: pure('i8x16.add') },
  { mnemonic: 'paddw', opcode: '0F FD', f: pure('i16x8.add') },
  { mnemonic: 'paddd', opcode: '0F FE', f: pure('i32x4.add'), hot: true },
  { mnemonic: 'paddq', opcode: '0F D4', f: pure('i64x2.add'), mmxFeature: 'sse2', hot: true },
  { mnemonic: 'psubb', opcode: '0F F8', f: pure('i8x16.sub') },
  { mnemonic: 'psubw', opcode: '0F F9', f: pure('i16x8.sub') },
  { mnemonic: 'psubd', opcode: '0F FA', f: pure('i32x4.sub') },
  { mnemonic: 'psubq', opcode: '0F FB', f: pure('i64x2.sub'), mmxFeature: 'sse2' },
  { mnemonic: 'paddsb', opcode: '0F EC', f: pure('i8x16.add_sat_s') },
  { mnemonic: 'paddsw', opcode: '0F ED', f: pure('i16x8.add_sat_s') },
  { mnemonic: 'paddusb', opcode: '0F DC', f: pure('i8x16.add_sat_u') },
  { mnemonic: 'paddusw', opcode: '0F DD', f: pure('i16x8.add_sat_u') },
  { mnemonic: 'psubsb', opcode: '0F E8', f: pure('i8x16.sub_sat_s') },
  { mnemonic: 'psubsw', opcode: '0F E9', f: pure('i16x8.sub_sat_s') },
  { mnemonic: 'psubusb', opcode: '0F D8', f: pure('i8x16.sub_sat_u'), hot: true },
  { mnemonic: 'psubusw', opcode: '0F D9', f: pure('i16x8.sub_sat_u') },
  { mnemonic: 'pmullw', opcode: '0F D5', f: pure('i16x8.mul') },
  { mnemonic: 'pmulhw', opcode: '0F E5', f: mulHigh(true) },
  { mnemonic: 'pmulhuw', opcode: '0F E4', f: mulHigh(false), mmxFeature: 'sse' },
  { mnemonic: 'pmaddwd', opcode: '0F F5', f: pure('i32x4.dot_i16x8_s') },
  { mnemonic: 'pmuludq', opcode: '0F F4', f: mulEven(false), mmxFeature: 'sse2' },
  { mnemonic: 'psadbw', opcode: '0F F6', f: sumAbsDiff, mmxFeature: 'sse' },
  { mnemonic: 'pavgb', opcode: '0F E0', f: pure('i8x16.avgr_u'), mmxFeature: 'sse' },
  { mnemonic: 'pavgw', opcode: '0F E3', f: pure('i16x8.avgr_u'), mmxFeature: 'sse' },
  { mnemonic: 'pminub', opcode: '0F DA', f: pure('i8x16.min_u'), mmxFeature: 'sse', hot: true },
  { mnemonic: 'pmaxub', opcode: '0F DE', f: pure('i8x16.max_u'), mmxFeature: 'sse' },
  { mnemonic: 'pminsw', opcode: '0F EA', f: pure('i16x8.min_s'), mmxFeature: 'sse' },
  { mnemonic: 'pmaxsw', opcode: '0F EE', f: pure('i16x8.max_s'), mmxFeature: 'sse' },
];

const COMPARE: PackedOp[] = [
  { mnemonic: 'pcmpeqb', opcode: '0F 74', f: pure('i8x16.eq'), hot: true },
  { mnemonic: 'pcmpeqw', opcode: '0F 75', f: pure('i16x8.eq') },
  { mnemonic: 'pcmpeqd', opcode: '0F 76', f: pure('i32x4.eq'), hot: true },
  { mnemonic: 'pcmpgtb', opcode: '0F 64', f: pure('i8x16.gt_s') },
  { mnemonic: 'pcmpgtw', opcode: '0F 65', f: pure('i16x8.gt_s') },
  { mnemonic: 'pcmpgtd', opcode: '0F 66', f: pure('i32x4.gt_s') },
];

const LOGIC: PackedOp[] = [
  { mnemonic: 'pand', opcode: '0F DB', f: and, hot: true },
  { mnemonic: 'pandn', opcode: '0F DF', f: andNot, hot: true },
  { mnemonic: 'por', opcode: '0F EB', f: or, hot: true },
  { mnemonic: 'pxor', opcode: '0F EF', f: xor, hot: true },
];

/** andps and its kin: the same on whole registers, XMM only. */
const FLOAT_LOGIC: [mnemonic: string, opcode: string, op: PackedOp['f']][] = [['and', '54', and], ['andn', '55', andNot], ['or', '56', or], ['xor', '57', xor]];

function floatLogicRows(): Row[] {
  return FLOAT_LOGIC.flatMap(([name, opcode, f]) => {
    const [double] = packedRows({ mnemonic: `${name}pd`, opcode: `0F ${opcode}`, f, mmx: null, hot: true }) as [Row];
    const [single] = packedRows({ mnemonic: `${name}ps`, opcode: `0F ${opcode}`, f, mmx: null, hot: true, feature: 'sse' }) as [Row];
    return [double, { ...single, enc: `NP 0F ${opcode} /r` }];
  });
}

const PACK: PackedOp[] = [
  { mnemonic: 'packsswb', opcode: '0F 63', f: pure('i8x16.narrow_i16x8_s'), mmx: joined(pure('i8x16.narrow_i16x8_s')) },
  { mnemonic: 'packssdw', opcode: '0F 6B', f: pure('i16x8.narrow_i32x4_s'), mmx: joined(pure('i16x8.narrow_i32x4_s')) },
  { mnemonic: 'packuswb', opcode: '0F 67', f: pure('i8x16.narrow_i16x8_u'), mmx: joined(pure('i8x16.narrow_i16x8_u')) },
  { mnemonic: 'punpckhbw', opcode: '0F 68', f: unpack(8, 'high'), mmx: unpackHighMmx(8) },
  { mnemonic: 'punpckhwd', opcode: '0F 69', f: unpack(16, 'high'), mmx: unpackHighMmx(16) },
  { mnemonic: 'punpckhdq', opcode: '0F 6A', f: unpack(32, 'high'), mmx: unpackHighMmx(32) },
  { mnemonic: 'punpckhqdq', opcode: '0F 6D', f: unpack(64, 'high'), mmx: null },
  { mnemonic: 'punpcklqdq', opcode: '0F 6C', f: unpack(64, 'low'), mmx: null, hot: true },
];

/** punpckl*: the MMX form reads 32 bits of memory. */
const UNPACK_LOW: [mnemonic: string, opcode: string, laneBits: 8 | 16 | 32][] = [['punpcklbw', '0F 60', 8], ['punpcklwd', '0F 61', 16], ['punpckldq', '0F 62', 32]];

function unpackLowRows(): Row[] {
  return UNPACK_LOW.flatMap(([mnemonic, opcode, laneBits]) => {
    const [xmm, mmx] = packedRows({ mnemonic, opcode, f: unpack(laneBits, 'low'), hot: true }) as [Row, Row];
    return [xmm, { ...mmx, ops: 'rw:mm r:mm/m32' }];
  });
}

/** unpcklps and its kin. */
function floatUnpackRows(): Row[] {
  return ([['l', '14', 'low'], ['h', '15', 'high']] as const).flatMap(([letter, opcode, half]) => {
    const [double] = packedRows({ mnemonic: `unpck${letter}pd`, opcode: `0F ${opcode}`, f: unpack(64, half), mmx: null, hot: true }) as [Row];
    const [single] = packedRows({ mnemonic: `unpck${letter}ps`, opcode: `0F ${opcode}`, f: unpack(32, half), mmx: null, feature: 'sse' }) as [Row];
    return [double, { ...single, enc: `NP 0F ${opcode} /r` }];
  });
}

export const sseIntArithRows: readonly Row[] = [
  ...[...ARITHMETIC, ...COMPARE, ...LOGIC, ...PACK].flatMap(packedRows),
  ...floatLogicRows(),
  ...unpackLowRows(),
  ...floatUnpackRows(),
];
