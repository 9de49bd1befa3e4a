import type { Builder } from '../../ir/builder.js';
import type { I32, I64, V128, Val } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Feature, Row } from '../row.js';
import { PACKED, SCALAR, isInexactIgnored, isRoundingDefault, isTruncationIgnored } from '../simd/float-lanes.js';
import type { FloatTy } from '../simd/float-lanes.js';
import { getVector, setVector } from '../simd/operands.js';
import { enterMmx, raisePendingX87, sdm } from '../simd/row-makers.js';
import { Convert, exactConvert, exactConvertPacked } from '../simd/sse-runtime.js';
import { fromLow64, high64, shuffleLanes, splatConst, zeroVector } from '../simd/vector.js';

/** Conversions between integers and floats, and between single and double. */

type IntTy = 'i32' | 'i64';
const INTS: [IntTy, token: string, rm: string, r: string][] = [['i32', 'W0', 'rm32', 'r32'], ['i64', 'REX.W', 'rm64', 'r64']];
/** Integers up to this magnitude are exact. */
const EXACT_INT = { f32: 1n << 24n, f64: 1n << 53n } as const;

function toBits(b: Builder, x: Val): I64 {
  if (x.ty === 'f64') return b.op('i64.reinterpret_f64', x);
  if (x.ty === 'f32') return b.zext64(b.op('i32.reinterpret_f32', x));
  return b.zext64(x as I32);
}

function fromBits(b: Builder, ty: FloatTy, bits: I64): Val<any> {
  return ty === 'f64' ? b.op('f64.reinterpret_i64', bits) : b.op('f32.reinterpret_i32', b.wrap(bits));
}

/** cvtsi2ss, cvtsi2sd. */
function intToFloat(int: IntTy, ty: FloatTy): Row['sem'] {
  const name = int.toUpperCase();
  return (b, dst, src) => {
    const x = b.get(src);
    const r = b.op(`${ty}.convert_${int}_s`, x);
    SCALAR[ty].notePlain(b, r);
    if (int === 'i32' && ty === 'f64') return b.setLow(dst, r);
    const bits = int === 'i32' ? 32 : 64;
    const limit = EXACT_INT[ty];
    const exact = b.leU(b.add(x, b.int(bits, limit)), b.int(bits, 2n * limit));
    const slow = (): Val<any> => fromBits(b, ty, exactConvert(b, Convert[`${name}_TO_${ty.toUpperCase()}` as keyof typeof Convert], toBits(b, x)));
    b.setLow(dst, b.ifVal<Val<any>>(b.or(exact, isInexactIgnored(b)), () => r, slow));
  };
}

/** cvtsd2si, cvttsd2si and their kin. */
function floatToInt(ty: FloatTy, int: IntTy, truncate: boolean): Row['sem'] {
  const conversion = Convert[`${ty.toUpperCase()}_TO_${int.toUpperCase()}${truncate ? '_TRUNC' : ''}` as keyof typeof Convert];
  return (b, dst, src) => {
    const x = b.low(src, ty);
    const whole = truncate ? x : b.op(`${ty}.nearest`, x);
    const r = b.op(`${int}.trunc_sat_${ty}_s`, whole);
    const bound = int === 'i32' ? 2 ** 31 : 2 ** 63;
    const inRange = b.op(`${ty}.lt`, b.op(`${ty}.abs`, whole), ty === 'f32' ? b.f32(bound) : b.f64(bound));
    const exact = b.op(`${ty}.eq`, b.op(`${ty}.convert_${int}_s`, r), x);
    const ignored = truncate ? isTruncationIgnored(b) : isInexactIgnored(b);
    const slow = (): Val<any> => {
      const bits = exactConvert(b, conversion, toBits(b, x));
      return int === 'i32' ? b.wrap(bits) : bits;
    };
    b.set(dst, b.ifVal<Val<any>>(b.and(inRange, b.or(exact, ignored)), () => r, slow));
  };
}

function scalarRows(): Row[] {
  const forms = [['ss', 'F3', 'xmm/m32', 'f32', 'sse'], ['sd', 'F2', 'xmm/m64', 'f64', 'sse2']] as const;
  return forms.flatMap(([suffix, prefix, source, ty, feature]) => INTS.flatMap(([int, token, rm, r]) => {
    const row = (mnemonic: string, opcode: string, ops: string, sem: Row['sem']): Row => ({ mnemonic, enc: `${prefix} ${token} 0F ${opcode} /r`, ops, feature, cite: sdm(mnemonic), hot: true, sem });
    return [
      row(`cvtsi2${suffix}`, '2A', `rw:xmm r:${rm}`, intToFloat(int, ty)),
      row(`cvtt${suffix}2si`, '2C', `w:${r} r:${source}`, floatToInt(ty, int, true)),
      row(`cvt${suffix}2si`, '2D', `w:${r} r:${source}`, floatToInt(ty, int, false)),
    ];
  }));
}

function doubleToSingle(b: Builder, dst: Operand, src: Operand): void {
  const x = b.low(src, 'f64');
  const r = b.op('f32.demote_f64', x);
  const rounded = b.and(isRoundingDefault(b, 'daz-ftz'), SCALAR.f32.none(b, SCALAR.f32.notOrdinary(b, r), SCALAR.f64.denormal(b, x)));
  const zero = b.eqz(b.shl(b.op('i64.reinterpret_f64', x) as I64, b.i64(1)));
  const native = (): Val<any> => {
    SCALAR.f32.notePlain(b, r);
    return r;
  };
  b.setLow(dst, b.ifVal<Val<any>>(b.or(rounded, zero), native, () => fromBits(b, 'f32', exactConvert(b, Convert.F64_TO_F32, toBits(b, x)))));
}

function singleToDouble(b: Builder, dst: Operand, src: Operand): void {
  const x = b.low(src, 'f32');
  const plain = SCALAR.f32.none(b, SCALAR.f32.denormal(b, x), SCALAR.f32.nan(b, x));
  const native = (): Val<any> => {
    const r = b.op('f64.promote_f32', x);
    if (SCALAR.f32.isPlain(b, x)) SCALAR.f64.notePlain(b, r);
    return r;
  };
  b.setLow(dst, b.ifVal<Val<any>>(plain, native, () => fromBits(b, 'f64', exactConvert(b, Convert.F32_TO_F64, toBits(b, x)))));
}

// ---- packed

function noneOf(b: Builder, mask: V128): I32 {
  return b.eqz(b.op('v128.any_true', mask));
}

/** cvtdq2ps on dwords that may be fewer than four (the rest zero). */
function dwordsToSingles(b: Builder, x: V128): V128 {
  const exact = noneOf(b, b.op('i32x4.gt_s', b.op('i32x4.abs', x), splatConst(b, 32, 1 << 24)));
  return b.ifVal<V128>(b.or(exact, isInexactIgnored(b)), () => b.op('f32x4.convert_i32x4_s', x), () => exactConvertPacked(b, Convert.I32_TO_F32, x));
}

/** cvtps2dq, cvttps2dq. */
function singlesToDwords(b: Builder, x: V128, truncate: boolean): V128 {
  const whole = truncate ? x : b.op('f32x4.nearest', x);
  const r = b.op('i32x4.trunc_sat_f32x4_s', whole);
  const inRange = b.op('i32x4.all_true', b.op('f32x4.lt', b.op('f32x4.abs', whole), splatConst(b, 32, 0x4f000000)));
  const exact = b.op('i32x4.all_true', b.op('f32x4.eq', b.op('f32x4.convert_i32x4_s', r), x));
  const ignored = truncate ? isTruncationIgnored(b) : isInexactIgnored(b);
  const slow = (): V128 => exactConvertPacked(b, truncate ? Convert.F32_TO_I32_TRUNC : Convert.F32_TO_I32, x);
  return b.ifVal<V128>(b.and(inRange, b.or(exact, ignored)), () => r, slow);
}

/** cvtpd2dq, cvttpd2dq: result in the low half, zero above. */
function doublesToDwords(b: Builder, x: V128, truncate: boolean): V128 {
  const whole = truncate ? x : b.op('f64x2.nearest', x);
  const r = b.op('i32x4.trunc_sat_f64x2_s_zero', whole);
  const inRange = b.op('i64x2.all_true', b.op('f64x2.lt', b.op('f64x2.abs', whole), splatConst(b, 64, 0x41e0000000000000n)));
  const exact = b.op('i64x2.all_true', b.op('f64x2.eq', b.op('f64x2.convert_low_i32x4_s', r), x));
  const ignored = truncate ? isTruncationIgnored(b) : isInexactIgnored(b);
  const slow = (): V128 => exactConvertPacked(b, truncate ? Convert.F64_TO_I32_TRUNC : Convert.F64_TO_I32, x);
  return b.ifVal<V128>(b.and(inRange, b.or(exact, ignored)), () => r, slow);
}

/** cvtpd2ps: result in the low half, zero above. */
function doublesToSingles(b: Builder, x: V128): V128 {
  const r = b.op('f32x4.demote_f64x2_zero', x);
  const low = shuffleLanes(b, 32, r, r, [0, 1, 0, 1]);
  const plain = b.and(PACKED.f32.none(b, PACKED.f32.notOrdinary(b, low)), PACKED.f64.none(b, PACKED.f64.denormal(b, x)));
  return b.ifVal<V128>(b.and(isRoundingDefault(b, 'daz-ftz'), plain), () => r, () => exactConvertPacked(b, Convert.F64_TO_F32, x));
}

/** cvtps2pd: `x` has two singles in the low half, zero above. */
function singlesToDoubles(b: Builder, x: V128): V128 {
  const plain = PACKED.f32.none(b, PACKED.f32.denormal(b, x), PACKED.f32.nan(b, x));
  return b.ifVal<V128>(plain, () => b.op('f64x2.promote_low_f32x4', x), () => exactConvertPacked(b, Convert.F32_TO_F64, x));
}

/** Low 64 bits of a source that is 64 bits wide in memory, zero above. */
function lowHalf(b: Builder, o: Operand): V128 {
  return fromLow64(b, b.low(o, 'i64'));
}

interface PackedConversion {
  readonly mnemonic: string;
  readonly enc: string;
  readonly source: 'xmm/m128' | 'xmm/m64';
  readonly feature?: Feature;
  readonly f: (b: Builder, x: V128) => V128;
}

const PACKED_CONVERSIONS: PackedConversion[] = [
  { mnemonic: 'cvtdq2ps', enc: 'NP 0F 5B /r', source: 'xmm/m128', f: dwordsToSingles },
  { mnemonic: 'cvtps2dq', enc: '66 0F 5B /r', source: 'xmm/m128', f: (b, x) => singlesToDwords(b, x, false) },
  { mnemonic: 'cvttps2dq', enc: 'F3 0F 5B /r', source: 'xmm/m128', f: (b, x) => singlesToDwords(b, x, true) },
  { mnemonic: 'cvtpd2dq', enc: 'F2 0F E6 /r', source: 'xmm/m128', f: (b, x) => doublesToDwords(b, x, false) },
  { mnemonic: 'cvttpd2dq', enc: '66 0F E6 /r', source: 'xmm/m128', f: (b, x) => doublesToDwords(b, x, true) },
  { mnemonic: 'cvtdq2pd', enc: 'F3 0F E6 /r', source: 'xmm/m64', f: (b, x) => b.op('f64x2.convert_low_i32x4_s', x) },
  { mnemonic: 'cvtpd2ps', enc: '66 0F 5A /r', source: 'xmm/m128', f: doublesToSingles },
  { mnemonic: 'cvtps2pd', enc: 'NP 0F 5A /r', source: 'xmm/m64', f: singlesToDoubles },
];

function packedConversionRow(c: PackedConversion): Row {
  const get = c.source === 'xmm/m128' ? getVector : lowHalf;
  return { mnemonic: c.mnemonic, enc: c.enc, ops: `w:xmm r:${c.source}`, feature: c.feature ?? 'sse2', cite: sdm(c.mnemonic), sem: (b, dst, src) => b.set(dst, c.f(b, get(b, src))) };
}

// ---- MMX integers

/** Conversions to MMX registers enter MMX mode, those from them only with a register source; #XM comes after that. */
function fromMmx(f: (b: Builder, x: V128) => V128, keepHigh: boolean): Row['sem'] {
  return (b, dst, src) => {
    const entersMmx = src.kind === 'mm';
    if (entersMmx) raisePendingX87(b);
    const x = getVector(b, src);
    if (entersMmx) enterMmx(b);
    const r = f(b, x);
    b.set(dst, keepHigh ? b.lane('i64x2.replace_lane', 1, r, high64(b, b.getV128(dst))) : r);
  };
}

function toMmx(f: (b: Builder, x: V128) => V128): Row['sem'] {
  return (b, dst, src) => {
    raisePendingX87(b);
    const x = src.kind === 'mem' && src.sizeBits === 128 ? b.getV128(src) : mmxSource(b, src);
    enterMmx(b);
    setVector(b, dst, f(b, x));
  };
}

/** Source of cvtps2pi and cvtpd2pi: the row's memory size tells how much of a register counts. */
function mmxSource(b: Builder, src: Operand): V128 {
  return src.kind === 'mem' ? lowHalf(b, src) : b.getV128(src);
}

/** Only the two low singles count. */
function twoSingles(truncate: boolean): (b: Builder, x: V128) => V128 {
  return (b, x) => singlesToDwords(b, shuffleLanes(b, 64, x, zeroVector(b), [0, 2]), truncate);
}

const MMX_CONVERSIONS: [mnemonic: string, enc: string, ops: string, sem: Row['sem']][] = [
  ['cvtpi2ps', 'NP 0F 2A /r', 'rw:xmm r:mm/m64', fromMmx(dwordsToSingles, true)],
  ['cvtpi2pd', '66 0F 2A /r', 'w:xmm r:mm/m64', fromMmx((b, x) => b.op('f64x2.convert_low_i32x4_s', x), false)],
  ['cvttps2pi', 'NP 0F 2C /r', 'w:mm r:xmm/m64', toMmx(twoSingles(true))],
  ['cvtps2pi', 'NP 0F 2D /r', 'w:mm r:xmm/m64', toMmx(twoSingles(false))],
  ['cvttpd2pi', '66 0F 2C /r', 'w:mm r:xmm/m128', toMmx((b, x) => doublesToDwords(b, x, true))],
  ['cvtpd2pi', '66 0F 2D /r', 'w:mm r:xmm/m128', toMmx((b, x) => doublesToDwords(b, x, false))],
];

export const sseFloatConvertRows: readonly Row[] = [
  ...scalarRows(),
  { mnemonic: 'cvtsd2ss', enc: 'F2 0F 5A /r', ops: 'rw:xmm r:xmm/m64', feature: 'sse2', cite: sdm('cvtsd2ss'), hot: true, sem: doubleToSingle },
  { mnemonic: 'cvtss2sd', enc: 'F3 0F 5A /r', ops: 'rw:xmm r:xmm/m32', feature: 'sse2', cite: sdm('cvtss2sd'), hot: true, sem: singleToDouble },
  ...PACKED_CONVERSIONS.map(packedConversionRow),
  ...MMX_CONVERSIONS.map(([mnemonic, enc, ops, sem]) => ({ mnemonic, enc, ops, feature: 'sse2' as const, cite: sdm(mnemonic), sem })),
];
