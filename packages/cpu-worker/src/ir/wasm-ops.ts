import type { Ty } from './types.js';

/**
 * Pure wasm instructions: opcode and signature. The only list of them; the builder checks argument
 * types against it and the encoder takes the bytes from it (WebAssembly Core Specification 2.0, 5.4).
 *
 * Signature letters: i = i32, I = i64, f = f32, F = f64, v = v128; `arguments:result`.
 * Prefixed opcodes (fc: saturating, fd: SIMD) carry the prefix byte in bits 16–23.
 */
const TABLE = {
  'i32.eqz': [0x45, 'i:i'], 'i32.eq': [0x46, 'ii:i'], 'i32.ne': [0x47, 'ii:i'], 'i32.lt_s': [0x48, 'ii:i'], 'i32.lt_u': [0x49, 'ii:i'],
  'i32.gt_s': [0x4a, 'ii:i'], 'i32.gt_u': [0x4b, 'ii:i'], 'i32.le_s': [0x4c, 'ii:i'], 'i32.le_u': [0x4d, 'ii:i'], 'i32.ge_s': [0x4e, 'ii:i'],
  'i32.ge_u': [0x4f, 'ii:i'], 'i64.eqz': [0x50, 'I:i'], 'i64.eq': [0x51, 'II:i'], 'i64.ne': [0x52, 'II:i'], 'i64.lt_s': [0x53, 'II:i'],
  'i64.lt_u': [0x54, 'II:i'], 'i64.gt_s': [0x55, 'II:i'], 'i64.gt_u': [0x56, 'II:i'], 'i64.le_s': [0x57, 'II:i'], 'i64.le_u': [0x58, 'II:i'],
  'i64.ge_s': [0x59, 'II:i'], 'i64.ge_u': [0x5a, 'II:i'], 'f32.eq': [0x5b, 'ff:i'], 'f32.ne': [0x5c, 'ff:i'], 'f32.lt': [0x5d, 'ff:i'],
  'f32.gt': [0x5e, 'ff:i'], 'f32.le': [0x5f, 'ff:i'], 'f32.ge': [0x60, 'ff:i'], 'f64.eq': [0x61, 'FF:i'], 'f64.ne': [0x62, 'FF:i'],
  'f64.lt': [0x63, 'FF:i'], 'f64.gt': [0x64, 'FF:i'], 'f64.le': [0x65, 'FF:i'], 'f64.ge': [0x66, 'FF:i'], 'i32.clz': [0x67, 'i:i'],
  'i32.ctz': [0x68, 'i:i'], 'i32.popcnt': [0x69, 'i:i'], 'i32.add': [0x6a, 'ii:i'], 'i32.sub': [0x6b, 'ii:i'], 'i32.mul': [0x6c, 'ii:i'],
  'i32.div_s': [0x6d, 'ii:i'], 'i32.div_u': [0x6e, 'ii:i'], 'i32.rem_s': [0x6f, 'ii:i'], 'i32.rem_u': [0x70, 'ii:i'], 'i32.and': [0x71, 'ii:i'],
  'i32.or': [0x72, 'ii:i'], 'i32.xor': [0x73, 'ii:i'], 'i32.shl': [0x74, 'ii:i'], 'i32.shr_s': [0x75, 'ii:i'], 'i32.shr_u': [0x76, 'ii:i'],
  'i32.rotl': [0x77, 'ii:i'], 'i32.rotr': [0x78, 'ii:i'], 'i64.clz': [0x79, 'I:I'], 'i64.ctz': [0x7a, 'I:I'], 'i64.popcnt': [0x7b, 'I:I'],
  'i64.add': [0x7c, 'II:I'], 'i64.sub': [0x7d, 'II:I'], 'i64.mul': [0x7e, 'II:I'], 'i64.div_s': [0x7f, 'II:I'], 'i64.div_u': [0x80, 'II:I'],
  'i64.rem_s': [0x81, 'II:I'], 'i64.rem_u': [0x82, 'II:I'], 'i64.and': [0x83, 'II:I'], 'i64.or': [0x84, 'II:I'], 'i64.xor': [0x85, 'II:I'],
  'i64.shl': [0x86, 'II:I'], 'i64.shr_s': [0x87, 'II:I'], 'i64.shr_u': [0x88, 'II:I'], 'i64.rotl': [0x89, 'II:I'], 'i64.rotr': [0x8a, 'II:I'],
  'f32.abs': [0x8b, 'f:f'], 'f32.neg': [0x8c, 'f:f'], 'f32.ceil': [0x8d, 'f:f'], 'f32.floor': [0x8e, 'f:f'], 'f32.trunc': [0x8f, 'f:f'],
  'f32.nearest': [0x90, 'f:f'], 'f32.sqrt': [0x91, 'f:f'], 'f32.add': [0x92, 'ff:f'], 'f32.sub': [0x93, 'ff:f'], 'f32.mul': [0x94, 'ff:f'],
  'f32.div': [0x95, 'ff:f'], 'f32.min': [0x96, 'ff:f'], 'f32.max': [0x97, 'ff:f'], 'f32.copysign': [0x98, 'ff:f'], 'f64.abs': [0x99, 'F:F'],
  'f64.neg': [0x9a, 'F:F'], 'f64.ceil': [0x9b, 'F:F'], 'f64.floor': [0x9c, 'F:F'], 'f64.trunc': [0x9d, 'F:F'], 'f64.nearest': [0x9e, 'F:F'],
  'f64.sqrt': [0x9f, 'F:F'], 'f64.add': [0xa0, 'FF:F'], 'f64.sub': [0xa1, 'FF:F'], 'f64.mul': [0xa2, 'FF:F'], 'f64.div': [0xa3, 'FF:F'],
  'f64.min': [0xa4, 'FF:F'], 'f64.max': [0xa5, 'FF:F'], 'f64.copysign': [0xa6, 'FF:F'], 'i32.wrap_i64': [0xa7, 'I:i'],
  'i32.trunc_f32_s': [0xa8, 'f:i'], 'i32.trunc_f32_u': [0xa9, 'f:i'], 'i32.trunc_f64_s': [0xaa, 'F:i'], 'i32.trunc_f64_u': [0xab, 'F:i'],
  'i64.extend_i32_s': [0xac, 'i:I'], 'i64.extend_i32_u': [0xad, 'i:I'], 'i64.trunc_f32_s': [0xae, 'f:I'], 'i64.trunc_f32_u': [0xaf, 'f:I'],
  'i64.trunc_f64_s': [0xb0, 'F:I'], 'i64.trunc_f64_u': [0xb1, 'F:I'], 'f32.convert_i32_s': [0xb2, 'i:f'], 'f32.convert_i32_u': [0xb3, 'i:f'],
  'f32.convert_i64_s': [0xb4, 'I:f'], 'f32.convert_i64_u': [0xb5, 'I:f'], 'f32.demote_f64': [0xb6, 'F:f'], 'f64.convert_i32_s': [0xb7, 'i:F'],
  'f64.convert_i32_u': [0xb8, 'i:F'], 'f64.convert_i64_s': [0xb9, 'I:F'], 'f64.convert_i64_u': [0xba, 'I:F'], 'f64.promote_f32': [0xbb, 'f:F'],
  'i32.reinterpret_f32': [0xbc, 'f:i'], 'i64.reinterpret_f64': [0xbd, 'F:I'], 'f32.reinterpret_i32': [0xbe, 'i:f'],
  'f64.reinterpret_i64': [0xbf, 'I:F'], 'i32.extend8_s': [0xc0, 'i:i'], 'i32.extend16_s': [0xc1, 'i:i'], 'i64.extend8_s': [0xc2, 'I:I'],
  'i64.extend16_s': [0xc3, 'I:I'], 'i64.extend32_s': [0xc4, 'I:I'], 'i32.trunc_sat_f32_s': [0xfc0000, 'f:i'], 'i32.trunc_sat_f32_u': [0xfc0001, 'f:i'],
  'i32.trunc_sat_f64_s': [0xfc0002, 'F:i'], 'i32.trunc_sat_f64_u': [0xfc0003, 'F:i'], 'i64.trunc_sat_f32_s': [0xfc0004, 'f:I'],
  'i64.trunc_sat_f32_u': [0xfc0005, 'f:I'], 'i64.trunc_sat_f64_s': [0xfc0006, 'F:I'], 'i64.trunc_sat_f64_u': [0xfc0007, 'F:I'],
  'i8x16.swizzle': [0xfd000e, 'vv:v'], 'i8x16.splat': [0xfd000f, 'i:v'], 'i16x8.splat': [0xfd0010, 'i:v'], 'i32x4.splat': [0xfd0011, 'i:v'],
  'i64x2.splat': [0xfd0012, 'I:v'], 'f32x4.splat': [0xfd0013, 'f:v'], 'f64x2.splat': [0xfd0014, 'F:v'], 'i8x16.extract_lane_s': [0xfd0015, 'v:i'],
  'i8x16.extract_lane_u': [0xfd0016, 'v:i'], 'i8x16.replace_lane': [0xfd0017, 'vi:v'], 'i16x8.extract_lane_s': [0xfd0018, 'v:i'],
  'i16x8.extract_lane_u': [0xfd0019, 'v:i'], 'i16x8.replace_lane': [0xfd001a, 'vi:v'], 'i32x4.extract_lane': [0xfd001b, 'v:i'],
  'i32x4.replace_lane': [0xfd001c, 'vi:v'], 'i64x2.extract_lane': [0xfd001d, 'v:I'], 'i64x2.replace_lane': [0xfd001e, 'vI:v'],
  'f32x4.extract_lane': [0xfd001f, 'v:f'], 'f32x4.replace_lane': [0xfd0020, 'vf:v'], 'f64x2.extract_lane': [0xfd0021, 'v:F'],
  'f64x2.replace_lane': [0xfd0022, 'vF:v'], 'i8x16.eq': [0xfd0023, 'vv:v'], 'i8x16.ne': [0xfd0024, 'vv:v'], 'i8x16.lt_s': [0xfd0025, 'vv:v'],
  'i8x16.lt_u': [0xfd0026, 'vv:v'], 'i8x16.gt_s': [0xfd0027, 'vv:v'], 'i8x16.gt_u': [0xfd0028, 'vv:v'], 'i8x16.le_s': [0xfd0029, 'vv:v'],
  'i8x16.le_u': [0xfd002a, 'vv:v'], 'i8x16.ge_s': [0xfd002b, 'vv:v'], 'i8x16.ge_u': [0xfd002c, 'vv:v'], 'i16x8.eq': [0xfd002d, 'vv:v'],
  'i16x8.ne': [0xfd002e, 'vv:v'], 'i16x8.lt_s': [0xfd002f, 'vv:v'], 'i16x8.lt_u': [0xfd0030, 'vv:v'], 'i16x8.gt_s': [0xfd0031, 'vv:v'],
  'i16x8.gt_u': [0xfd0032, 'vv:v'], 'i16x8.le_s': [0xfd0033, 'vv:v'], 'i16x8.le_u': [0xfd0034, 'vv:v'], 'i16x8.ge_s': [0xfd0035, 'vv:v'],
  'i16x8.ge_u': [0xfd0036, 'vv:v'], 'i32x4.eq': [0xfd0037, 'vv:v'], 'i32x4.ne': [0xfd0038, 'vv:v'], 'i32x4.lt_s': [0xfd0039, 'vv:v'],
  'i32x4.lt_u': [0xfd003a, 'vv:v'], 'i32x4.gt_s': [0xfd003b, 'vv:v'], 'i32x4.gt_u': [0xfd003c, 'vv:v'], 'i32x4.le_s': [0xfd003d, 'vv:v'],
  'i32x4.le_u': [0xfd003e, 'vv:v'], 'i32x4.ge_s': [0xfd003f, 'vv:v'], 'i32x4.ge_u': [0xfd0040, 'vv:v'], 'f32x4.eq': [0xfd0041, 'vv:v'],
  'f32x4.ne': [0xfd0042, 'vv:v'], 'f32x4.lt': [0xfd0043, 'vv:v'], 'f32x4.gt': [0xfd0044, 'vv:v'], 'f32x4.le': [0xfd0045, 'vv:v'],
  'f32x4.ge': [0xfd0046, 'vv:v'], 'f64x2.eq': [0xfd0047, 'vv:v'], 'f64x2.ne': [0xfd0048, 'vv:v'], 'f64x2.lt': [0xfd0049, 'vv:v'],
  'f64x2.gt': [0xfd004a, 'vv:v'], 'f64x2.le': [0xfd004b, 'vv:v'], 'f64x2.ge': [0xfd004c, 'vv:v'], 'v128.not': [0xfd004d, 'v:v'],
  'v128.and': [0xfd004e, 'vv:v'], 'v128.andnot': [0xfd004f, 'vv:v'], 'v128.or': [0xfd0050, 'vv:v'], 'v128.xor': [0xfd0051, 'vv:v'],
  'v128.bitselect': [0xfd0052, 'vvv:v'], 'v128.any_true': [0xfd0053, 'v:i'], 'f32x4.demote_f64x2_zero': [0xfd005e, 'v:v'],
  'f64x2.promote_low_f32x4': [0xfd005f, 'v:v'], 'i8x16.abs': [0xfd0060, 'v:v'], 'i8x16.neg': [0xfd0061, 'v:v'], 'i8x16.popcnt': [0xfd0062, 'v:v'],
  'i8x16.all_true': [0xfd0063, 'v:i'], 'i8x16.bitmask': [0xfd0064, 'v:i'], 'i8x16.narrow_i16x8_s': [0xfd0065, 'vv:v'],
  'i8x16.narrow_i16x8_u': [0xfd0066, 'vv:v'], 'i8x16.shl': [0xfd006b, 'vi:v'], 'i8x16.shr_s': [0xfd006c, 'vi:v'], 'i8x16.shr_u': [0xfd006d, 'vi:v'],
  'i8x16.add': [0xfd006e, 'vv:v'], 'i8x16.add_sat_s': [0xfd006f, 'vv:v'], 'i8x16.add_sat_u': [0xfd0070, 'vv:v'], 'i8x16.sub': [0xfd0071, 'vv:v'],
  'i8x16.sub_sat_s': [0xfd0072, 'vv:v'], 'i8x16.sub_sat_u': [0xfd0073, 'vv:v'], 'i8x16.min_s': [0xfd0076, 'vv:v'], 'i8x16.min_u': [0xfd0077, 'vv:v'],
  'i8x16.max_s': [0xfd0078, 'vv:v'], 'i8x16.max_u': [0xfd0079, 'vv:v'], 'i8x16.avgr_u': [0xfd007b, 'vv:v'], 'f32x4.ceil': [0xfd0067, 'v:v'],
  'f32x4.floor': [0xfd0068, 'v:v'], 'f32x4.trunc': [0xfd0069, 'v:v'], 'f32x4.nearest': [0xfd006a, 'v:v'], 'f64x2.ceil': [0xfd0074, 'v:v'],
  'f64x2.floor': [0xfd0075, 'v:v'], 'f64x2.trunc': [0xfd007a, 'v:v'], 'f64x2.nearest': [0xfd0094, 'v:v'],
  'i16x8.extadd_pairwise_i8x16_s': [0xfd007c, 'v:v'], 'i16x8.extadd_pairwise_i8x16_u': [0xfd007d, 'v:v'],
  'i32x4.extadd_pairwise_i16x8_s': [0xfd007e, 'v:v'], 'i32x4.extadd_pairwise_i16x8_u': [0xfd007f, 'v:v'], 'i16x8.abs': [0xfd0080, 'v:v'],
  'i16x8.neg': [0xfd0081, 'v:v'], 'i16x8.q15mulr_sat_s': [0xfd0082, 'vv:v'], 'i16x8.all_true': [0xfd0083, 'v:i'], 'i16x8.bitmask': [0xfd0084, 'v:i'],
  'i16x8.narrow_i32x4_s': [0xfd0085, 'vv:v'], 'i16x8.narrow_i32x4_u': [0xfd0086, 'vv:v'], 'i16x8.extend_low_i8x16_s': [0xfd0087, 'v:v'],
  'i16x8.extend_high_i8x16_s': [0xfd0088, 'v:v'], 'i16x8.extend_low_i8x16_u': [0xfd0089, 'v:v'], 'i16x8.extend_high_i8x16_u': [0xfd008a, 'v:v'],
  'i16x8.shl': [0xfd008b, 'vi:v'], 'i16x8.shr_s': [0xfd008c, 'vi:v'], 'i16x8.shr_u': [0xfd008d, 'vi:v'], 'i16x8.add': [0xfd008e, 'vv:v'],
  'i16x8.add_sat_s': [0xfd008f, 'vv:v'], 'i16x8.add_sat_u': [0xfd0090, 'vv:v'], 'i16x8.sub': [0xfd0091, 'vv:v'], 'i16x8.sub_sat_s': [0xfd0092, 'vv:v'],
  'i16x8.sub_sat_u': [0xfd0093, 'vv:v'], 'i16x8.mul': [0xfd0095, 'vv:v'], 'i16x8.min_s': [0xfd0096, 'vv:v'], 'i16x8.min_u': [0xfd0097, 'vv:v'],
  'i16x8.max_s': [0xfd0098, 'vv:v'], 'i16x8.max_u': [0xfd0099, 'vv:v'], 'i16x8.avgr_u': [0xfd009b, 'vv:v'],
  'i16x8.extmul_low_i8x16_s': [0xfd009c, 'vv:v'], 'i16x8.extmul_high_i8x16_s': [0xfd009d, 'vv:v'], 'i16x8.extmul_low_i8x16_u': [0xfd009e, 'vv:v'],
  'i16x8.extmul_high_i8x16_u': [0xfd009f, 'vv:v'], 'i32x4.abs': [0xfd00a0, 'v:v'], 'i32x4.neg': [0xfd00a1, 'v:v'], 'i32x4.all_true': [0xfd00a3, 'v:i'],
  'i32x4.bitmask': [0xfd00a4, 'v:i'], 'i32x4.extend_low_i16x8_s': [0xfd00a7, 'v:v'], 'i32x4.extend_high_i16x8_s': [0xfd00a8, 'v:v'],
  'i32x4.extend_low_i16x8_u': [0xfd00a9, 'v:v'], 'i32x4.extend_high_i16x8_u': [0xfd00aa, 'v:v'], 'i32x4.shl': [0xfd00ab, 'vi:v'],
  'i32x4.shr_s': [0xfd00ac, 'vi:v'], 'i32x4.shr_u': [0xfd00ad, 'vi:v'], 'i32x4.add': [0xfd00ae, 'vv:v'], 'i32x4.sub': [0xfd00b1, 'vv:v'],
  'i32x4.mul': [0xfd00b5, 'vv:v'], 'i32x4.min_s': [0xfd00b6, 'vv:v'], 'i32x4.min_u': [0xfd00b7, 'vv:v'], 'i32x4.max_s': [0xfd00b8, 'vv:v'],
  'i32x4.max_u': [0xfd00b9, 'vv:v'], 'i32x4.dot_i16x8_s': [0xfd00ba, 'vv:v'], 'i32x4.extmul_low_i16x8_s': [0xfd00bc, 'vv:v'],
  'i32x4.extmul_high_i16x8_s': [0xfd00bd, 'vv:v'], 'i32x4.extmul_low_i16x8_u': [0xfd00be, 'vv:v'], 'i32x4.extmul_high_i16x8_u': [0xfd00bf, 'vv:v'],
  'i64x2.abs': [0xfd00c0, 'v:v'], 'i64x2.neg': [0xfd00c1, 'v:v'], 'i64x2.all_true': [0xfd00c3, 'v:i'], 'i64x2.bitmask': [0xfd00c4, 'v:i'],
  'i64x2.extend_low_i32x4_s': [0xfd00c7, 'v:v'], 'i64x2.extend_high_i32x4_s': [0xfd00c8, 'v:v'], 'i64x2.extend_low_i32x4_u': [0xfd00c9, 'v:v'],
  'i64x2.extend_high_i32x4_u': [0xfd00ca, 'v:v'], 'i64x2.shl': [0xfd00cb, 'vi:v'], 'i64x2.shr_s': [0xfd00cc, 'vi:v'],
  'i64x2.shr_u': [0xfd00cd, 'vi:v'], 'i64x2.add': [0xfd00ce, 'vv:v'], 'i64x2.sub': [0xfd00d1, 'vv:v'], 'i64x2.mul': [0xfd00d5, 'vv:v'],
  'i64x2.eq': [0xfd00d6, 'vv:v'], 'i64x2.ne': [0xfd00d7, 'vv:v'], 'i64x2.lt_s': [0xfd00d8, 'vv:v'], 'i64x2.gt_s': [0xfd00d9, 'vv:v'],
  'i64x2.le_s': [0xfd00da, 'vv:v'], 'i64x2.ge_s': [0xfd00db, 'vv:v'], 'i64x2.extmul_low_i32x4_s': [0xfd00dc, 'vv:v'],
  'i64x2.extmul_high_i32x4_s': [0xfd00dd, 'vv:v'], 'i64x2.extmul_low_i32x4_u': [0xfd00de, 'vv:v'], 'i64x2.extmul_high_i32x4_u': [0xfd00df, 'vv:v'],
  'f32x4.abs': [0xfd00e0, 'v:v'], 'f64x2.abs': [0xfd00ec, 'v:v'], 'f32x4.neg': [0xfd00e1, 'v:v'], 'f64x2.neg': [0xfd00ed, 'v:v'],
  'f32x4.sqrt': [0xfd00e3, 'v:v'], 'f64x2.sqrt': [0xfd00ef, 'v:v'], 'f32x4.add': [0xfd00e4, 'vv:v'], 'f64x2.add': [0xfd00f0, 'vv:v'],
  'f32x4.sub': [0xfd00e5, 'vv:v'], 'f64x2.sub': [0xfd00f1, 'vv:v'], 'f32x4.mul': [0xfd00e6, 'vv:v'], 'f64x2.mul': [0xfd00f2, 'vv:v'],
  'f32x4.div': [0xfd00e7, 'vv:v'], 'f64x2.div': [0xfd00f3, 'vv:v'], 'f32x4.min': [0xfd00e8, 'vv:v'], 'f64x2.min': [0xfd00f4, 'vv:v'],
  'f32x4.max': [0xfd00e9, 'vv:v'], 'f64x2.max': [0xfd00f5, 'vv:v'], 'f32x4.pmin': [0xfd00ea, 'vv:v'], 'f64x2.pmin': [0xfd00f6, 'vv:v'],
  'f32x4.pmax': [0xfd00eb, 'vv:v'], 'f64x2.pmax': [0xfd00f7, 'vv:v'], 'i32x4.trunc_sat_f32x4_s': [0xfd00f8, 'v:v'],
  'i32x4.trunc_sat_f32x4_u': [0xfd00f9, 'v:v'], 'f32x4.convert_i32x4_s': [0xfd00fa, 'v:v'], 'f32x4.convert_i32x4_u': [0xfd00fb, 'v:v'],
  'i32x4.trunc_sat_f64x2_s_zero': [0xfd00fc, 'v:v'], 'i32x4.trunc_sat_f64x2_u_zero': [0xfd00fd, 'v:v'], 'f64x2.convert_low_i32x4_s': [0xfd00fe, 'v:v'],
  'f64x2.convert_low_i32x4_u': [0xfd00ff, 'v:v'],
} as const satisfies Record<string, readonly [number, string]>;

export type PureOp = keyof typeof TABLE;

export interface PureOpInfo {
  readonly name: PureOp;
  /** 0 = plain opcode, else prefix byte. */
  readonly prefix: number;
  readonly code: number;
  readonly params: readonly Ty[];
  readonly result: Ty;
  /** Takes a lane index immediate. */
  readonly lane: boolean;
}

const LETTER: Record<string, Ty> = { i: 'i32', I: 'i64', f: 'f32', F: 'f64', v: 'v128' };

function letterTy(letter: string): Ty {
  const ty = LETTER[letter];
  if (ty === undefined) throw new Error(`wasm op table: bad signature letter ${letter}`);
  return ty;
}

function buildTable(): Map<string, PureOpInfo> {
  const map = new Map<string, PureOpInfo>();
  for (const [name, [code, signature]] of Object.entries(TABLE)) {
    const [params = '', result = ''] = signature.split(':');
    map.set(name, { name: name as PureOp, prefix: code >>> 16, code: code & 0xffff, params: [...params].map(letterTy), result: letterTy(result), lane: name.includes('_lane') });
  }
  return map;
}

export const PURE_OPS: ReadonlyMap<string, PureOpInfo> = buildTable();
