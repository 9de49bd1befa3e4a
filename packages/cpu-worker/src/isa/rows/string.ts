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

/** Address size: 32 with the 67 prefix, then esi, edi and ecx count. */
type AddressSize = 32 | 64;

function pointer(b: Builder, a: AddressSize, reg: number): I64 {
  return b.zext64(b.gprInt(reg, a));
}

function advance(b: Builder, a: AddressSize, reg: number, by: I64): void {
  b.setGprInt(reg, a, b.add(b.gprInt(reg, a), b.trunc(by, a)));
}

function source(b: Builder, a: AddressSize): I64 {
  return b.add(pointer(b, a, RSI), b.segmentBase());
}

function destination(b: Builder, a: AddressSize): I64 {
  return pointer(b, a, RDI);
}

/** rcx −= elements; returns what is left. */
function countDown(b: Builder, a: AddressSize, elements: I64): I64 {
  const left = b.sub(pointer(b, a, RCX), elements);
  b.setGprInt(RCX, a, b.trunc(left, a));
  return left;
}

/** Bytes from va to the end of its page. */
function pageRest(b: Builder, va: I64): I32 {
  return b.sub(b.i32(PAGE), b.and(b.wrap(va), b.i32(PAGE - 1)));
}

function minimum(b: Builder, x: I32, y: I32): I32 {
  return b.select(b.ltU(x, y), x, y);
}

/** Bytes still to do, at most a page, and a whole number of elements within `room`. */
function chunkBytes(b: Builder, a: AddressSize, n: IntSize, room: I32): I32 {
  const elements = PAGE / (n / 8);
  const left = pointer(b, a, RCX);
  const count = b.select(b.ltU(left, b.i64(elements)), b.wrap(left), b.i32(elements));
  return b.and(minimum(b, b.mul(count, b.i32(n / 8)), room), b.i32(-(n / 8)));
}

/** rcx −= elements; runs again unless that was the last. */
function finishChunk(b: Builder, a: AddressSize, n: IntSize, bytes: I32): void {
  const shift = { 8: 0, 16: 1, 32: 2, 64: 3 }[n];
  const left = countDown(b, a, b.zext64(b.shrU(bytes, b.i32(shift))));
  b.if(b.eqz(b.eqz(left)), () => b.again());
}

/** One element, then run again while rcx is not 0. */
function repeatSingle(b: Builder, a: AddressSize, single: () => void): void {
  single();
  const left = countDown(b, a, b.i64(1));
  b.if(b.eqz(b.eqz(left)), () => b.again());
}

function isForward(b: Builder): I32 {
  return b.eqz(b.and(b.field('flagsRest'), b.i32(DF)));
}

function moveOne(b: Builder, a: AddressSize, n: IntSize): void {
  b.store(n, destination(b, a), b.load(n, source(b, a)));
  const by = step(b, n / 8);
  advance(b, a, RSI, by);
  advance(b, a, RDI, by);
}

function repeatMove(b: Builder, a: AddressSize, n: IntSize): void {
  const bytes = b.variable('i32', b.i32(0));
  const [from, to] = [source(b, a), destination(b, a)];
  b.if(isForward(b), () => {
    const room = minimum(b, pageRest(b, from), pageRest(b, to));
    b.setVar(bytes, chunkBytes(b, a, n, room));
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
      advance(b, a, RSI, by);
      advance(b, a, RDI, by);
      finishChunk(b, a, n, b.getVar(bytes));
    }, () => repeatSingle(b, a, () => moveOne(b, a, n)));
  }, () => repeatSingle(b, a, () => moveOne(b, a, n)));
}

function storeOne(b: Builder, a: AddressSize, n: IntSize): void {
  b.store(n, destination(b, a), b.gprInt(0, n));
  advance(b, a, RDI, step(b, n / 8));
}

/** The low byte of the accumulator fills all of it. */
function isUniform(b: Builder, n: IntSize, value: Int): I32 {
  if (n === 8) return b.i32(1);
  const byte = b.and(b.wrap(value), b.i32(0xff));
  const filled = n === 64 ? b.mul(b.zext64(byte), b.i64(0x0101010101010101n)) : b.mul(byte, b.i32(n === 16 ? 0x101 : 0x01010101));
  return b.eq(value, filled as Int);
}

function repeatStore(b: Builder, a: AddressSize, n: IntSize): void {
  const bytes = b.variable('i32', b.i32(0));
  const to = destination(b, a);
  b.if(isForward(b), () => b.setVar(bytes, chunkBytes(b, a, n, pageRest(b, to))));
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
    advance(b, a, RDI, b.zext64(b.getVar(bytes)));
    finishChunk(b, a, n, b.getVar(bytes));
  }, () => repeatSingle(b, a, () => storeOne(b, a, n)));
}

function loadOne(b: Builder, a: AddressSize, n: IntSize): void {
  b.setGprInt(0, n, b.load(n, source(b, a)));
  advance(b, a, RSI, step(b, n / 8));
}

/** cmps: [rsi] − [rdi]; scas: accumulator − [rdi]. Returns whether the elements are equal. [rdi] is read first. */
function compareOne(b: Builder, a: AddressSize, n: IntSize, scan: boolean): I32 {
  // The destination is read first: it faults first.
  const y = b.load(n, destination(b, a));
  const x = scan ? b.gprInt(0, n) : b.load(n, source(b, a));
  const by = step(b, n / 8);
  if (!scan) advance(b, a, RSI, by);
  advance(b, a, RDI, by);
  flagsSub(b, n, x, y, b.trunc(b.sub(x, y), n));
  return b.eq(x, y);
}

/** Compares within one page until the elements' equality is not `whileEqual` any more. */
function repeatCompare(b: Builder, a: AddressSize, n: IntSize, scan: boolean, whileEqual: boolean): void {
  const bytes = b.variable('i32', b.i32(0));
  const to = destination(b, a);
  b.if(isForward(b), () => {
    const room = scan ? pageRest(b, to) : minimum(b, pageRest(b, source(b, a)), pageRest(b, to));
    b.setVar(bytes, chunkBytes(b, a, n, room));
  });
  const continues = (same: I32): I32 => (whileEqual ? same : b.eqz(same));
  b.if(b.getVar(bytes), () => {
    // With a repeat prefix the source is read first.
    const from = scan ? undefined : b.hostRead(source(b, a), 1);
    const hostTo = b.hostRead(to, 1);
    const hostFrom = from ?? hostTo;
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
    if (!scan) advance(b, a, RSI, by);
    advance(b, a, RDI, by);
    b.if(continues(b.eq(lastX, lastY)), () => finishChunk(b, a, n, b.getVar(at)), () => {
      const shift = { 8: 0, 16: 1, 32: 2, 64: 3 }[n];
      countDown(b, a, b.zext64(b.shrU(b.getVar(at), b.i32(shift))));
    });
  }, () => {
    const same = compareOne(b, a, n, scan);
    const left = countDown(b, a, b.i64(1));
    b.if(b.and(continues(same), b.ne(left, b.i64(0))), () => b.again());
  });
}

/** Nothing happens when rcx is 0. */
function repeated(a: AddressSize, body: (b: Builder) => void): Row['sem'] {
  return (b) => b.if(b.eqz(b.eqz(pointer(b, a, RCX))), () => body(b));
}

const LETTER: Record<IntSize, string> = { 8: 'b', 16: 'w', 32: 'd', 64: 'q' };

interface StringOp {
  readonly name: string;
  readonly opcode: number;
  readonly single: (b: Builder, a: AddressSize, n: IntSize) => void;
  readonly repeat: (b: Builder, a: AddressSize, n: IntSize, whileEqual: boolean) => void;
  readonly compares: boolean;
}

const OPS: StringOp[] = [
  { name: 'movs', opcode: 0xa4, single: moveOne, repeat: repeatMove, compares: false },
  { name: 'stos', opcode: 0xaa, single: storeOne, repeat: repeatStore, compares: false },
  { name: 'lods', opcode: 0xac, single: loadOne, repeat: (b, a, n) => repeatSingle(b, a, () => loadOne(b, a, n)), compares: false },
  { name: 'cmps', opcode: 0xa6, single: (b, a, n) => void compareOne(b, a, n, false), repeat: (b, a, n, whileEqual) => repeatCompare(b, a, n, false, whileEqual), compares: true },
  { name: 'scas', opcode: 0xae, single: (b, a, n) => void compareOne(b, a, n, true), repeat: (b, a, n, whileEqual) => repeatCompare(b, a, n, true, whileEqual), compares: true },
];

function stringRows(op: StringOp, a: AddressSize): Row[] {
  return sizes((n) => {
    const opcode = (op.opcode + (n === 8 ? 0 : 1)).toString(16).toUpperCase();
    const flags = { r: 'd', ...(op.compares ? { w: 'oszapc' } : {}) };
    const common = { mnemonic: `${op.name}${LETTER[n]}`, ops: '', flags, cite: `SDM Vol. 2 ${op.name.toUpperCase()}, accumulator ${accumulator(n)}` };
    const size = `a${a} ${sizeToken(n)}`;
    return [
      { ...common, enc: `NOREP ${size}${opcode}`, sem: (b) => op.single(b, a, n) },
      { ...common, enc: `REPE ${size}${opcode}`, sem: repeated(a, (b) => op.repeat(b, a, n, true)) },
      { ...common, enc: `REPNE ${size}${opcode}`, sem: repeated(a, (b) => op.repeat(b, a, n, !op.compares)) },
    ];
  }, [8, 16, 32, 64]);
}

export const stringRowList: Row[] = OPS.flatMap((op) => [...stringRows(op, 64), ...stringRows(op, 32)]);
