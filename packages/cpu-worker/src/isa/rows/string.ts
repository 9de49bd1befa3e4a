import type { Builder } from '../../ir/builder.js';
import { flagsSub } from '../../ir/flags.js';
import type { I32, I64, Int, IntSize, Var } from '../../ir/types.js';
import { accumulator, sizes, sizeToken } from '../expand.js';
import type { Row } from '../row.js';

/**
 * movs stos lods cmps scas with their repeat prefixes (SDM Vol. 1 7.3.9). A repeated instruction
 * handles at most one page of source and destination each time it runs, writes rcx, rsi and rdi
 * back, and runs again: so it is interruptible and restartable as on hardware.
 */

const RCX = 1;
const RSI = 6;
const RDI = 7;
const DF = 0x400;
const PAGE = 0x1000;

/** +bytes or −bytes by the direction flag. */
function step(b: Builder, bytes: number): I64 {
  const down = b.and(b.field('flagsRest'), b.i32(DF));
  return b.select(down, b.i64(-bytes), b.i64(bytes));
}

function advance(b: Builder, reg: number, by: I64): void {
  b.setGpr(reg, b.add(b.gpr(reg), by));
}

function source(b: Builder): I64 {
  return b.add(b.gpr(RSI), b.segmentBase());
}

/** Bytes from va to the end of its page. */
function pageRest(b: Builder, va: I64): I32 {
  return b.sub(b.i32(PAGE), b.and(b.wrap(va), b.i32(PAGE - 1)));
}

function minimum(b: Builder, x: I32, y: I32): I32 {
  return b.select(b.ltU(x, y), x, y);
}

/** Bytes still to do, at most a page, and a whole number of elements within `room`. */
function chunkBytes(b: Builder, n: IntSize, room: I32): I32 {
  const elements = PAGE / (n / 8);
  const count = b.select(b.ltU(b.gpr(RCX), b.i64(elements)), b.wrap(b.gpr(RCX)), b.i32(elements));
  return b.and(minimum(b, b.mul(count, b.i32(n / 8)), room), b.i32(-(n / 8)));
}

/** rcx −= elements; runs again unless that was the last. */
function finishChunk(b: Builder, n: IntSize, bytes: I32): void {
  const shift = { 8: 0, 16: 1, 32: 2, 64: 3 }[n];
  const left = b.sub(b.gpr(RCX), b.zext64(b.shrU(bytes, b.i32(shift))));
  b.setGpr(RCX, left);
  b.if(b.eqz(b.eqz(left)), () => b.again());
}

/** One element, then run again while rcx is not 0. */
function repeatSingle(b: Builder, single: () => void): void {
  single();
  const left = b.sub(b.gpr(RCX), b.i64(1));
  b.setGpr(RCX, left);
  b.if(b.eqz(b.eqz(left)), () => b.again());
}

function isForward(b: Builder): I32 {
  return b.eqz(b.and(b.field('flagsRest'), b.i32(DF)));
}

function moveOne(b: Builder, n: IntSize): void {
  b.store(n, b.gpr(RDI), b.load(n, source(b)));
  const by = step(b, n / 8);
  advance(b, RSI, by);
  advance(b, RDI, by);
}

function repeatMove(b: Builder, n: IntSize): void {
  const bytes = b.variable('i32', b.i32(0));
  const [from, to] = [source(b), b.gpr(RDI)];
  b.if(isForward(b), () => {
    const room = minimum(b, pageRest(b, from), pageRest(b, to));
    b.setVar(bytes, chunkBytes(b, n, room));
  });
  b.if(b.getVar(bytes), () => {
    const hostFrom = b.hostRead(from, 1);
    const hostTo = b.hostWrite(to, 1);
    // A destination that overlaps ahead of the source repeats a pattern: copy no more than the distance at a time.
    const distance = b.sub(hostTo, hostFrom);
    b.if(b.and(b.ltU(distance, b.getVar(bytes)), b.ne(distance, b.i32(0))), () => b.setVar(bytes, b.and(distance, b.i32(-(n / 8)))));
    b.if(b.getVar(bytes), () => {
      b.rawCopy(hostTo, hostFrom, b.getVar(bytes));
      const by = b.zext64(b.getVar(bytes));
      advance(b, RSI, by);
      advance(b, RDI, by);
      finishChunk(b, n, b.getVar(bytes));
    }, () => repeatSingle(b, () => moveOne(b, n)));
  }, () => repeatSingle(b, () => moveOne(b, n)));
}

function storeOne(b: Builder, n: IntSize): void {
  b.store(n, b.gpr(RDI), b.gprInt(0, n));
  advance(b, RDI, step(b, n / 8));
}

/** The low byte of the accumulator fills all of it. */
function isUniform(b: Builder, n: IntSize, value: Int): I32 {
  if (n === 8) return b.i32(1);
  const byte = b.and(b.wrap(value), b.i32(0xff));
  const filled = n === 64 ? b.mul(b.zext64(byte), b.i64(0x0101010101010101n)) : b.mul(byte, b.i32(n === 16 ? 0x101 : 0x01010101));
  return b.eq(value, filled as Int);
}

function repeatStore(b: Builder, n: IntSize): void {
  const bytes = b.variable('i32', b.i32(0));
  const to = b.gpr(RDI);
  b.if(isForward(b), () => b.setVar(bytes, chunkBytes(b, n, pageRest(b, to))));
  b.if(b.getVar(bytes), () => {
    const host = b.hostWrite(to, 1);
    const value = b.gprInt(0, n);
    b.if(isUniform(b, n, value), () => b.rawFill(host, b.and(b.wrap(value), b.i32(0xff)), b.getVar(bytes)), () => {
      const at = b.variable('i32', b.i32(0));
      b.loop(() => {
        b.rawStore(n, b.add(host, b.getVar(at)), value);
        b.setVar(at, b.add(b.getVar(at), b.i32(n / 8)));
        return b.ltU(b.getVar(at), b.getVar(bytes));
      });
    });
    advance(b, RDI, b.zext64(b.getVar(bytes)));
    finishChunk(b, n, b.getVar(bytes));
  }, () => repeatSingle(b, () => storeOne(b, n)));
}

function loadOne(b: Builder, n: IntSize): void {
  b.setGprInt(0, n, b.load(n, source(b)));
  advance(b, RSI, step(b, n / 8));
}

/** cmps: [rsi] − [rdi]; scas: accumulator − [rdi]. Returns whether the elements are equal. */
function compareOne(b: Builder, n: IntSize, scan: boolean): I32 {
  const x = scan ? b.gprInt(0, n) : b.load(n, source(b));
  const y = b.load(n, b.gpr(RDI));
  const by = step(b, n / 8);
  if (!scan) advance(b, RSI, by);
  advance(b, RDI, by);
  flagsSub(b, n, x, y, b.trunc(b.sub(x, y), n));
  return b.eq(x, y);
}

/** Compares within one page until the elements' equality is not `whileEqual` any more. */
function repeatCompare(b: Builder, n: IntSize, scan: boolean, whileEqual: boolean): void {
  const bytes = b.variable('i32', b.i32(0));
  const to = b.gpr(RDI);
  b.if(isForward(b), () => {
    const room = scan ? pageRest(b, to) : minimum(b, pageRest(b, source(b)), pageRest(b, to));
    b.setVar(bytes, chunkBytes(b, n, room));
  });
  const continues = (same: I32): I32 => (whileEqual ? same : b.eqz(same));
  b.if(b.getVar(bytes), () => {
    const hostTo = b.hostRead(to, 1);
    const hostFrom = scan ? hostTo : b.hostRead(source(b), 1);
    const at = b.variable('i32', b.i32(0));
    const x = b.variable(n === 64 ? 'i64' : 'i32', b.int(n, 0) as never) as Var<'i32' | 'i64'>;
    const y = b.variable(n === 64 ? 'i64' : 'i32', b.int(n, 0) as never) as Var<'i32' | 'i64'>;
    const accumulatorValue = b.gprInt(0, n);
    b.loop(() => {
      b.setVar(x, scan ? accumulatorValue : b.rawLoad(n, b.add(hostFrom, b.getVar(at))));
      b.setVar(y, b.rawLoad(n, b.add(hostTo, b.getVar(at))));
      b.setVar(at, b.add(b.getVar(at), b.i32(n / 8)));
      const more = b.ltU(b.getVar(at), b.getVar(bytes));
      return b.and(more, continues(b.eq(b.getVar(x), b.getVar(y))));
    });
    const [lastX, lastY] = [b.getVar(x), b.getVar(y)];
    flagsSub(b, n, lastX, lastY, b.trunc(b.sub(lastX, lastY), n));
    const by = b.zext64(b.getVar(at));
    if (!scan) advance(b, RSI, by);
    advance(b, RDI, by);
    b.if(continues(b.eq(lastX, lastY)), () => finishChunk(b, n, b.getVar(at)), () => {
      const shift = { 8: 0, 16: 1, 32: 2, 64: 3 }[n];
      b.setGpr(RCX, b.sub(b.gpr(RCX), b.zext64(b.shrU(b.getVar(at), b.i32(shift)))));
    });
  }, () => {
    const same = compareOne(b, n, scan);
    const left = b.sub(b.gpr(RCX), b.i64(1));
    b.setGpr(RCX, left);
    b.if(b.and(continues(same), b.ne(left, b.i64(0))), () => b.again());
  });
}

/** Nothing happens when rcx is 0. */
function repeated(body: (b: Builder) => void): Row['sem'] {
  return (b) => b.if(b.eqz(b.eqz(b.gpr(RCX))), () => body(b));
}

const LETTER: Record<IntSize, string> = { 8: 'b', 16: 'w', 32: 'd', 64: 'q' };

interface StringOp {
  readonly name: string;
  readonly opcode: number;
  readonly single: (b: Builder, n: IntSize) => void;
  readonly repeat: (b: Builder, n: IntSize, whileEqual: boolean) => void;
  readonly compares: boolean;
}

const OPS: StringOp[] = [
  { name: 'movs', opcode: 0xa4, single: moveOne, repeat: repeatMove, compares: false },
  { name: 'stos', opcode: 0xaa, single: storeOne, repeat: repeatStore, compares: false },
  { name: 'lods', opcode: 0xac, single: loadOne, repeat: (b, n) => repeatSingle(b, () => loadOne(b, n)), compares: false },
  { name: 'cmps', opcode: 0xa6, single: (b, n) => void compareOne(b, n, false), repeat: (b, n, whileEqual) => repeatCompare(b, n, false, whileEqual), compares: true },
  { name: 'scas', opcode: 0xae, single: (b, n) => void compareOne(b, n, true), repeat: (b, n, whileEqual) => repeatCompare(b, n, true, whileEqual), compares: true },
];

function stringRows(op: StringOp): Row[] {
  return sizes((n) => {
    const opcode = (op.opcode + (n === 8 ? 0 : 1)).toString(16).toUpperCase();
    const flags = { r: 'd', ...(op.compares ? { w: 'oszapc' } : {}) };
    const common = { mnemonic: `${op.name}${LETTER[n]}`, ops: '', flags, cite: `SDM Vol. 2 ${op.name.toUpperCase()}, accumulator ${accumulator(n)}` };
    const size = sizeToken(n);
    return [
      { ...common, enc: `NOREP ${size}${opcode}`, sem: (b) => op.single(b, n) },
      { ...common, enc: `REPE ${size}${opcode}`, sem: repeated((b) => op.repeat(b, n, true)) },
      { ...common, enc: `REPNE ${size}${opcode}`, sem: repeated((b) => op.repeat(b, n, !op.compares)) },
    ];
  }, [8, 16, 32, 64]);
}

export const stringRowList: Row[] = OPS.flatMap(stringRows);
