import type { Builder } from '../../ir/builder.js';
import { flagsResult } from '../../ir/flags.js';
import type { I64, Int, IntSize } from '../../ir/types.js';
import { sizes, sizeToken } from '../expand.js';
import type { FlagUse, Row } from '../row.js';

/** mul imul div idiv. */

const ALL: IntSize[] = [8, 16, 32, 64];
const RAX = 0;
const RDX = 2;
const DE = 0;
const PRODUCT_FLAGS: FlagUse = { w: 'oszapc', undef: 'szap' };
const QUOTIENT_FLAGS: FlagUse = { undef: 'oszapc' };

/** High 64 bits of the unsigned product (schoolbook on 32-bit halves). */
function highUnsigned(b: Builder, x: I64, y: I64): I64 {
  const low = (v: I64): I64 => b.and(v, b.i64(0xffffffffn));
  const high = (v: I64): I64 => b.shrU(v, b.i64(32));
  const cross = b.add(b.mul(high(x), low(y)), high(b.mul(low(x), low(y))));
  const middle = b.add(b.mul(low(x), high(y)), low(cross));
  return b.add(b.add(b.mul(high(x), high(y)), high(cross)), high(middle));
}

function highSigned(b: Builder, x: I64, y: I64): I64 {
  const correction = b.add(b.and(b.shrS(x, b.i64(63)), y), b.and(b.shrS(y, b.i64(63)), x));
  return b.sub(highUnsigned(b, x, y), correction);
}

function widen(b: Builder, v: Int, n: IntSize, signed: boolean): I64 {
  return signed ? b.sext64(v, n) : b.zext64(v);
}

/** Full product [low, high] of two n-bit values. */
function product(b: Builder, n: IntSize, x: Int, y: Int, signed: boolean): [Int, Int] {
  if (n === 64) return [b.mul(x, y), signed ? highSigned(b, x as I64, y as I64) : highUnsigned(b, x as I64, y as I64)];
  const full = b.mul(widen(b, x, n, signed), widen(b, y, n, signed));
  return [b.trunc(full, n), b.trunc(b.shrU(full, b.i64(n)), n)];
}

function wideningSem(n: IntSize, signed: boolean): Row['sem'] {
  return (b, src) => {
    const [low, high] = product(b, n, b.gprInt(RAX, n), b.getInt(src), signed);
    const expected = signed ? b.trunc(b.shrS(b.sext(low, n), b.int(n, n === 64 ? 63 : 31)), n) : b.int(n, 0);
    const overflow = b.ne(high, expected);
    if (n === 8) b.setGprInt(RAX, 16, b.or(low, b.shl(high, b.i32(8) as never)));
    else {
      b.setGprInt(RAX, n, low);
      b.setGprInt(RDX, n, high);
    }
    flagsResult(b, n, low, overflow, overflow);
  };
}

function truncatingProduct(b: Builder, n: IntSize, x: Int, y: Int): { result: Int; overflow: ReturnType<Builder['ne']> } {
  if (n === 64) {
    const result = b.mul(x, y);
    return { result, overflow: b.ne(highSigned(b, x as I64, y as I64), b.shrS(result, b.i64(63))) };
  }
  const full = b.mul(b.sext64(x, n), b.sext64(y, n));
  return { result: b.trunc(full, n), overflow: b.ne(full, b.sext(full, n)) };
}

function imulRows(): Row[] {
  const common = { mnemonic: 'imul', flags: PRODUCT_FLAGS, cite: 'SDM Vol. 2A IMUL' };
  return sizes((n) => {
    const threeOperand: Row['sem'] = (b, dst, x, y) => {
      const { result, overflow } = truncatingProduct(b, n, b.getInt(x), b.getInt(y));
      b.set(dst, result);
      flagsResult(b, n, result, overflow, overflow);
    };
    const hot = n >= 32;
    return [
      { ...common, hot, enc: `${sizeToken(n)}0F AF /r`, ops: `rw:r${n} r:rm${n}`, sem: (b, dst, src) => threeOperand(b, dst, dst, src) },
      { ...common, hot, enc: `${sizeToken(n)}69 /r ${n === 16 ? 'iw' : 'id'}`, ops: `w:r${n} r:rm${n} r:${n === 64 ? 'imm32s' : `imm${n}`}`, sem: threeOperand },
      { ...common, hot, enc: `${sizeToken(n)}6B /r ib`, ops: `w:r${n} r:rm${n} r:imm8s`, sem: threeOperand },
    ];
  });
}

/** Unsigned 128 / 64 → [quotient, remainder], high < divisor: one bit at a time (rare: high ≠ 0). */
function longDivide(b: Builder, low: I64, high: I64, divisor: I64): [I64, I64] {
  const quotient = b.variable('i64', low);
  const remainder = b.variable('i64', high);
  const count = b.variable('i32', b.i32(64));
  b.loop(() => {
    const out = b.shrU(b.getVar(remainder), b.i64(63));
    b.setVar(remainder, b.or(b.shl(b.getVar(remainder), b.i64(1)), b.shrU(b.getVar(quotient), b.i64(63))));
    b.setVar(quotient, b.shl(b.getVar(quotient), b.i64(1)));
    const fits = b.or(b.wrap(out), b.leU(divisor, b.getVar(remainder)));
    b.if(fits, () => {
      b.setVar(remainder, b.sub(b.getVar(remainder), divisor));
      b.setVar(quotient, b.or(b.getVar(quotient), b.i64(1)));
    });
    b.setVar(count, b.sub(b.getVar(count), b.i32(1)));
    return b.getVar(count);
  });
  return [b.getVar(quotient), b.getVar(remainder)];
}

function setQuotient(b: Builder, n: IntSize, quotient: Int, remainder: Int): void {
  if (n === 8) return b.setGprInt(RAX, 16, b.or(b.trunc(quotient, 8), b.shl(b.trunc(remainder, 8), b.i32(8) as never)));
  b.setGprInt(RAX, n, b.trunc(quotient, n));
  b.setGprInt(RDX, n, b.trunc(remainder, n));
}

/** Dividend of 8, 16, 32-bit divisions as i64. */
function dividend(b: Builder, n: IntSize, signed: boolean): I64 {
  if (n === 8) return widen(b, b.gprInt(RAX, 16), 16, signed);
  const full = b.or(b.zext64(b.gprInt(RAX, n)), b.shl(b.zext64(b.gprInt(RDX, n)), b.i64(n)));
  return signed ? b.sext64(full, 2 * n) : full;
}

function narrowDivide(n: IntSize, signed: boolean): Row['sem'] {
  return (b, src) => {
    const divisor = widen(b, b.getInt(src), n, signed);
    b.raiseIf(b.eqz(divisor), DE);
    const value = dividend(b, n, signed);
    // −2^63 / −1 does not fit i64 either: the quotient overflows for every n.
    if (signed && n === 32) b.raiseIf(b.and(b.eq(value, b.i64(-(1n << 63n))), b.eq(divisor, b.i64(-1))), DE);
    const quotient = b.op(signed ? 'i64.div_s' : 'i64.div_u', value, divisor) as I64;
    b.raiseIf(b.ne(quotient, signed ? b.sext(quotient, n) : b.zext64(b.trunc(quotient, n))), DE);
    setQuotient(b, n, quotient, b.op(signed ? 'i64.rem_s' : 'i64.rem_u', value, divisor));
  };
}

const unsignedDivide64: Row['sem'] = (b, src) => {
  const divisor = b.getInt(src) as I64;
  const [low, high] = [b.gpr(RAX), b.gpr(RDX)];
  // Covers division by zero, too.
  b.raiseIf(b.leU(divisor, high), DE);
  b.if(b.eqz(high), () => setQuotient(b, 64, b.op('i64.div_u', low, divisor), b.op('i64.rem_u', low, divisor)), () => {
    const [quotient, remainder] = longDivide(b, low, high, divisor);
    setQuotient(b, 64, quotient, remainder);
  });
};

const signedDivide64: Row['sem'] = (b, src) => {
  const divisor = b.getInt(src) as I64;
  const [low, high] = [b.gpr(RAX), b.gpr(RDX)];
  b.raiseIf(b.eqz(divisor), DE);
  const isShort = b.eq(high, b.shrS(low, b.i64(63)));
  const overflows = b.and(b.eq(low, b.i64(-(1n << 63n))), b.eq(divisor, b.i64(-1)));
  b.raiseIf(b.and(isShort, overflows), DE);
  b.if(isShort, () => setQuotient(b, 64, b.op('i64.div_s', low, divisor), b.op('i64.rem_s', low, divisor)), () => signedLong(b, low, high, divisor));
};

/** Signed 128 / 64 on magnitudes; #DE when the quotient does not fit. */
function signedLong(b: Builder, low: I64, high: I64, divisor: I64): void {
  const signOf = (v: I64): I64 => b.shrS(v, b.i64(63));
  const negate = (v: I64, sign: I64): I64 => b.sub(b.xor(v, sign), sign);
  const sign = signOf(high);
  const magnitudeLow = negate(low, sign);
  const carryOut = b.zext64(b.and(b.wrap(b.and(sign, b.i64(1))), b.eqz(low)));
  const magnitudeHigh = b.add(b.xor(high, sign), carryOut);
  const magnitude = negate(divisor, signOf(divisor));
  b.raiseIf(b.leU(magnitude, magnitudeHigh), DE);
  const [quotient, remainder] = longDivide(b, magnitudeLow, magnitudeHigh, magnitude);
  const quotientSign = b.xor(sign, signOf(divisor));
  // Largest magnitude: 2^63 − 1, or 2^63 for a negative quotient.
  const limit = b.add(b.i64((1n << 63n) - 1n), b.and(quotientSign, b.i64(1)));
  b.raiseIf(b.ltU(limit, quotient), DE);
  setQuotient(b, 64, negate(quotient, quotientSign), negate(remainder, sign));
}

function group3Rows(): Row[] {
  return sizes((n) => {
    const opcode = `${sizeToken(n)}${n === 8 ? 'F6' : 'F7'}`;
    const hot = n >= 32;
    return [
      { mnemonic: 'mul', enc: `${opcode} /4`, ops: `r:rm${n}`, hot, flags: PRODUCT_FLAGS, cite: 'SDM Vol. 2B MUL', sem: wideningSem(n, false) },
      { mnemonic: 'imul', enc: `${opcode} /5`, ops: `r:rm${n}`, flags: PRODUCT_FLAGS, cite: 'SDM Vol. 2A IMUL', sem: wideningSem(n, true) },
      { mnemonic: 'div', enc: `${opcode} /6`, ops: `r:rm${n}`, flags: QUOTIENT_FLAGS, cite: 'SDM Vol. 2A DIV', sem: n === 64 ? unsignedDivide64 : narrowDivide(n, false) },
      { mnemonic: 'idiv', enc: `${opcode} /7`, ops: `r:rm${n}`, flags: QUOTIENT_FLAGS, cite: 'SDM Vol. 2A IDIV', sem: n === 64 ? signedDivide64 : narrowDivide(n, true) },
    ];
  }, ALL);
}

export const muldivRowList: Row[] = [...imulRows(), ...group3Rows()];
