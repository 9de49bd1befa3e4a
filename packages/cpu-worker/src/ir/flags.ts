import type { Builder } from './builder.js';
import { flagsAfter, type FlagOperation } from './flag-operation.js';
import type { I32, I64, Int } from './types.js';

/**
 * Arithmetic flags in their lazy form (layout of ccRes/ccAux: abi layout/flags.ts). Rows set and
 * test flags only through these functions.
 */

const CF_OF_BITS = 0xc000000000000000n;

function setLazy(b: Builder, res: I64, aux: I64): void {
  b.setField('ccRes', res);
  b.setField('ccAux', aux);
}

function setAll(b: Builder, operation: FlagOperation): void {
  if (b.deferFlags?.(operation)) return;
  const { res, aux } = flagsAfter(b, operation);
  setLazy(b, res, aux);
}

/** Flags of x + y (+ carry) = r. */
export function flagsAdd(b: Builder, sizeBits: number, x: Int, y: Int, r: Int): void {
  setAll(b, { kind: 'add', sizeBits, x, y, r });
}

/** Flags of x − y = r; also cmp, neg (x = 0). */
export function flagsSub(b: Builder, sizeBits: number, x: Int, y: Int, r: Int): void {
  setAll(b, { kind: 'sub', sizeBits, x, y, r });
}

/** Flags of x − y − borrow = r: the operands alone do not tell the conditions. */
export function flagsSubBorrow(b: Builder, sizeBits: number, x: Int, y: Int, r: Int): void {
  const { res, aux } = flagsAfter(b, { kind: 'sub', sizeBits, x, y, r });
  setLazy(b, res, aux);
}

/** Flags of and, or, xor, test: CF = OF = AF = 0. */
export function flagsLogic(b: Builder, sizeBits: number, r: Int): void {
  setAll(b, { kind: 'logic', sizeBits, r });
}

/** As flagsAdd/flagsSub, but CF keeps its value (inc, dec). */
export function keepCarry(b: Builder, setFlags: () => void): void {
  const before = carry(b);
  setFlags();
  setCarryKeepOverflow(b, before);
}

/** SF, ZF, PF from r (integer of `sizeBits`); CF, OF (i32 0 or 1) as given; AF as given or 0. */
export function flagsResult(b: Builder, sizeBits: number, r: Int, cf: I32, of: I32, af?: I32): void {
  const aux = auxBits(b, cf, of);
  setLazy(b, b.sext64(r, sizeBits), af === undefined ? aux : b.or(aux, b.zext64(af)));
}

function auxBits(b: Builder, cf: I32, of: I32): I64 {
  return b.or(b.shl(b.zext64(cf), b.i64(63)), b.shl(b.zext64(b.xor(cf, of)), b.i64(62)));
}

/** Only CF changes; all others, OF too, keep their values (bt, stc, clc, cmc). */
export function setCarryKeepOverflow(b: Builder, cf: I32): void {
  const aux = b.field('ccAux');
  const changed = b.xor(b.shrU(aux, b.i64(63)), b.zext64(cf));
  b.setField('ccAux', b.xor(aux, b.mul(changed, b.i64(CF_OF_BITS))));
}

/** CF and OF change, the rest keeps its value (rol, ror, rcl, rcr). */
export function setCarryOverflow(b: Builder, cf: I32, of: I32): void {
  const rest = b.and(b.field('ccAux'), b.i64(0x3fffffffffffffffn));
  b.setField('ccAux', b.or(rest, auxBits(b, cf, of)));
}

/** ZF = zf, CF = cf, PF = pf, the others 0 (comisd, ptest): i32 values 0 or 1. `be`: zf or cf, if that costs less than `or`. */
export function flagsZeroParityCarry(b: Builder, zf: I32, pf: I32, cf: I32, be?: I32): void {
  setAll(b, { kind: 'zpc', zf, pf, cf, be });
}

export function carry(b: Builder): I32 {
  return b.deferredCondition?.(2) ?? b.wrap(b.shrU(b.field('ccAux'), b.i64(63)));
}

export function overflow(b: Builder): I32 {
  const aux = b.field('ccAux');
  return b.wrap(b.shrU(b.xor(aux, b.shl(aux, b.i64(1))), b.i64(63)));
}

export function zero(b: Builder): I32 {
  return b.eqz(b.field('ccRes'));
}

export function sign(b: Builder): I32 {
  const inverted = b.and(b.shrU(b.wrap(b.field('ccAux')), b.i32(1)), b.i32(1));
  return b.xor(b.wrap(b.shrU(b.field('ccRes'), b.i64(63))), inverted);
}

export function parity(b: Builder): I32 {
  const ones = b.op('i32.popcnt', b.and(b.wrap(b.field('ccRes')), b.i32(0xff))) as I32;
  const inverted = b.shrU(b.wrap(b.field('ccAux')), b.i32(2));
  return b.and(b.xor(b.xor(ones, inverted), b.i32(1)), b.i32(1));
}

export function auxCarry(b: Builder): I32 {
  return b.and(b.wrap(b.field('ccAux')), b.i32(1));
}

/** Condition code 0–15 in encoding order (SDM Vol. 1 appendix B): o no b ae e ne be a s ns p np l ge le g. */
export function condition(b: Builder, cc: number): I32 {
  const known = b.deferredCondition?.(cc);
  if (known) return known;
  const base = conditionBase(b, cc >> 1);
  return cc & 1 ? b.eqz(base) : base;
}

function conditionBase(b: Builder, pair: number): I32 {
  switch (pair) {
    case 0: return overflow(b);
    case 1: return carry(b);
    case 2: return zero(b);
    case 3: return b.or(carry(b), zero(b));
    case 4: return sign(b);
    case 5: return parity(b);
    case 6: return b.xor(sign(b), overflow(b));
    default: return b.or(zero(b), b.xor(sign(b), overflow(b)));
  }
}

/** Names of the condition codes in encoding order. */
export const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'] as const;

/** RFLAGS bits CF PF AF ZF SF OF as an i32 image. */
export function packLazy(b: Builder): I32 {
  const bit = (v: I32, position: number): I32 => b.shl(v, b.i32(position));
  return [bit(parity(b), 2), bit(auxCarry(b), 4), bit(zero(b), 6), bit(sign(b), 7), bit(overflow(b), 11)].reduce((x, y) => b.or(x, y), carry(b));
}

/** Sets CF PF AF ZF SF OF from an RFLAGS image. */
export function unpackLazy(b: Builder, image: I32): void {
  const bit = (position: number): I32 => b.and(b.shrU(image, b.i32(position)), b.i32(1));
  const [cf, pf, af, zf, sf, of] = [bit(0), bit(2), bit(4), bit(6), bit(7), bit(11)] as const;
  const aux = b.or(auxBits(b, cf, of), b.zext64(af));
  const inverted = b.or(b.shl(b.zext64(sf), b.i64(1)), b.shl(b.zext64(b.xor(pf, b.i32(1))), b.i64(2)));
  const signed = b.shl(b.zext64(sf), b.i64(63));
  const res = b.or(signed, b.zext64(b.select(pf, b.i32(0x100), b.i32(0x101))));
  setLazy(b, b.select(zf, b.i64(0), res), b.select(zf, b.or(aux, inverted), aux));
}
