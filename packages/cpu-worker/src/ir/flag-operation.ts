import type { Builder } from './builder.js';
import type { I32, I64, Int } from './types.js';

/**
 * Operations that set all arithmetic flags. Rows report them through ir/flags.ts; a builder may keep
 * one back (`Builder.deferFlags`) and compute the flags, or just a condition, when somebody asks.
 */
export type FlagOperation =
  | { readonly kind: 'add' | 'sub'; readonly sizeBits: number; readonly x: Int; readonly y: Int; readonly r: Int }
  | { readonly kind: 'logic'; readonly sizeBits: number; readonly r: Int }
  /** comisd and its kin: i32 values 0 or 1. `be`: zf or cf, if that costs less. */
  | { readonly kind: 'zpc'; readonly zf: I32; readonly pf: I32; readonly cf: I32; readonly be: I32 | undefined };

/** Condition codes by name (SDM Vol. 1 appendix B); odd numbers negate. */
const Cc = { O: 0, B: 2, E: 4, BE: 6, S: 8, P: 10, L: 12, LE: 14 } as const;

/** Condition `cc` after the operation without the flags; undefined: only the flags tell. */
export function conditionAfter(b: Builder, operation: FlagOperation, cc: number): I32 | undefined {
  const base = cc & ~1;
  const isNegated = (cc & 1) !== 0;
  switch (operation.kind) {
    case 'sub': return afterSub(b, operation.sizeBits, operation.x, operation.y, operation.r, base, isNegated);
    case 'add': return afterAdd(b, operation.sizeBits, operation.x, operation.r, base, isNegated);
    case 'logic': return afterLogic(b, operation.sizeBits, operation.r, base, isNegated);
    case 'zpc': return negateIf(b, afterCompare(b, operation, base), isNegated);
  }
}

function negateIf(b: Builder, condition: I32 | undefined, isNegated: boolean): I32 | undefined {
  return condition && (isNegated ? b.eqz(condition) : condition);
}

function isZero(b: Builder, r: Int, isNegated: boolean): I32 {
  return isNegated ? b.ne(r, zeroOf(b, r)) : b.eqz(r);
}

function zeroOf(b: Builder, like: Int): Int {
  return like.ty === 'i64' ? b.i64(0) : b.i32(0);
}

function isNegative(b: Builder, sizeBits: number, r: Int, isNegated: boolean): I32 {
  const signed = b.sext(r, sizeBits);
  return isNegated ? b.leS(zeroOf(b, r), signed) : b.ltS(signed, zeroOf(b, r));
}

function afterSub(b: Builder, sizeBits: number, x: Int, y: Int, r: Int, base: number, isNegated: boolean): I32 | undefined {
  const signed = (v: Int): Int => b.sext(v, sizeBits);
  switch (base) {
    case Cc.B: return isNegated ? b.leU(y, x) : b.ltU(x, y);
    case Cc.E: return isNegated ? b.ne(x, y) : b.eq(x, y);
    case Cc.BE: return isNegated ? b.ltU(y, x) : b.leU(x, y);
    case Cc.S: return isNegative(b, sizeBits, r, isNegated);
    case Cc.L: return isNegated ? b.leS(signed(y), signed(x)) : b.ltS(signed(x), signed(y));
    case Cc.LE: return isNegated ? b.ltS(signed(y), signed(x)) : b.leS(signed(x), signed(y));
    default: return undefined;
  }
}

function afterAdd(b: Builder, sizeBits: number, x: Int, r: Int, base: number, isNegated: boolean): I32 | undefined {
  switch (base) {
    case Cc.E: return isZero(b, r, isNegated);
    case Cc.S: return isNegative(b, sizeBits, r, isNegated);
    default: return undefined;
  }
}

function afterLogic(b: Builder, sizeBits: number, r: Int, base: number, isNegated: boolean): I32 | undefined {
  const signed = (): Int => b.sext(r, sizeBits);
  switch (base) {
    case Cc.O: case Cc.B: return b.i32(isNegated ? 1 : 0);
    case Cc.E: case Cc.BE: return isZero(b, r, isNegated);
    case Cc.S: case Cc.L: return isNegative(b, sizeBits, r, isNegated);
    case Cc.LE: return isNegated ? b.ltS(zeroOf(b, r), signed()) : b.leS(signed(), zeroOf(b, r));
    default: return undefined;
  }
}

function afterCompare(b: Builder, { zf, pf, cf, be }: FlagOperation & { kind: 'zpc' }, base: number): I32 {
  switch (base) {
    case Cc.B: return cf;
    case Cc.E: case Cc.LE: return zf;
    case Cc.BE: return be ?? b.or(cf, zf);
    case Cc.P: return pf;
    default: return b.i32(0);
  }
}

const CF_OF_BITS = 0xc000000000000000n;

/** ccRes and ccAux after the operation (layout: abi layout/flags.ts). */
export function flagsAfter(b: Builder, operation: FlagOperation): { res: I64; aux: I64 } {
  switch (operation.kind) {
    case 'add': {
      const { x, y, r, sizeBits } = operation;
      return { res: b.sext64(r, sizeBits), aux: auxFromCarries(b, sizeBits, b.or(b.and(x, y), b.and(b.or(x, y), b.not(r)))) };
    }
    case 'sub': {
      const { x, y, r, sizeBits } = operation;
      const notX = b.not(x);
      return { res: b.sext64(r, sizeBits), aux: auxFromCarries(b, sizeBits, b.or(b.and(notX, y), b.and(b.or(notX, y), r))) };
    }
    case 'logic': return { res: b.sext64(operation.r, operation.sizeBits), aux: b.i64(0) };
    case 'zpc': return afterZeroParityCarry(b, operation);
  }
}

/** ccAux from the vector of carries out of each bit position (in the integer type of `sizeBits`). */
function auxFromCarries(b: Builder, sizeBits: number, cout: Int): I64 {
  const wide = b.zext64(cout);
  const top = b.and(sizeBits === 64 ? wide : b.shl(wide, b.i64(64 - sizeBits)), b.i64(CF_OF_BITS));
  const af = b.zext64(b.and(b.shrU(b.wrap(cout), b.i32(3)), b.i32(1)));
  return b.or(top, af);
}

function afterZeroParityCarry(b: Builder, { zf, pf, cf }: { zf: I32; pf: I32; cf: I32 }): { res: I64; aux: I64 } {
  const carry = b.shl(b.zext64(cf), b.i64(63));
  const both = b.or(b.shl(b.zext64(cf), b.i64(62)), carry);
  // ZF=1: result 0 has PF=1, inverted by aux bit 2 unless pf. ZF=0: low byte 1 (odd) or 3 (even).
  const invert = b.shl(b.zext64(b.and(zf, b.eqz(pf))), b.i64(2));
  const nonZero = b.or(b.i64(1), b.shl(b.zext64(pf), b.i64(1)));
  return { res: b.select(zf, b.i64(0), nonZero), aux: b.or(both, invert) };
}
