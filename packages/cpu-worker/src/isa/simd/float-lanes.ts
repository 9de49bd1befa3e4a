import type { Builder } from '../../ir/builder.js';
import type { I32, I64, V128, Val } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import { exactPacked, exactScalar } from './sse-runtime.js';
import { splatConst } from './vector.js';

/**
 * Native float operations where they give what x86 gives, and the tests that tell.
 *
 * wasm rounds to nearest and keeps no exception flags, and NaN results are not those of x86. An
 * operation is done natively only when
 *   - MXCSR has the default rounding with all exceptions masked, and
 *   - every flag that the operation can raise is either set already (PE, in practice) or excluded
 *     by a test on operands and result: no denormal operand (DE), no infinite or NaN result
 *     (IE, ZE, OE), result above the smallest normal number (UE).
 * Otherwise the run-time library computes the exact result and flags.
 */

export type FloatTy = 'f32' | 'f64';

/** MXCSR control and PE bits; see SDM Vol. 1 10.2.3. */
export const Mxcsr = { PE: 0x20, DAZ: 0x40, MASKS: 0x1f80, PM: 0x1000, RC: 0x6000, FTZ: 0x8000 } as const;

/** A per-lane condition: i32 for scalars, lane mask for vectors. */
export type Mask = Val<any>;

/** The lanes an instruction works on: the low one, or all. */
export interface FloatLanes {
  readonly ty: FloatTy;
  readonly packed: boolean;
  get(b: Builder, o: Operand): Val<any>;
  set(b: Builder, o: Operand, value: Val): void;
  /** Native operation by its name without shape: `add`, `sqrt`. */
  native(b: Builder, name: 'add' | 'sub' | 'mul' | 'div' | 'sqrt' | 'eq' | 'ne' | 'lt' | 'le' | 'abs' | 'ceil' | 'floor' | 'trunc' | 'nearest', ...args: Val[]): Val<any>;
  /** Exact operation by the run-time library (`op` a FloatOp number). */
  exact(b: Builder, op: I32, x: Val, y: Val): Val<any>;
  /** Denormal (and not zero); undefined when it is known that nothing is. */
  denormal(b: Builder, x: Val): Mask | undefined;
  /** Finite and not denormal, as an earlier test showed. */
  isPlain(b: Builder, x: Val): boolean;
  /** The result of a test: `x` is finite and not denormal. */
  notePlain(b: Builder, x: Val): void;
  /** Infinite or NaN. */
  notFinite(b: Builder, x: Val): Mask;
  /** Zero, denormal, the smallest normal number, infinite or NaN. */
  notOrdinary(b: Builder, x: Val): Mask;
  /** Undefined when it is known that nothing is. */
  nan(b: Builder, x: Val): Mask | undefined;
  /** Some value lies outside of its window, or `guard` (scalars only) is 1 << 30. */
  outside(b: Builder, values: readonly Windowed[], guard?: I32): I32;
  /** A zero operand explains a zero result; anything else not ordinary is bad. */
  unexplained(b: Builder, zeroes: readonly Val[], result: Val): Mask;
  /** Condition true in some lane, for one of the masks. */
  some(b: Builder, ...masks: (Mask | undefined)[]): I32;
  /** Condition true in no lane, for all of the masks. */
  none(b: Builder, ...masks: (Mask | undefined)[]): I32;
  /** Sufficient for `r`, finite and no underflow, to be the exact result; undefined: there is no such test. */
  isExact?(b: Builder, name: 'add' | 'sub' | 'mul' | 'div', x: Val, y: Val, r: Val): I32;
  /** Operand of `exact` from an integer (roundsd's immediate). */
  fromInt(b: Builder, value: I32): Val<any>;
}

/**
 * Windows of magnitudes that one addition tells from all others, zero included (see float-guards.ts): half of all exponents,
 * from LOW on or from HIGH on. Biased exponents; the upper ends are LOW + 2^(w-1) and HIGH + 2^(w-1) with w bits of exponent.
 */
export type FloatWindow = 'low' | 'high';
const FIRST_EXPONENT = { f32: { low: 63, high: 65 }, f64: { low: 511, high: 513 } } as const;

export interface Windowed {
  readonly value: Val;
  readonly window: FloatWindow;
}

/** Bit patterns shifted left by one (sign dropped): smallest normal number and infinity. */
const SHIFTED = { f32: { bits: 32, min: 1n << 24n, inf: 0xffn << 24n }, f64: { bits: 64, min: 1n << 53n, inf: 0x7ffn << 53n } } as const;

function known(masks: readonly (Mask | undefined)[]): Mask[] {
  return masks.filter((mask) => mask !== undefined);
}

function scalar(ty: FloatTy): FloatLanes {
  const { bits, min, inf } = SHIFTED[ty];
  const int = ty === 'f32' ? 'i32' : 'i64';
  /** Digits of the significand; the first one is not stored. */
  const digits = ty === 'f32' ? 24 : 53;
  const hidden = 1n << BigInt(digits - 1);
  const reinterpret = (b: Builder, x: Val): I64 => b.op(ty === 'f32' ? 'i32.reinterpret_f32' : 'i64.reinterpret_f64', x);
  const magnitude = (b: Builder, x: Val): I64 => b.shl(reinterpret(b, x), b.int(bits, 1) as I64);
  const constant = (b: Builder, value: bigint): I64 => b.int(bits, value) as I64;
  const some = (b: Builder, ...masks: (Mask | undefined)[]): I32 => {
    const all = known(masks);
    return all.length === 0 ? b.i32(0) : all.reduce((x, y) => b.or(x, y));
  };
  return {
    ty,
    packed: false,
    get: (b, o) => b.low(o, ty),
    set: (b, o, value) => b.setLow(o, value),
    native: (b, name, ...args) => b.op(`${ty}.${name}`, ...args),
    exact: (b, op, x, y) => {
      const second = y.ty === ty ? reinterpret(b, y) : y;
      return b.op(ty === 'f32' ? 'f32.reinterpret_i32' : 'f64.reinterpret_i64', exactScalar(b, ty, op, reinterpret(b, x), second));
    },
    denormal: (b, x) => (b.isPlain?.(x, ty) ? undefined : b.ltU(b.sub(magnitude(b, x), constant(b, 1n)), constant(b, min - 1n))),
    isPlain: (b, x) => b.isPlain?.(x, ty) ?? false,
    notePlain: (b, x) => b.notePlain?.(x, ty),
    notFinite: (b, x) => b.op(`${int}.ge_u`, magnitude(b, x), constant(b, inf)),
    notOrdinary: (b, x) => b.op(`${int}.ge_u`, b.sub(magnitude(b, x), constant(b, min + 1n)), constant(b, inf - min - 1n)),
    nan: (b, x) => (b.isPlain?.(x, ty) ? undefined : b.op(`${ty}.ne`, x, x)),
    outside: (b, values, guard) => {
      // The upper half of an f64 tells.
      const high = (x: Val): I32 => (ty === 'f32' ? b.op('i32.reinterpret_f32', x) : b.wrap(b.shrU(reinterpret(b, x), b.i64(32))));
      const exponentAt = ty === 'f32' ? 23 : 20;
      const moved = values.map(({ value, window }) => b.add(high(value), b.i32(-(FIRST_EXPONENT[ty][window] << exponentAt))));
      return b.and((guard ? [...moved, guard] : moved).reduce((x, y) => b.or(x, y)), b.i32(1 << 30));
    },
    unexplained: (b, zeroes, r) => {
      const isZero = zeroes.map((x) => b.eqz(magnitude(b, x))).reduce((x, y) => b.or(x, y));
      return b.eqz(b.and(isZero, b.eqz(magnitude(b, r))));
    },
    isExact: (b, name, x, y, r) => {
      const is = (op: 'add' | 'sub' | 'mul', left: Val, right: Val, value: Val): I32 => b.op(`${ty}.eq`, b.op(`${ty}.${op}`, left, right), value);
      if (name === 'add') return b.and(is('sub', r, x, y), is('sub', r, y, x));
      if (name === 'sub') return b.and(is('sub', x, r, y), is('add', r, y, x));
      // The factors have so many zeroes at their ends that all bits of the product fit.
      const zeroes = (v: Val): I64 => b.op(`${int}.ctz`, b.or(reinterpret(b, v), constant(b, hidden)));
      const [left, right] = name === 'mul' ? [x, y] : [r, y];
      const fits = b.op(`${int}.ge_u`, b.add(zeroes(left), zeroes(right)), constant(b, BigInt(digits)));
      return name === 'mul' ? fits : b.and(fits, is('mul', r, y, x));
    },
    some,
    none: (b, ...masks) => b.eqz(some(b, ...masks)),
    fromInt: (b, value) => (ty === 'f32' ? value : b.zext64(value)),
  };
}

function packed(ty: FloatTy): FloatLanes {
  const { bits, min, inf } = SHIFTED[ty];
  const float = ty === 'f32' ? 'f32x4' : 'f64x2';
  const int = ty === 'f32' ? 'i32x4' : 'i64x2';
  const half = 1n << BigInt(bits - 1);
  const exponentAt = ty === 'f32' ? 23 : 52;
  /** Magnitude plus `offset`, top bit inverted so that signed comparison orders unsigned numbers. */
  const biased = (b: Builder, x: Val, offset: bigint): V128 => b.op(`${int}.add`, b.op(`${int}.shl`, x, b.i32(1)), splatConst(b, bits, half + offset));
  const limit = (b: Builder, value: bigint): V128 => splatConst(b, bits, value - half);
  const zero = (b: Builder): V128 => splatConst(b, bits, 0n);
  /** Sign dropped. */
  const plainBits = (b: Builder, x: Val): V128 => b.op('v128.and', x, splatConst(b, bits, half - 1n));
  const some = (b: Builder, ...masks: (Mask | undefined)[]): I32 => {
    const all = known(masks);
    return all.length === 0 ? b.i32(0) : b.op('v128.any_true', all.reduce((x, y) => b.op('v128.or', x, y)));
  };
  const denormalOf = (b: Builder, x: Val): V128 => b.op(`${int}.gt_s`, limit(b, min - 1n), biased(b, x, -1n));
  return {
    ty,
    packed: true,
    get: (b, o) => b.getV128(o),
    set: (b, o, value) => b.set(o, value),
    native: (b, name, ...args) => b.op(`${float}.${name}`, ...args),
    exact: (b, op, x, y) => exactPacked(b, ty, op, x as V128, y as V128),
    denormal: (b, x) => (b.isPlain?.(x, float) ? undefined : denormalOf(b, x)),
    isPlain: (b, x) => b.isPlain?.(x, float) ?? false,
    notePlain: (b, x) => b.notePlain?.(x, float),
    notFinite: (b, x) => b.op(`${int}.gt_s`, plainBits(b, x), splatConst(b, bits, (inf >> 1n) - 1n)),
    notOrdinary: (b, x) => b.op(`${int}.gt_s`, biased(b, x, -min - 1n), limit(b, inf - min - 2n)),
    nan: (b, x) => (b.isPlain?.(x, float) ? undefined : b.op(`${float}.ne`, x, x)),
    outside: (b, values) => {
      const moved = values.map(({ value, window }) => b.op(`${int}.add`, value, splatConst(b, bits, -(BigInt(FIRST_EXPONENT[ty][window]) << BigInt(exponentAt)))));
      return b.op(`${int}.bitmask`, b.op(`${int}.shl`, moved.reduce((x, y) => b.op('v128.or', x, y)), b.i32(1)));
    },
    unexplained: (b, zeroes, r) => {
      const isZero = zeroes.map((x) => b.op(`${float}.eq`, x, zero(b))).reduce((x, y) => b.op('v128.or', x, y));
      return b.op('v128.andnot', b.op(`${int}.gt_s`, biased(b, r, -min - 1n), limit(b, inf - min - 2n)), b.op('v128.and', isZero, b.op(`${float}.eq`, r, zero(b))));
    },
    some,
    none: (b, ...masks) => b.eqz(some(b, ...masks)),
    fromInt: (b, value) => b.op('i32x4.splat', value),
  };
}

export const SCALAR = { f32: scalar('f32'), f64: scalar('f64') } as const;
export const PACKED = { f32: packed('f32'), f64: packed('f64') } as const;

/** Bits of MXCSR that matter where nothing is denormal, and what they are when only exceptions other than PE need care. */
export const ROUNDING = { mask: Mxcsr.MASKS | Mxcsr.RC | Mxcsr.PE, value: Mxcsr.MASKS | Mxcsr.PE } as const;

/** MXCSR has PE set, rounds to nearest and masks all exceptions; FTZ and DAZ are clear too unless they may be ignored. */
export function isRoundingDefault(b: Builder, ignore: 'daz' | 'daz-ftz'): I32 {
  if (ignore === 'daz-ftz' && b.isRoundingKnown?.() === true) return b.i32(1);
  const control = Mxcsr.MASKS | Mxcsr.RC | Mxcsr.PE | (ignore === 'daz' ? Mxcsr.FTZ : 0);
  return b.eq(b.and(b.field('mxcsr'), b.i32(control)), b.i32(Mxcsr.MASKS | Mxcsr.PE));
}

/** The same but for PE: an exact result is right and raises nothing. */
export function isExactDefault(b: Builder, ignore: 'daz' | 'daz-ftz'): I32 {
  const control = Mxcsr.MASKS | Mxcsr.RC | (ignore === 'daz' ? Mxcsr.FTZ : 0);
  return b.eq(b.and(b.field('mxcsr'), b.i32(control)), b.i32(Mxcsr.MASKS));
}

/** An inexact result rounded to nearest needs no attention: PE set and masked, RC nearest. */
export function isInexactIgnored(b: Builder): I32 {
  return b.eq(b.and(b.field('mxcsr'), b.i32(Mxcsr.PM | Mxcsr.RC | Mxcsr.PE)), b.i32(Mxcsr.PM | Mxcsr.PE));
}

/** As above for truncating conversions: the rounding mode does not matter. */
export function isTruncationIgnored(b: Builder): I32 {
  return b.eq(b.and(b.field('mxcsr'), b.i32(Mxcsr.PM | Mxcsr.PE)), b.i32(Mxcsr.PM | Mxcsr.PE));
}
