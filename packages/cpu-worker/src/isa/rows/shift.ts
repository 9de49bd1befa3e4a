import type { Builder } from '../../ir/builder.js';
import { carry, flagsResult, setCarryOverflow } from '../../ir/flags.js';
import type { I32, Int, IntSize } from '../../ir/types.js';
import { sizes, sizeToken } from '../expand.js';
import type { Operand } from '../operand.js';
import type { FlagUse, Row } from '../row.js';

/** shl shr sar rol ror rcl rcr shld shrd. */

const ALL: IntSize[] = [8, 16, 32, 64];

/** What a shift of x by a count of 1 or more gives. */
interface Shifted {
  readonly result: Int;
  readonly cf: I32;
  readonly of: I32;
}

type ShiftFn = (b: Builder, n: IntSize, x: Int, count: Int) => Shifted;

/** Bit `position` of v as i32. */
function bit(b: Builder, v: Int, position: Int): I32 {
  return b.wrap(b.and(b.shrU(v, position), v.ty === 'i64' ? b.i64(1) : b.i32(1)));
}

function top(b: Builder, n: IntSize, v: Int): I32 {
  return bit(b, v, b.int(n, n - 1));
}

const shl: ShiftFn = (b, n, x, count) => {
  const result = b.trunc(b.shl(x, count), n);
  // Narrow sizes in 64 bits, so that the bit shifted out last is still there.
  const cf = n === 64 ? bit(b, x, b.sub(b.i64(64), count as never)) : bit(b, b.shl(b.zext64(x), b.zext64(count)), b.i64(n));
  return { result, cf, of: b.xor(top(b, n, result), cf) };
};

const shr: ShiftFn = (b, n, x, count) => ({
  result: b.shrU(x, count),
  cf: bit(b, x, b.sub(count, b.int(n, 1))),
  of: top(b, n, x),
});

const sar: ShiftFn = (b, n, x, count) => {
  const signed = b.sext(x, n);
  return { result: b.trunc(b.shrS(signed, count), n), cf: bit(b, b.shrS(signed, b.sub(count, b.int(n, 1))), b.int(n, 0)), of: b.i32(0) };
};

function rotateLeft(b: Builder, n: IntSize, x: Int, count: Int): Int {
  if (n === 64) return b.op('i64.rotl', x, count);
  if (n === 32) return b.op('i32.rotl', x, count);
  // The value twice (or four times) in 32 bits: a 32-bit rotation rotates each copy.
  const twice = b.or(x, b.shl(x, b.i32(n) as never));
  const copies = n === 8 ? b.or(twice, b.shl(twice, b.i32(16) as never)) : twice;
  return b.trunc(b.op('i32.rotl', copies, count), n);
}

const rol: ShiftFn = (b, n, x, count) => {
  const result = rotateLeft(b, n, x, count);
  const cf = b.and(b.wrap(result), b.i32(1));
  return { result, cf, of: b.xor(top(b, n, result), cf) };
};

const ror: ShiftFn = (b, n, x, count) => {
  const result = rotateLeft(b, n, x, b.sub(b.int(n, 0), count));
  const cf = top(b, n, result);
  return { result, cf, of: b.xor(cf, bit(b, result, b.int(n, n - 2))) };
};

/** Count modulo size + 1 for the rotations through carry of 8 and 16 bits. */
function carryCount(b: Builder, n: IntSize, count: Int): Int {
  return n < 32 ? b.op('i32.rem_u', count, b.i32(n + 1)) : count;
}

const rcl: ShiftFn = (b, n, x, count) => {
  const before = carry(b);
  if (n === 64) {
    const c = count as never;
    const high = b.or(b.shl(x, c), b.shl(b.zext64(before), b.sub(c, b.i64(1) as never)));
    const result = b.or(high, b.shrU(b.shrU(x, b.i64(1)), b.sub(b.i64(64), c)));
    const cf = bit(b, x, b.sub(b.i64(64), c));
    return { result, cf, of: b.xor(top(b, n, result), cf) };
  }
  const c = b.zext64(carryCount(b, n, count));
  const wide = b.or(b.zext64(x), b.shl(b.zext64(before), b.i64(n)));
  const rotated = b.or(b.shl(wide, c), b.shrU(wide, b.sub(b.i64(n + 1), c)));
  const result = b.trunc(b.wrap(rotated), n);
  const cf = bit(b, rotated, b.i64(n));
  return { result, cf, of: b.xor(top(b, n, result), cf) };
};

const rcr: ShiftFn = (b, n, x, count) => {
  const before = carry(b);
  if (n === 64) {
    const c = count as never;
    const low = b.or(b.shrU(x, c), b.shl(b.zext64(before), b.sub(b.i64(64), c)));
    const result = b.or(low, b.shl(b.shl(x, b.i64(1)), b.sub(b.i64(64), c)));
    return { result, cf: bit(b, x, b.sub(c, b.i64(1) as never)), of: b.xor(top(b, n, result), bit(b, result, b.i64(62))) };
  }
  const c = b.zext64(carryCount(b, n, count));
  const wide = b.or(b.zext64(x), b.shl(b.zext64(before), b.i64(n)));
  const rotated = b.or(b.shrU(wide, c), b.shl(wide, b.sub(b.i64(n + 1), c)));
  const result = b.trunc(b.wrap(rotated), n);
  return { result, cf: bit(b, rotated, b.i64(n)), of: b.xor(top(b, n, result), bit(b, result, b.int(n, n - 2))) };
};

interface ShiftOp {
  readonly mnemonic: string;
  readonly digit: number;
  readonly fn: ShiftFn;
  /** Only CF and OF change. */
  readonly rotates: boolean;
  readonly throughCarry: boolean;
}

const OPS: ShiftOp[] = [
  { mnemonic: 'rol', digit: 0, fn: rol, rotates: true, throughCarry: false },
  { mnemonic: 'ror', digit: 1, fn: ror, rotates: true, throughCarry: false },
  { mnemonic: 'rcl', digit: 2, fn: rcl, rotates: true, throughCarry: true },
  { mnemonic: 'rcr', digit: 3, fn: rcr, rotates: true, throughCarry: true },
  { mnemonic: 'shl', digit: 4, fn: shl, rotates: false, throughCarry: false },
  { mnemonic: 'shr', digit: 5, fn: shr, rotates: false, throughCarry: false },
  { mnemonic: 'sal', digit: 6, fn: shl, rotates: false, throughCarry: false },
  { mnemonic: 'sar', digit: 7, fn: sar, rotates: false, throughCarry: false },
];

function maskedCount(b: Builder, n: IntSize, count: Operand): Int {
  const masked = b.and(b.wrap(b.getInt(count)), b.i32(n === 64 ? 63 : 31));
  return n === 64 ? b.zext64(masked) : masked;
}

function shiftSem(op: ShiftOp, n: IntSize): Row['sem'] {
  return (b, dst, countOperand) => {
    const count = maskedCount(b, n, countOperand);
    const zero = b.eqz(count);
    const x = b.getInt(dst);
    const { result, cf, of } = op.fn(b, n, x, count);
    const known = b.constOf(zero);
    b.set(dst, known === undefined ? b.select(zero, x, result) : known === 0 ? result : x);
    b.if(b.eqz(zero), () => {
      if (op.rotates) setCarryOverflow(b, cf, of);
      else flagsResult(b, n, result, cf, of);
    });
  };
}

function shiftFlags(op: ShiftOp): FlagUse {
  if (op.throughCarry) return { r: 'c', w: 'oc', undef: 'o' };
  return op.rotates ? { w: 'oc', undef: 'o' } : { w: 'oszapc', undef: 'oac' };
}

function shiftRows(op: ShiftOp): Row[] {
  return sizes((n) => {
    const [byOne, byCl, byImm] = n === 8 ? ['D0', 'D2', 'C0'] : ['D1', 'D3', 'C1'];
    const hot = n >= 32 && !op.throughCarry && op.digit !== 6;
    const common = { mnemonic: op.mnemonic, flags: shiftFlags(op), cite: `SDM Vol. 2B ${op.rotates ? 'RCL/RCR/ROL/ROR' : 'SAL/SAR/SHL/SHR'}`, sem: shiftSem(op, n) };
    const size = sizeToken(n);
    return [
      { ...common, hot, enc: `${size}${byOne} /${op.digit}`, ops: `rw:rm${n} r:one` },
      { ...common, hot, enc: `${size}${byCl} /${op.digit}`, ops: `rw:rm${n} r:cl` },
      { ...common, hot, enc: `${size}${byImm} /${op.digit} ib`, ops: `rw:rm${n} r:imm8` },
    ];
  }, ALL);
}

/** shld (left) and shrd: bits come in from the second operand. */
function doubleSem(n: IntSize, left: boolean): Row['sem'] {
  return (b, dst, src, countOperand) => {
    const count = maskedCount(b, n, countOperand);
    const x = b.getInt(dst);
    const y = b.getInt(src);
    const rest = b.sub(b.int(n, n), count);
    let result: Int;
    let cf: I32;
    if (n === 16) {
      // 16 bits: counts above 16 are undefined (SDM); AMD processors go on with the source again.
      const [high, low] = left ? [x, y] : [y, x];
      const wide = b.or(b.or(b.shl(b.zext64(high), b.i64(32)), b.shl(b.zext64(y), b.i64(16))), b.zext64(low));
      const shifted = left ? b.shrU(b.shl(wide, b.zext64(count)), b.i64(32)) : b.shrU(wide, b.zext64(count));
      result = b.trunc(b.wrap(shifted), 16);
      cf = left ? bit(b, b.shl(wide, b.zext64(count)), b.i64(48)) : bit(b, wide, b.sub(b.zext64(count), b.i64(1)));
    } else {
      result = left ? b.or(b.shl(x, count), b.shrU(y, rest)) : b.or(b.shrU(x, count), b.shl(y, rest));
      cf = left ? bit(b, x, rest) : bit(b, x, b.sub(count, b.int(n, 1)));
    }
    const of = b.xor(top(b, n, x), top(b, n, result));
    const zero = b.eqz(count);
    b.set(dst, b.select(zero, x, result));
    b.if(b.eqz(zero), () => flagsResult(b, n, result, cf, of));
  };
}

function doubleRows(): Row[] {
  return sizes((n) => (['shld', 'shrd'] as const).flatMap((mnemonic) => {
    const left = mnemonic === 'shld';
    const common = { mnemonic, flags: { w: 'oszapc', undef: 'oac' }, cite: `SDM Vol. 2B ${mnemonic.toUpperCase()}`, sem: doubleSem(n, left) };
    const [imm, cl] = left ? ['0F A4', '0F A5'] : ['0F AC', '0F AD'];
    return [
      { ...common, enc: `${sizeToken(n)}${imm} /r ib`, ops: `rw:rm${n} r:r${n} r:imm8` },
      { ...common, enc: `${sizeToken(n)}${cl} /r`, ops: `rw:rm${n} r:r${n} r:cl` },
    ];
  }));
}

export const shiftRowList: Row[] = [...OPS.flatMap(shiftRows), ...doubleRows()];
