import type { Builder } from '../../ir/builder.js';
import { flagsAdd, flagsResult, flagsSub, packLazy, setCarryKeepOverflow, unpackLazy } from '../../ir/flags.js';
import type { I32, I64, Int, IntSize } from '../../ir/types.js';
import { accumulator, sizes, sizeToken } from '../expand.js';
import type { Operand } from '../operand.js';
import type { Row } from '../row.js';

/** bt bts btr btc, bsf bsr tzcnt lzcnt popcnt, xadd cmpxchg cmpxchg8b cmpxchg16b. */

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;

interface BitOp {
  readonly mnemonic: string;
  readonly digit: number;
  readonly regOpcode: string;
  readonly apply?: (b: Builder, value: Int, mask: Int) => Int;
}

const BIT_OPS: BitOp[] = [
  { mnemonic: 'bt', digit: 4, regOpcode: '0F A3' },
  { mnemonic: 'bts', digit: 5, regOpcode: '0F AB', apply: (b, v, m) => b.or(v, m) },
  { mnemonic: 'btr', digit: 6, regOpcode: '0F B3', apply: (b, v, m) => b.and(v, b.not(m)) },
  { mnemonic: 'btc', digit: 7, regOpcode: '0F BB', apply: (b, v, m) => b.xor(v, m) },
];

function selectedBit(b: Builder, value: Int, position: Int): I32 {
  return b.and(b.wrap(b.shrU(value, position)), b.i32(1));
}

/** A register bit offset reaches beyond the operand in memory: address of the word it is in. */
function bitAddress(b: Builder, n: IntSize, o: Operand, offset: Int): I64 {
  const words = b.shrS(b.sext64(offset, n), b.i64({ 8: 3, 16: 4, 32: 5, 64: 6 }[n]));
  return b.ea(o, b.mul(words, b.i64(n / 8)));
}

function bitSem(op: BitOp, n: IntSize): Row['sem'] {
  return (b, dst, positionOperand) => {
    const offset = b.getInt(positionOperand);
    const wide = n === 64 ? b.zext64(offset) : b.wrap(offset);
    const position = b.and(wide, b.int(n, n - 1));
    const mask = b.shl(b.int(n, 1), position);
    const change = op.apply && ((old: Int) => op.apply!(b, old, mask));
    let old: Int;
    if (dst.kind === 'mem' && positionOperand.kind === 'gpr') {
      const va = bitAddress(b, n, dst, wide);
      old = change ? b.rmwAt(n, va, change).old : b.load(n, va);
    } else old = change ? b.rmw(dst, change).old : b.getInt(dst);
    setCarryKeepOverflow(b, selectedBit(b, old, position));
  };
}

function bitTestRows(): Row[] {
  return BIT_OPS.flatMap((op) => sizes((n) => {
    const common = { mnemonic: op.mnemonic, lock: op.apply !== undefined, flags: { w: 'c', undef: 'osap' }, hot: n >= 32, cite: `SDM Vol. 2A ${op.mnemonic.toUpperCase()}`, sem: bitSem(op, n) };
    const access = op.apply ? 'rw' : 'r';
    return [
      { ...common, hot: false, enc: `${sizeToken(n)}${op.regOpcode} /r`, ops: `${access}:rm${n} r:r${n}` },
      { ...common, enc: `${sizeToken(n)}0F BA /${op.digit} ib`, ops: `${access}:rm${n} r:imm8` },
    ];
  }));
}

/** Leading zeros of an n-bit value. */
function leadingZeros(b: Builder, n: IntSize, v: Int): Int {
  const count = b.op(n === 64 ? 'i64.clz' : 'i32.clz', v) as Int;
  return n < 32 ? b.sub(count, b.i32(32 - n) as Int) : count;
}

function trailingZeros(b: Builder, n: IntSize, v: Int): Int {
  // A bit above the operand bounds the count of a zero value.
  const bounded = n < 32 ? b.or(v, b.i32(1 << n) as Int) : v;
  return b.op(n === 64 ? 'i64.ctz' : 'i32.ctz', bounded) as Int;
}

function scanRows(): Row[] {
  return sizes((n) => {
    const size = sizeToken(n);
    const scan = (position: (b: Builder, v: Int) => Int): Row['sem'] => (b, dst, src) => {
      const value = b.getInt(src);
      const empty = b.eqz(value);
      // An empty source leaves the destination alone, as processors do (SDM: undefined).
      b.if(b.eqz(empty), () => b.set(dst, position(b, value)));
      flagsResult(b, n, value, b.i32(0), b.i32(0));
    };
    const count = (position: (b: Builder, v: Int) => Int): Row['sem'] => (b, dst, src) => {
      const value = b.getInt(src);
      const result = position(b, value);
      b.set(dst, result);
      flagsResult(b, n, result, b.eqz(value), b.i32(0));
    };
    const bits = { w: 'oszapc', undef: 'osapc' };
    return [
      { mnemonic: 'bsf', enc: `${size}0F BC /r`, ops: `rw:r${n} r:rm${n}`, flags: bits, cite: 'SDM Vol. 2A BSF', hot: n >= 32, sem: scan((b, v) => trailingZeros(b, n, v)) },
      { mnemonic: 'bsr', enc: `${size}0F BD /r`, ops: `rw:r${n} r:rm${n}`, flags: bits, cite: 'SDM Vol. 2A BSR', hot: n >= 32, sem: scan((b, v) => b.sub(b.int(n, n - 1), leadingZeros(b, n, v))) },
      { mnemonic: 'tzcnt', enc: `F3 ${size}0F BC /r`, ops: `w:r${n} r:rm${n}`, feature: 'bmi1', flags: { w: 'oszapc', undef: 'osap' }, cite: 'SDM Vol. 2B TZCNT', sem: count((b, v) => trailingZeros(b, n, v)) },
      { mnemonic: 'lzcnt', enc: `F3 ${size}0F BD /r`, ops: `w:r${n} r:rm${n}`, feature: 'bmi1', flags: { w: 'oszapc', undef: 'osap' }, cite: 'SDM Vol. 2A LZCNT', sem: count((b, v) => leadingZeros(b, n, v)) },
      {
        mnemonic: 'popcnt', enc: `F3 ${size}0F B8 /r`, ops: `w:r${n} r:rm${n}`, feature: 'popcnt', flags: { w: 'oszapc' }, cite: 'SDM Vol. 2B POPCNT',
        sem: (b, dst, src) => {
          const value = b.getInt(src);
          b.set(dst, b.op(n === 64 ? 'i64.popcnt' : 'i32.popcnt', value));
          // Only ZF may be set; a result of 1 has SF = PF = 0.
          b.setField('ccRes', b.zext64(b.eqz(b.eqz(value))));
          b.setField('ccAux', b.select(b.eqz(value), b.i64(4), b.i64(0)));
        },
      },
    ] satisfies Row[];
  });
}

function exchangeRows(): Row[] {
  return sizes((n) => {
    const low = n === 8 ? 0 : 1;
    return [
      {
        mnemonic: 'xadd', enc: `${sizeToken(n)}0F C${low} /r`, ops: `rw:rm${n} rw:r${n}`, lock: true, flags: { w: 'oszapc' }, cite: 'SDM Vol. 2D XADD',
        sem: (b, dst, src) => {
          const addend = b.getInt(src);
          const sum = (old: Int): Int => b.trunc(b.add(old, addend), n);
          if (dst.kind === 'mem') {
            const { old, value } = b.rmw(dst, sum);
            b.set(src, old);
            return flagsAdd(b, n, old, addend, value);
          }
          const old = b.getInt(dst);
          const value = sum(old);
          b.set(src, old);
          b.set(dst, value);
          flagsAdd(b, n, old, addend, value);
        },
      },
      {
        mnemonic: 'cmpxchg', enc: `${sizeToken(n)}0F B${low} /r`, ops: `rw:rm${n} r:r${n}`, lock: true, flags: { w: 'oszapc' }, cite: `SDM Vol. 2A CMPXCHG, accumulator ${accumulator(n)}`,
        sem: (b, dst, src) => {
          const expected = b.gprInt(RAX, n);
          const desired = b.getInt(src);
          const old = dst.kind === 'mem' ? b.cmpxchg(dst, expected, desired) : b.getInt(dst);
          // A register that differs is not written: its upper half stays.
          const same = b.eq(old, expected);
          if (dst.kind !== 'mem') b.if(same, () => b.set(dst, desired));
          b.if(b.eqz(same), () => b.setGprInt(RAX, n, old));
          flagsSub(b, n, expected, old, b.trunc(b.sub(expected, old), n));
        },
      },
    ] satisfies Row[];
  }, [8, 16, 32, 64]);
}

/** ZF from i32 0 or 1; the other flags keep their values. */
function setZeroOnly(b: Builder, isZero: I32): void {
  const others = b.and(packLazy(b), b.i32(~0x40));
  unpackLazy(b, b.or(others, b.shl(isZero, b.i32(6))));
}

function pairRows(): Row[] {
  const half = (b: Builder, reg: number): I64 => b.zext64(b.gprInt(reg, 32));
  const pair = (b: Builder, high: number, low: number): I64 => b.or(b.shl(half(b, high), b.i64(32)), half(b, low));
  return [
    {
      mnemonic: 'cmpxchg8b', enc: 'W0 0F C7 /1', ops: 'rw:m64', lock: true, feature: 'cx8', flags: { w: 'z' }, cite: 'SDM Vol. 2A CMPXCHG8B/CMPXCHG16B',
      sem: (b, dst) => {
        const expected = pair(b, RDX, RAX);
        const old = b.cmpxchg(dst, expected, pair(b, RCX, RBX)) as I64;
        const same = b.eq(old, expected);
        setZeroOnly(b, same);
        b.if(b.eqz(same), () => {
          b.setGprInt(RAX, 32, b.wrap(old));
          b.setGprInt(RDX, 32, b.wrap(b.shrU(old, b.i64(32))));
        });
      },
    },
    {
      mnemonic: 'cmpxchg16b', enc: 'REX.W 0F C7 /1', ops: 'rw:m128', lock: true, feature: 'cx16', flags: { w: 'z' }, cite: 'SDM Vol. 2A CMPXCHG8B/CMPXCHG16B',
      sem: (b, dst) => {
        const expected: [I64, I64] = [b.gpr(RAX), b.gpr(RDX)];
        const [low, high] = b.cmpxchg16(b.ea(dst), expected, [b.gpr(RBX), b.gpr(RCX)]);
        const same = b.and(b.eq(low, expected[0]), b.eq(high, expected[1]));
        setZeroOnly(b, same);
        b.if(b.eqz(same), () => {
          b.setGpr(RAX, low);
          b.setGpr(RDX, high);
        });
      },
    },
  ];
}

export const bitRowList: Row[] = [...bitTestRows(), ...scanRows(), ...exchangeRows(), ...pairRows()];
