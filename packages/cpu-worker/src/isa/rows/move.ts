import type { Builder } from '../../ir/builder.js';
import { condition, CONDITIONS } from '../../ir/flags.js';
import type { IntSize } from '../../ir/types.js';
import { accumulator, sizes, sizeToken } from '../expand.js';
import type { Operand } from '../operand.js';
import type { Row } from '../row.js';

/** mov movzx movsx movsxd cmovcc lea xchg bswap push pop, sign extensions of the accumulator. */

const ALL: IntSize[] = [8, 16, 32, 64];
const RSP = 4;

function copy(b: Builder, dst: Operand, src: Operand): void {
  b.set(dst, b.get(src));
}

function movRows(): Row[] {
  const base = { mnemonic: 'mov', cite: 'SDM Vol. 2B MOV', sem: copy };
  return sizes((n) => {
    const [store, load, imm] = n === 8 ? ['88', '8A', 'C6'] : ['89', '8B', 'C7'];
    const size = sizeToken(n);
    const row = { ...base, hot: true };
    const immediate = { 8: 'ib', 16: 'iw', 32: 'id', 64: 'id' }[n];
    return [
      { ...row, enc: `${size}${store} /r`, ops: `w:rm${n} r:r${n}` },
      { ...row, enc: `${size}${load} /r`, ops: `w:r${n} r:rm${n}` },
      { ...row, enc: `${size}${imm} /0 ${immediate}`, ops: `w:rm${n} r:${n === 64 ? 'imm32s' : `imm${n}`}` },
      { ...row, hot: n >= 32, enc: `${size}${n === 8 ? 'B0' : 'B8'}+r ${n === 64 ? 'io' : immediate}`, ops: `w:o${n} r:imm${n}` },
      { ...base, enc: `${size}${n === 8 ? 'A0' : 'A1'} mo`, ops: `w:${accumulator(n)} r:moffs${n}` },
      { ...base, enc: `${size}${n === 8 ? 'A2' : 'A3'} mo`, ops: `w:moffs${n} r:${accumulator(n)}` },
    ];
  }, ALL);
}

function extendRow(mnemonic: string, opcode: string, from: IntSize, to: IntSize): Row {
  const signed = mnemonic !== 'movzx';
  return {
    mnemonic, enc: `${sizeToken(to)}${opcode} /r`, ops: `w:r${to} r:rm${from}`, hot: to >= 32, cite: `SDM Vol. 2B ${mnemonic.toUpperCase()}`,
    sem: (b, dst, src) => {
      const value = b.getInt(src);
      if (!signed) b.set(dst, to === 64 ? b.zext64(value) : value);
      else b.set(dst, to === 64 ? b.sext64(value, from) : b.trunc(b.sext(b.wrap(value), from), to));
    },
  };
}

function extendRows(): Row[] {
  return [
    ...sizes((to) => [extendRow('movzx', '0F B6', 8, to), extendRow('movsx', '0F BE', 8, to), extendRow('movzx', '0F B7', 16, to), extendRow('movsx', '0F BF', 16, to)]),
    extendRow('movsxd', '63', 32, 64), extendRow('movsxd', '63', 32, 32), extendRow('movsxd', '63', 16, 16),
  ];
}

function cmovRows(): Row[] {
  return CONDITIONS.flatMap((name, cc) => sizes((n) => ({
    mnemonic: `cmov${name}`, enc: `${sizeToken(n)}0F ${(0x40 + cc).toString(16).toUpperCase()} /r`, ops: `rw:r${n} r:rm${n}`,
    flags: { r: CONDITION_FLAGS[cc >> 1]! }, feature: 'cmov', hot: n >= 32 && [2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15].includes(cc), cite: 'SDM Vol. 2A CMOVcc',
    sem: (b, dst, src) => {
      const value = b.getInt(src);
      b.setIf(condition(b, cc), dst, value);
    },
  })));
}

/** Flags read by the condition pairs o b e be s p l le. */
export const CONDITION_FLAGS = ['o', 'c', 'z', 'cz', 's', 'p', 'so', 'zso'];

function setccRows(): Row[] {
  return CONDITIONS.map((name, cc) => ({
    mnemonic: `set${name}`, enc: `0F ${(0x90 + cc).toString(16).toUpperCase()} /r`, ops: 'w:rm8', flags: { r: CONDITION_FLAGS[cc >> 1]! }, hot: ![0, 1, 10, 11].includes(cc), cite: 'SDM Vol. 2B SETcc',
    sem: (b, dst) => b.set(dst, condition(b, cc)),
  }));
}

function leaRows(): Row[] {
  return sizes((n) => ({
    mnemonic: 'lea', enc: `${sizeToken(n)}8D /r`, ops: `w:r${n} n:m`, hot: n >= 32, cite: 'SDM Vol. 2A LEA',
    sem: (b, dst, address) => b.set(dst, b.trunc(b.offset(address), n)),
  }));
}

function exchange(b: Builder, rm: Operand, reg: Operand): void {
  const value = b.getInt(reg);
  const { old } = b.rmw(rm, () => value);
  b.set(reg, old);
}

function xchgRows(): Row[] {
  const common = { mnemonic: 'xchg', cite: 'SDM Vol. 2D XCHG', sem: exchange };
  return sizes((n) => {
    const rows: Row[] = [{ ...common, enc: `${sizeToken(n)}${n === 8 ? '86' : '87'} /r`, ops: `rw:rm${n} rw:r${n}`, alwaysLocked: true }];
    if (n !== 8) rows.push({ ...common, enc: `${sizeToken(n)}90+r`, ops: `rw:o${n} rw:${accumulator(n)}` });
    return rows;
  }, ALL);
}

function push(b: Builder, bytes: number, bits: IntSize, value: Parameters<Builder['store']>[2]): void {
  const top = b.sub(b.gpr(RSP), b.i64(bytes));
  b.store(bits, top, value);
  b.setGpr(RSP, top);
}

function pushRows(): Row[] {
  const cite = 'SDM Vol. 2B PUSH';
  const wide = { mnemonic: 'push', cite, hot: true, sem: (b: Builder, o: Operand) => push(b, 8, 64, b.getInt(o)) };
  const narrow = { mnemonic: 'push', cite, sem: (b: Builder, o: Operand) => push(b, 2, 16, b.getInt(o)) };
  return [
    { ...wide, enc: 'o64 50+r', ops: 'r:o64' },
    { ...wide, enc: 'o64 FF /6', ops: 'r:rm64' },
    { ...wide, enc: 'o64 6A ib', ops: 'r:imm8s' , sem: (b, o) => push(b, 8, 64, b.getInt(o)) },
    { ...wide, enc: 'o64 68 id', ops: 'r:imm32s' },
    { ...narrow, enc: 'o16 50+r', ops: 'r:o16' },
    { ...narrow, enc: 'o16 FF /6', ops: 'r:rm16' },
    { ...narrow, enc: 'o16 68 iw', ops: 'r:imm16' },
    { mnemonic: 'push', cite, enc: 'o16 6A ib', ops: 'r:imm8', sem: (b, o) => push(b, 2, 16, b.trunc(b.sext(b.getInt(o), 8), 16)) },
  ];
}

function pop(bits: 16 | 64): Row['sem'] {
  return (b, o) => {
    const top = b.gpr(RSP);
    const value = b.load(bits, top);
    const after = b.add(top, b.i64(bits / 8));
    if (o.kind === 'mem') {
      b.set(o, value);
      return b.setGpr(RSP, after);
    }
    b.setGpr(RSP, after);
    b.set(o, value);
  };
}

function popRows(): Row[] {
  const common = { mnemonic: 'pop', cite: 'SDM Vol. 2B POP' };
  return [
    { ...common, hot: true, enc: 'o64 58+r', ops: 'w:o64', sem: pop(64) },
    { ...common, enc: 'o64 8F /0', ops: 'w:rm64', sem: pop(64) },
    { ...common, enc: 'o16 58+r', ops: 'w:o16', sem: pop(16) },
    { ...common, enc: 'o16 8F /0', ops: 'w:rm16', sem: pop(16) },
  ];
}

const RAX = 0;
const RDX = 2;

function accumulatorRows(): Row[] {
  const widen = (mnemonic: string, to: IntSize): Row => ({
    mnemonic, enc: `${sizeToken(to)}98`, ops: '', hot: to >= 32, cite: 'SDM Vol. 2A CBW/CWDE/CDQE',
    sem: (b) => b.setGprInt(RAX, to, to === 64 ? b.sext64(b.gprInt(RAX, 32), 32) : b.trunc(b.sext(b.gprInt(RAX, to / 2), to / 2), to)),
  });
  const spread = (mnemonic: string, n: IntSize): Row => ({
    mnemonic, enc: `${sizeToken(n)}99`, ops: '', hot: n >= 32, cite: 'SDM Vol. 2A CWD/CDQ/CQO',
    sem: (b) => {
      const value = b.gprInt(RAX, n);
      const sign = n === 64 ? b.shrS(value, b.i64(63)) : b.trunc(b.shrS(b.sext(value, n), b.i32(31)), n);
      b.setGprInt(RDX, n, sign);
    },
  });
  return [widen('cbw', 16), widen('cwde', 32), widen('cdqe', 64), spread('cwd', 16), spread('cdq', 32), spread('cqo', 64)];
}

function bswapRows(): Row[] {
  return sizes((n) => ({
    mnemonic: 'bswap', enc: `${sizeToken(n)}0F C8+r`, ops: `rw:o${n}`, cite: 'SDM Vol. 2A BSWAP',
    sem: (b, o) => {
      // Bytes of the wide value reversed: swap bytes within 16 bits, then 16 bits within 32, then halves.
      const value = b.getInt(o);
      if (n === 16) return b.set(o, b.int(16, 0));
      const mask = (m: bigint) => (n === 64 ? b.i64(m) : b.i32(Number(m & 0xffffffffn)));
      const swap = (v: typeof value, shift: number, m: bigint) => b.or(b.and(b.shrU(v, b.int(n, shift)), mask(m)), b.shl(b.and(v, mask(m)), b.int(n, shift)));
      const pairs = swap(swap(value, 8, 0x00ff00ff00ff00ffn), 16, 0x0000ffff0000ffffn);
      b.set(o, n === 64 ? b.op('i64.rotl', pairs, b.i64(32)) : pairs);
    },
  }), [16, 32, 64]);
}

export const moveRowList: Row[] = [
  ...movRows(), ...extendRows(), ...cmovRows(), ...setccRows(), ...leaRows(), ...xchgRows(), ...pushRows(), ...popRows(), ...accumulatorRows(), ...bswapRows(),
  {
    mnemonic: 'xlatb', enc: 'D7', ops: '', cite: 'SDM Vol. 2D XLAT',
    sem: (b) => b.setGprInt(RAX, 8, b.load(8, b.add(b.add(b.gpr(3), b.zext64(b.gprInt(RAX, 8))), b.segmentBase()))),
  },
];
