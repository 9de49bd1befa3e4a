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
const LOG2_BYTES: Record<IntSize, number> = { 8: 0, 16: 1, 32: 2, 64: 3 };

type AddressSize = 32 | 64;

/** A string instruction of one operand and address size. */
class StringOperation {
  readonly bytes: number;

  constructor(
    readonly b: Builder,
    readonly n: IntSize,
    readonly addressSize: AddressSize,
  ) {
    this.bytes = n / 8;
  }

  register(reg: number): I64 {
    return this.b.zext64(this.b.gprInt(reg, this.addressSize));
  }

  setRegister(reg: number, value: I64): void {
    this.b.setGprInt(reg, this.addressSize, this.b.trunc(value, this.addressSize));
  }

  advance(reg: number, by: I64): void {
    this.setRegister(reg, this.b.add(this.register(reg), by));
  }

  source(): I64 {
    return this.b.add(this.register(RSI), this.b.segmentBase());
  }

  destination(): I64 {
    return this.register(RDI);
  }

  /** +bytes or −bytes by the direction flag. */
  step(): I64 {
    const { b } = this;
    return b.select(b.and(b.field('flagsRest'), b.i32(DF)), b.i64(-this.bytes), b.i64(this.bytes));
  }

  isForward(): I32 {
    const { b } = this;
    return b.eqz(b.and(b.field('flagsRest'), b.i32(DF)));
  }

  /** Bytes from va to the end of its page. */
  pageRest(va: I64): I32 {
    const { b } = this;
    return b.sub(b.i32(PAGE), b.and(b.wrap(va), b.i32(PAGE - 1)));
  }

  minimum(x: I32, y: I32): I32 {
    return this.b.select(this.b.ltU(x, y), x, y);
  }

  /** Bytes still to do, at most a page, and a whole number of elements within `room`. */
  chunkBytes(room: I32): I32 {
    const { b } = this;
    const elements = PAGE / this.bytes;
    const left = this.register(RCX);
    const count = b.select(b.ltU(left, b.i64(elements)), b.wrap(left), b.i32(elements));
    return b.and(this.minimum(b.mul(count, b.i32(this.bytes)), room), b.i32(-this.bytes));
  }

  /** Counts rcx down. */
  countDown(elements: I64): I64 {
    const left = this.b.sub(this.register(RCX), elements);
    this.setRegister(RCX, left);
    return left;
  }

  elementsIn(bytes: I32): I64 {
    return this.b.zext64(this.b.shrU(bytes, this.b.i32(LOG2_BYTES[this.n])));
  }

  /** rcx −= elements of the chunk; runs again unless that was the last. */
  finishChunk(bytes: I32): void {
    const left = this.countDown(this.elementsIn(bytes));
    this.b.if(this.b.ne(left, this.b.i64(0)), () => this.b.again());
  }

  /** One element, then run again while rcx is not 0. */
  repeatSingle(single: () => void): void {
    single();
    const left = this.countDown(this.b.i64(1));
    this.b.if(this.b.ne(left, this.b.i64(0)), () => this.b.again());
  }
}

function moveOne(s: StringOperation): void {
  const { b, n } = s;
  b.store(n, s.destination(), b.load(n, s.source()));
  const by = s.step();
  s.advance(RSI, by);
  s.advance(RDI, by);
}

function repeatMove(s: StringOperation): void {
  const { b } = s;
  const bytes = b.variable('i32', b.i32(0));
  const [from, to] = [s.source(), s.destination()];
  b.if(s.isForward(), () => b.setVar(bytes, s.chunkBytes(s.minimum(s.pageRest(from), s.pageRest(to)))));
  b.if(b.getVar(bytes), () => {
    const hostFrom = b.hostRead(from, 1);
    const hostTo = b.hostWrite(to, 1);
    // A destination that overlaps ahead of the source repeats a pattern: copy no more than the distance at a time.
    const distance = b.sub(hostTo, hostFrom);
    b.if(b.and(b.ltU(distance, b.getVar(bytes)), b.ne(distance, b.i32(0))), () => b.setVar(bytes, b.and(distance, b.i32(-s.bytes))));
    b.if(b.getVar(bytes), () => {
      b.rawCopy(hostTo, hostFrom, b.getVar(bytes));
      const by = b.zext64(b.getVar(bytes));
      s.advance(RSI, by);
      s.advance(RDI, by);
      s.finishChunk(b.getVar(bytes));
    }, () => s.repeatSingle(() => moveOne(s)));
  }, () => s.repeatSingle(() => moveOne(s)));
}

function storeOne(s: StringOperation): void {
  s.b.store(s.n, s.destination(), s.b.gprInt(0, s.n));
  s.advance(RDI, s.step());
}

/** The low byte of the accumulator fills all of it. */
function isUniform(b: Builder, n: IntSize, value: Int): I32 {
  if (n === 8) return b.i32(1);
  const byte = b.and(b.wrap(value), b.i32(0xff));
  const filled = n === 64 ? b.mul(b.zext64(byte), b.i64(0x0101010101010101n)) : b.mul(byte, b.i32(n === 16 ? 0x101 : 0x01010101));
  return b.eq(value, filled as Int);
}

function repeatStore(s: StringOperation): void {
  const { b, n } = s;
  const bytes = b.variable('i32', b.i32(0));
  const to = s.destination();
  b.if(s.isForward(), () => b.setVar(bytes, s.chunkBytes(s.pageRest(to))));
  b.if(b.getVar(bytes), () => {
    const host = b.hostWrite(to, 1);
    const value = b.gprInt(0, n);
    b.if(isUniform(b, n, value), () => b.rawFill(host, b.and(b.wrap(value), b.i32(0xff)), b.getVar(bytes)), () => {
      const at = b.variable('i32', b.i32(0));
      b.loop(() => {
        b.rawStore(n, b.add(host, b.getVar(at)), value);
        b.setVar(at, b.add(b.getVar(at), b.i32(s.bytes)));
        return b.ltU(b.getVar(at), b.getVar(bytes));
      });
    });
    s.advance(RDI, b.zext64(b.getVar(bytes)));
    s.finishChunk(b.getVar(bytes));
  }, () => s.repeatSingle(() => storeOne(s)));
}

function loadOne(s: StringOperation): void {
  s.b.setGprInt(0, s.n, s.b.load(s.n, s.source()));
  s.advance(RSI, s.step());
}

/** Operands of one comparison and whether the elements are equal. */
interface Compared {
  readonly x: Int;
  readonly y: Int;
  readonly same: I32;
}

/** cmps: [rsi] − [rdi], the destination is read first; scas: accumulator − [rdi]. The flags are the caller's to set. */
function compareElement(s: StringOperation, scan: boolean): Compared {
  const { b, n } = s;
  const y = b.load(n, s.destination());
  const x = scan ? b.gprInt(0, n) : b.load(n, s.source());
  const by = s.step();
  if (!scan) s.advance(RSI, by);
  s.advance(RDI, by);
  return { x, y, same: b.eq(x, y) };
}

function compareFlags(s: StringOperation, x: Int, y: Int): void {
  flagsSub(s.b, s.n, x, y, s.b.trunc(s.b.sub(x, y), s.n));
}

function compareOne(s: StringOperation, scan: boolean): void {
  const { x, y } = compareElement(s, scan);
  compareFlags(s, x, y);
}

/**
 * Compares within one page until the elements' equality is not `whileEqual` any more. Only the last
 * comparison sets the flags: at a fault before it they are as before the instruction (SDM Vol. 2B REP).
 */
function repeatCompare(s: StringOperation, scan: boolean, whileEqual: boolean): void {
  const { b } = s;
  const bytes = b.variable('i32', b.i32(0));
  const to = s.destination();
  b.if(s.isForward(), () => {
    const room = scan ? s.pageRest(to) : s.minimum(s.pageRest(s.source()), s.pageRest(to));
    b.setVar(bytes, s.chunkBytes(room));
  });
  const continues = (same: I32): I32 => (whileEqual ? same : b.eqz(same));
  b.if(b.getVar(bytes), () => comparePage(s, scan, to, b.getVar(bytes), continues), () => {
    const { x, y, same } = compareElement(s, scan);
    finishCompare(s, b.i64(1), x, y, continues(same));
  });
}

/** rcx −= elements; runs again while `goes` and elements are left, else sets the flags. */
function finishCompare(s: StringOperation, elements: I64, x: Int, y: Int, goes: I32): void {
  const { b } = s;
  const left = s.countDown(elements);
  b.if(b.and(goes, b.ne(left, b.i64(0))), () => b.again());
  compareFlags(s, x, y);
}

function comparePage(s: StringOperation, scan: boolean, to: I64, bytes: I32, continues: (same: I32) => I32): void {
  const { b, n } = s;
  const hostTo = b.hostRead(to, 1);
  const hostFrom = scan ? hostTo : b.hostRead(s.source(), 1);
  const at = b.variable('i32', b.i32(0));
  const ty = n === 64 ? 'i64' : 'i32';
  const x = b.variable(ty, b.int(n, 0) as never) as Var<'i32' | 'i64'>;
  const y = b.variable(ty, b.int(n, 0) as never) as Var<'i32' | 'i64'>;
  const accumulatorValue = b.gprInt(0, n);
  b.loop(() => {
    b.setVar(x, scan ? accumulatorValue : b.rawLoad(n, b.add(hostFrom, b.getVar(at))));
    b.setVar(y, b.rawLoad(n, b.add(hostTo, b.getVar(at))));
    b.setVar(at, b.add(b.getVar(at), b.i32(s.bytes)));
    return b.and(b.ltU(b.getVar(at), bytes), continues(b.eq(b.getVar(x), b.getVar(y))));
  });
  const [lastX, lastY] = [b.getVar(x), b.getVar(y)];
  const by = b.zext64(b.getVar(at));
  if (!scan) s.advance(RSI, by);
  s.advance(RDI, by);
  finishCompare(s, s.elementsIn(b.getVar(at)), lastX, lastY, continues(b.eq(lastX, lastY)));
}

const LETTER: Record<IntSize, string> = { 8: 'b', 16: 'w', 32: 'd', 64: 'q' };

interface StringOp {
  readonly name: string;
  readonly opcode: number;
  readonly single: (s: StringOperation) => void;
  readonly repeat: (s: StringOperation, whileEqual: boolean) => void;
  readonly compares: boolean;
}

const OPS: StringOp[] = [
  { name: 'movs', opcode: 0xa4, single: moveOne, repeat: repeatMove, compares: false },
  { name: 'stos', opcode: 0xaa, single: storeOne, repeat: repeatStore, compares: false },
  { name: 'lods', opcode: 0xac, single: loadOne, repeat: (s) => s.repeatSingle(() => loadOne(s)), compares: false },
  { name: 'cmps', opcode: 0xa6, single: (s) => compareOne(s, false), repeat: (s, whileEqual) => repeatCompare(s, false, whileEqual), compares: true },
  { name: 'scas', opcode: 0xae, single: (s) => compareOne(s, true), repeat: (s, whileEqual) => repeatCompare(s, true, whileEqual), compares: true },
];

function stringRows(op: StringOp, addressSize: AddressSize): Row[] {
  return sizes((n) => {
    const opcode = (op.opcode + (n === 8 ? 0 : 1)).toString(16).toUpperCase();
    const flags = { r: 'd', ...(op.compares ? { w: 'oszapc' } : {}) };
    const common = { mnemonic: `${op.name}${LETTER[n]}`, ops: '', flags, cite: `SDM Vol. 2 ${op.name.toUpperCase()}, accumulator ${accumulator(n)}` };
    const tail = `a${addressSize} ${sizeToken(n)}${opcode}`;
    /** Nothing happens when rcx is 0. */
    const repeated = (whileEqual: boolean): Row['sem'] => (b) => {
      const s = new StringOperation(b, n, addressSize);
      b.if(b.ne(s.register(RCX), b.i64(0)), () => op.repeat(s, whileEqual));
    };
    return [
      { ...common, enc: `NOREP ${tail}`, sem: (b) => op.single(new StringOperation(b, n, addressSize)) },
      { ...common, enc: `REPE ${tail}`, sem: repeated(true) },
      { ...common, enc: `REPNE ${tail}`, sem: repeated(!op.compares) },
    ];
  }, [8, 16, 32, 64]);
}

export const stringRowList: Row[] = OPS.flatMap((op) => [...stringRows(op, 64), ...stringRows(op, 32)]);
