import type { Builder } from '../../ir/builder.js';
import { carry, flagsAdd, flagsLogic, flagsSub, flagsSubBorrow, keepCarry } from '../../ir/flags.js';
import type { Int, IntSize } from '../../ir/types.js';
import { accumulator, immOperand, immToken, sizes, sizeToken } from '../expand.js';
import type { Operand } from '../operand.js';
import type { FlagUse, Row } from '../row.js';

/** add or adc sbb and sub xor cmp: opcode pattern 00–3D, 80 /n, 81 /n, 83 /n (SDM Vol. 2D table A-2). */

const ALL: IntSize[] = [8, 16, 32, 64];
const ARITH: FlagUse = { w: 'oszapc' };
const ARITH_CARRY: FlagUse = { r: 'c', w: 'oszapc' };
const LOGIC: FlagUse = { w: 'oszapc', undef: 'a' };

interface AluOp {
  readonly mnemonic: string;
  readonly number: number;
  readonly flags: FlagUse;
  /** Destination written (all but cmp). */
  readonly writes: boolean;
  readonly hot?: boolean;
  readonly sem: Row['sem'];
}

function carryIn(b: Builder, sizeBits: number): Int {
  return sizeBits === 64 ? b.zext64(carry(b)) : carry(b);
}

function logic(combine: (b: Builder, x: Int, y: Int) => Int): Row['sem'] {
  return (b, dst, src) => {
    const y = b.getInt(src);
    const { value } = b.rmw(dst, (x) => combine(b, x, y));
    flagsLogic(b, dst.sizeBits, value);
  };
}

function addWith(b: Builder, dst: Operand, src: Operand, withCarry: boolean): void {
  const y = b.getInt(src);
  const addend = withCarry ? carryIn(b, dst.sizeBits) : undefined;
  const { old, value } = b.rmw(dst, (x) => b.trunc(addend ? b.add(b.add(x, y), addend) : b.add(x, y), dst.sizeBits));
  flagsAdd(b, dst.sizeBits, old, y, value);
}

function subWith(b: Builder, dst: Operand, src: Operand, withCarry: boolean): void {
  const y = b.getInt(src);
  const borrow = withCarry ? carryIn(b, dst.sizeBits) : undefined;
  const { old, value } = b.rmw(dst, (x) => b.trunc(borrow ? b.sub(b.sub(x, y), borrow) : b.sub(x, y), dst.sizeBits));
  (withCarry ? flagsSubBorrow : flagsSub)(b, dst.sizeBits, old, y, value);
}

const OPS: AluOp[] = [
  { mnemonic: 'add', number: 0, flags: ARITH, writes: true, hot: true, sem: (b, dst, src) => addWith(b, dst, src, false) },
  { mnemonic: 'or', number: 1, flags: LOGIC, writes: true, hot: true, sem: logic((b, x, y) => b.or(x, y)) },
  { mnemonic: 'adc', number: 2, flags: ARITH_CARRY, writes: true, sem: (b, dst, src) => addWith(b, dst, src, true) },
  { mnemonic: 'sbb', number: 3, flags: ARITH_CARRY, writes: true, sem: (b, dst, src) => subWith(b, dst, src, true) },
  { mnemonic: 'and', number: 4, flags: LOGIC, writes: true, hot: true, sem: logic((b, x, y) => b.and(x, y)) },
  { mnemonic: 'sub', number: 5, flags: ARITH, writes: true, hot: true, sem: (b, dst, src) => subWith(b, dst, src, false) },
  { mnemonic: 'xor', number: 6, flags: LOGIC, writes: true, hot: true, sem: logic((b, x, y) => b.xor(x, y)) },
  {
    mnemonic: 'cmp', number: 7, flags: ARITH, writes: false, hot: true,
    sem: (b, dst, src) => {
      const x = b.getInt(dst);
      const y = b.getInt(src);
      flagsSub(b, dst.sizeBits, x, y, b.trunc(b.sub(x, y), dst.sizeBits));
    },
  },
];

function opcode(op: AluOp, low: number): string {
  return (op.number * 8 + low).toString(16).padStart(2, '0').toUpperCase();
}

function aluRows(op: AluOp): Row[] {
  const access = op.writes ? 'rw' : 'r';
  const base = { mnemonic: op.mnemonic, flags: op.flags, sem: op.sem, cite: `SDM Vol. 2 ${op.mnemonic.toUpperCase()}` };
  const lock = op.writes;
  return sizes((n) => {
    const wide = n === 8 ? 0 : 1;
    const size = sizeToken(n);
    const common = { ...base, hot: n !== 16 && (op.hot ?? n === 64) };
    const rows: Row[] = [
      { ...common, lock, enc: `${size}${opcode(op, wide)} /r`, ops: `${access}:rm${n} r:r${n}` },
      { ...common, enc: `${size}${opcode(op, 2 + wide)} /r`, ops: `${access}:r${n} r:rm${n}` },
      { ...common, enc: `${size}${opcode(op, 4 + wide)} ${immToken(n)}`, ops: `${access}:${accumulator(n)} r:${immOperand(n)}` },
      { ...common, lock, enc: `${size}8${wide} /${op.number} ${immToken(n)}`, ops: `${access}:rm${n} r:${immOperand(n)}` },
    ];
    if (n !== 8) rows.push({ ...common, lock, enc: `${size}83 /${op.number} ib`, ops: `${access}:rm${n} r:imm8s` });
    return rows;
  }, ALL);
}

function testRows(): Row[] {
  const base = {
    mnemonic: 'test', flags: LOGIC, cite: 'SDM Vol. 2B TEST',
    sem: (b: Builder, x: Operand, y: Operand) => flagsLogic(b, x.sizeBits, b.and(b.getInt(x), b.getInt(y))),
  };
  return sizes((n) => {
    const wide = n === 8 ? 0 : 1;
    const size = sizeToken(n);
    const common = { ...base, hot: n !== 16 };
    return [
      { ...common, enc: `${size}${wide ? '85' : '84'} /r`, ops: `r:rm${n} r:r${n}` },
      { ...common, enc: `${size}${wide ? 'A9' : 'A8'} ${immToken(n)}`, ops: `r:${accumulator(n)} r:${immOperand(n)}` },
      { ...common, enc: `${size}${wide ? 'F7' : 'F6'} /0 ${immToken(n)}`, ops: `r:rm${n} r:${immOperand(n)}` },
      { ...common, enc: `${size}${wide ? 'F7' : 'F6'} /1 ${immToken(n)}`, ops: `r:rm${n} r:${immOperand(n)}` },
    ];
  }, ALL);
}

function unaryRow(n: IntSize, mnemonic: string, opcodeHex: string, digit: number, hot: boolean, flags: FlagUse, sem: Row['sem']): Row {
  return { mnemonic, enc: `${sizeToken(n)}${opcodeHex} /${digit}`, ops: `rw:rm${n}`, lock: true, hot, flags, cite: `SDM Vol. 2 ${mnemonic.toUpperCase()}`, sem };
}

function unaryRows(): Row[] {
  return sizes((n) => {
    const [incDec, group3] = n === 8 ? ['FE', 'F6'] : ['FF', 'F7'];
    const one = (b: Builder): Int => b.int(n, 1);
    return [
      unaryRow(n, 'inc', incDec, 0, n >= 32, { w: 'oszap' }, (b, o) => {
        const { old, value } = b.rmw(o, (x) => b.trunc(b.add(x, one(b)), n));
        keepCarry(b, () => flagsAdd(b, n, old, one(b), value));
      }),
      unaryRow(n, 'dec', incDec, 1, n >= 32, { w: 'oszap' }, (b, o) => {
        const { old, value } = b.rmw(o, (x) => b.trunc(b.sub(x, one(b)), n));
        keepCarry(b, () => flagsSub(b, n, old, one(b), value));
      }),
      unaryRow(n, 'not', group3, 2, false, {}, (b, o) => void b.rmw(o, (x) => b.trunc(b.not(x), n))),
      unaryRow(n, 'neg', group3, 3, n >= 32, { w: 'oszapc' }, (b, o) => {
        const { old, value } = b.rmw(o, (x) => b.trunc(b.sub(b.int(n, 0), x), n));
        flagsSub(b, n, b.int(n, 0), old, value);
      }),
    ];
  }, ALL);
}

export const aluRowList: Row[] = [...OPS.flatMap(aluRows), ...testRows(), ...unaryRows()];
