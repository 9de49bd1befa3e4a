import { TCB } from '@troupe/abi/layout/tcb.js';
import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import type { Builder, LowTy, StateField, StateTy } from '../ir/builder.js';
import { ExpressionBuilder } from '../ir/expression-builder.js';
import type { Graph } from '../ir/graph.js';
import type { I32, I64, Int, IntSize, RuntimeFn, Ty, V128, Val, VectorTable } from '../ir/types.js';
import type { Operand } from '../isa/operand.js';
import type { Addressing } from './forms.js';
import type { InterpOperand } from './interp-operand.js';
import { OP } from './op-record.js';

/** What the emitter provides: numbers of functions and globals, addresses of static tables. */
export interface Linkage {
  readonly runtime: (fn: RuntimeFn) => number;
  readonly table: (table: VectorTable) => number;
  readonly slow: { readonly translateRead: number; readonly translateWrite: number; readonly commit: number; readonly refresh: number; readonly raise: number };
  /** Immutable global: address of the CoreBlock. */
  readonly block: number;
}

const INT_FIELD_BITS: Record<StateField, IntSize> = { ccRes: 64, ccAux: 64, flagsRest: 32, mxcsr: 32, fsBase: 64, gsBase: 64, fcw: 16, fsw: 16, ftw: 8, fop: 16, fip: 64, fdp: 64 };

/**
 * Builder whose operands are fields of the pre-decoded op and whose registers are in the TCB.
 * Subclasses say how to leave the instruction: HotBuilder inside the main switch, ColdBuilder in a
 * function of its own.
 */
export abstract class InterpBuilder extends ExpressionBuilder implements Builder {
  /** Host address of the destination, once translated for writing (rw operands). */
  #written: { address: I32; va: I64 } | undefined;

  constructor(
    graph: Graph,
    takeLocal: (ty: Ty) => number,
    readonly link: Linkage,
    readonly addressing: Addressing,
    readonly locked: boolean,
  ) {
    super(graph, takeLocal);
  }

  abstract tcb(): I32;
  abstract opAddress(): I32;
  abstract pcBase(): I64;
  /** Address such that the bytes are at address + ADDEND_BIAS. Does not come back on a fault. */
  abstract translate(va: I64, bytes: number, forWrite: boolean): I32;
  /** After a store through `address`. */
  abstract commit(address: I32, bytes: number): void;
  abstract raise(vector: number, errorCode?: number | I32): void;
  abstract raiseAfter(vector: number): void;
  abstract syscall(): void;
  abstract jump(o: Operand, condition?: I32): void;
  abstract jumpTo(va: I64): void;
  abstract checkTarget(va: I64): void;
  abstract again(): void;
  abstract lockedRmw(va: I64, address: I32, sizeBits: IntSize, f: (old: Int) => Int): { old: Int; value: Int };
  abstract cmpxchg16(va: I64, expected: [I64, I64], desired: [I64, I64]): [I64, I64];
  abstract hostRead(va: I64, bytes: number): I32;
  abstract hostWrite(va: I64, bytes: number): I32;
  abstract hostCommit(address: I32): void;

  // ---- op record
  opField(bits: IntSize, offset: number): Int {
    return this.readRawInt(bits, this.opAddress(), offset, 'fixed');
  }

  #place(): I32 { return this.opField(16, OP.place) as I32; }
  rip(): I64 { return this.add(this.pcBase(), this.zext64(this.and(this.#place(), this.i32(0xfff)))); }
  lengthBytes(): I32 { return this.shrU(this.#place(), this.i32(12)); }
  nextRip(): I64 { return this.add(this.rip(), this.zext64(this.lengthBytes())); }

  #stateRead<T extends Ty>(ty: T, offsetField: number): Val<T> {
    return this.readRaw(ty, this.#registerAt(offsetField), 0, 'state');
  }

  #registerAt(offsetField: number): I32 {
    return this.add(this.tcb(), this.opField(16, offsetField) as I32);
  }

  // ---- registers
  /** Address and constant offset of a register operand. */
  #register(o: Operand): [I32, number] {
    const io = o as InterpOperand;
    return io.fixedOffset >= 0 ? [this.tcb(), io.fixedOffset] : [this.#registerAt(io.field), 0];
  }

  regNumber(o: Operand): I32 {
    const io = o as InterpOperand;
    if (io.kind === 'st' || io.kind === 'sreg') return io.fixedOffset >= 0 ? this.i32(io.fixedOffset) : (this.opField(16, io.field) as I32);
    const [base, shift] = io.kind === 'gpr' ? [TCB.off.gpr, 3] : [io.kind === 'xmm' ? TCB.off.xmm : TCB.off.st, 4];
    return this.shrU(this.sub(this.opField(16, io.field) as I32, this.i32(base)), this.i32(shift));
  }

  gpr(reg: number): I64 { return this.gprInt(reg, 64) as I64; }
  setGpr(reg: number, value: I64): void { this.setGprInt(reg, 64, value); }
  gprInt(reg: number, sizeBits: number): Int { return this.readRawInt(sizeBits as IntSize, this.tcb(), TCB.off.gpr + reg * 8, 'state'); }
  setGprInt(reg: number, sizeBits: number, value: Int): void { this.#writeGpr(this.tcb(), TCB.off.gpr + reg * 8, sizeBits as IntSize, value); }
  xmm(reg: number): V128 { return this.readRaw('v128', this.tcb(), TCB.off.xmm + reg * 16, 'state'); }
  setXmm(reg: number, value: V128): void { this.writeRaw(this.tcb(), TCB.off.xmm + reg * 16, value, 'state'); }

  #writeGpr(address: I32, offset: number, sizeBits: IntSize, value: Int): void {
    if (sizeBits >= 32) this.writeRaw(address, offset, this.zext64(value), 'state');
    else this.writeRawInt(sizeBits, address, offset, value, 'state');
  }

  field<F extends StateField>(name: F): Val<StateTy<F>> {
    return this.readRawInt(INT_FIELD_BITS[name], this.tcb(), TCB.off[name], 'state') as Val<StateTy<F>>;
  }

  setField<F extends StateField>(name: F, value: Val<StateTy<F>>): void {
    this.writeRawInt(INT_FIELD_BITS[name], this.tcb(), TCB.off[name], value as Int, 'state');
  }

  // ---- effective addresses
  offset(o: Operand, extra?: I64): I64 {
    if ((o as InterpOperand).moffs) return this.opField(64, OP.imm) as I64;
    const disp = this.sext64(this.opField(32, OP.disp), 32);
    let sum = this.add(this.#stateRead('i64', OP.base), disp);
    if (extra) sum = this.add(sum, extra);
    if (this.addressing === 'base') return sum;
    sum = this.add(sum, this.shl(this.#stateRead('i64', OP.index), this.zext64(this.opField(8, OP.scale))));
    if (this.addressing === 'index') return sum;
    return this.select(this.opField(8, OP.wrap32) as I32, this.and(sum, this.i64(0xffffffffn)), sum);
  }

  ea(o: Operand, extra?: I64): I64 {
    const offset = this.offset(o, extra);
    return this.addressing === 'general' ? this.add(offset, this.segmentBase()) : offset;
  }

  segmentBase(): I64 { return this.#stateRead('i64', OP.segment); }

  // ---- operands
  #address(o: Operand, bits: number): { address: I32; va: I64 } {
    if (this.#written) return this.#written;
    const va = this.ea(o);
    if (o.aligned) this.raiseIf(this.op('i32.wrap_i64', this.and(va, this.i64(15))) as I32, 13);
    const forWrite = o.access !== 'r';
    const found = { address: this.translate(va, bits / 8, forWrite), va };
    if (forWrite) this.#written = found;
    return found;
  }

  get(o: Operand): Val<any> {
    if (o.kind === 'mem') {
      const { address } = this.#address(o, o.sizeBits);
      if (o.sizeBits === 128) return this.readRaw('v128', address, ADDEND_BIAS, 'guest');
      return this.readRawInt(o.sizeBits as IntSize, address, ADDEND_BIAS, 'guest');
    }
    if (o.kind === 'imm') return this.#immediate(o as InterpOperand);
    if (o.kind === 'rel') return this.add(this.pcBase(), this.opField(64, OP.imm) as I64);
    if (o.kind === 'sreg' || o.kind === 'st') return this.regNumber(o);
    const [address, offset] = this.#register(o);
    if (o.kind === 'xmm') return this.readRaw('v128', address, offset, 'state');
    if (o.kind === 'mm') return this.readRaw('i64', address, offset, 'state');
    return this.readRawInt(o.sizeBits as IntSize, address, offset, 'state');
  }

  #immediate(o: InterpOperand): Int {
    if (o.spec.source === 'one') return this.i32(1);
    return this.opField(o.sizeBits === 64 ? 64 : 32, o.immField);
  }

  getInt(o: Operand): Int { return this.get(o) as Int; }
  getV128(o: Operand): V128 { return this.get(o) as V128; }

  low<T extends LowTy>(o: Operand, ty: T): Val<T> {
    if (o.kind === 'mem') return this.readRaw(ty, this.#address(o, ty.endsWith('64') ? 64 : 32).address, ADDEND_BIAS, 'guest');
    const [address, offset] = this.#register(o);
    return this.readRaw(ty, address, offset, 'state');
  }

  lowInt(o: Operand, sizeBits: IntSize): Int {
    if (o.kind === 'mem') return this.readRawInt(sizeBits, this.#address(o, sizeBits).address, ADDEND_BIAS, 'guest');
    const [address, offset] = this.#register(o);
    return this.readRawInt(sizeBits, address, offset, 'state');
  }

  set(o: Operand, value: Val): void {
    if (o.kind === 'mem') return this.#storeOperand(o, value, o.sizeBits);
    const [address, offset] = this.#register(o);
    if (o.kind === 'gpr') return this.#writeGpr(address, offset, o.sizeBits as IntSize, value as Int);
    this.writeRaw(address, offset, value, 'state');
    if (o.kind === 'mm') this.writeRawInt(16, address, offset + 8, this.i32(0xffff), 'state');
  }

  #storeOperand(o: Operand, value: Val, bits: number): void {
    const { address } = this.#address(o, bits);
    if (bits <= 64 && (value.ty === 'i32' || value.ty === 'i64')) this.writeRawInt(bits as IntSize, address, ADDEND_BIAS, value as Int, 'guest');
    else this.writeRaw(address, ADDEND_BIAS, value, 'guest');
    this.commit(address, bits / 8);
  }

  setLow(o: Operand, value: Val): void {
    if (o.kind === 'mem') return this.#storeOperand(o, value, o.sizeBits);
    const [address, offset] = this.#register(o);
    this.writeRaw(address, offset, value, 'state');
  }

  setIf(condition: I32, o: Operand, value: Int): void {
    this.set(o, this.select(condition, value, this.getInt(o)));
  }

  rmw(o: Operand, f: (old: Int) => Int): { old: Int; value: Int } {
    if (o.kind === 'mem' && this.locked) {
      const { address, va } = this.#address(o, o.sizeBits);
      return this.lockedRmw(va, address, o.sizeBits as IntSize, f);
    }
    const old = this.getInt(o);
    const value = f(old);
    this.set(o, value);
    return { old, value };
  }

  rmwAt(sizeBits: IntSize, va: I64, f: (old: Int) => Int): { old: Int; value: Int } {
    const address = this.translate(va, sizeBits / 8, true);
    if (this.locked) return this.lockedRmw(va, address, sizeBits, f);
    const old = this.readRawInt(sizeBits, address, ADDEND_BIAS, 'guest');
    const value = f(old);
    this.writeRawInt(sizeBits, address, ADDEND_BIAS, value, 'guest');
    this.commit(address, sizeBits / 8);
    return { old, value };
  }

  cmpxchg(o: Operand, expected: Int, desired: Int): Int {
    return this.rmw(o, (old) => this.select(this.eq(old, expected), desired, old)).old;
  }

  // ---- guest memory by address
  load(sizeBits: IntSize, va: I64): Int {
    return this.readRawInt(sizeBits, this.translate(va, sizeBits / 8, false), ADDEND_BIAS, 'guest');
  }

  store(sizeBits: IntSize, va: I64, value: Int): void {
    const address = this.translate(va, sizeBits / 8, true);
    this.writeRawInt(sizeBits, address, ADDEND_BIAS, value, 'guest');
    this.commit(address, sizeBits / 8);
  }

  loadV128(va: I64, aligned: boolean): V128 {
    if (aligned) this.#checkAligned(va);
    return this.readRaw('v128', this.translate(va, 16, false), ADDEND_BIAS, 'guest');
  }

  storeV128(va: I64, value: V128, aligned: boolean): void {
    if (aligned) this.#checkAligned(va);
    const address = this.translate(va, 16, true);
    this.writeRaw(address, ADDEND_BIAS, value, 'guest');
    this.commit(address, 16);
  }

  #checkAligned(va: I64): void {
    this.raiseIf(this.wrap(this.and(va, this.i64(15))), 13);
  }

  raiseIf(condition: I32, vector: number, errorCode = 0): void {
    this.if(condition, () => this.raise(vector, errorCode));
  }

  fence(): void {
    // A locked read-modify-write of a private word orders stores before later loads at a quarter of the cost of atomic.fence.
    const scratch = this.blockAddress();
    this.effect({ kind: 'set', local: this.takeLocal('i32') }, [this.atomic('i32', 0xfe001e, 28, [scratch, this.i32(0)])], []);
  }

  blockAddress(): I32 { return this.make('i32', { kind: 'global', index: this.link.block }); }

  lookup(table: VectorTable, index: I32): V128 {
    return this.readRaw('v128', this.shl(index, this.i32(4)), this.link.table(table), 'fixed');
  }

  call<R extends Ty>(fn: RuntimeFn<R>, ...args: Val[]): Val<R> {
    this.#checkArguments(fn, args);
    return this.callIndex(this.link.runtime(fn), fn.result, args);
  }

  callVoid(fn: RuntimeFn<'void'>, ...args: Val[]): void {
    this.#checkArguments(fn, args);
    this.callIndexVoid(this.link.runtime(fn), args);
  }

  #checkArguments(fn: RuntimeFn, args: readonly Val[]): void {
    if (fn.params.length !== args.length || fn.params.some((ty, i) => ty !== args[i]!.ty)) {
      throw new TypeError(`${fn.name}(${args.map((a) => a.ty).join(', ')}): expected (${fn.params.join(', ')})`);
    }
  }
}
