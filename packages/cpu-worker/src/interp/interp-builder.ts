import { TCB } from '@troupe/abi/layout/tcb.js';
import type { LowTy, StateField, StateTy } from '../ir/builder.js';
import { FIELD_BITS } from '../ir/builder.js';
import type { Graph } from '../ir/graph.js';
import { StateBuilder } from '../ir/state-builder.js';
import type { I32, I64, Int, IntSize, RuntimeFn, Ty, V128, Val, VectorTable } from '../ir/types.js';
import type { Operand } from '../isa/operand.js';
import type { Addressing } from './forms.js';
import type { InterpOperand } from './interp-operand.js';
import { OP } from './op-record.js';

/** What the emitter provides: numbers of functions and globals, addresses of static tables. */
export interface Linkage {
  readonly runtime: (fn: RuntimeFn) => number;
  readonly table: (table: VectorTable) => number;
  readonly slow: { readonly translateRead: number; readonly translateWrite: number; readonly commit: number; readonly raise: number; readonly unalignedCas: number; readonly pairCas: number };
  /** Immutable global: address of the CoreBlock. */
  readonly block: number;
}

/**
 * Builder whose operands are fields of the pre-decoded op and whose registers are in the TCB.
 * Subclasses say how to leave the instruction: HotBuilder inside the main switch, ColdBuilder in a
 * function of its own.
 */
export abstract class InterpBuilder extends StateBuilder {
  constructor(
    graph: Graph,
    takeLocal: (ty: Ty) => number,
    readonly link: Linkage,
    readonly addressing: Addressing,
    readonly locked: boolean,
  ) {
    super(graph, takeLocal);
  }

  abstract opAddress(): I32;
  abstract pcBase(): I64;

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

  protected readRegister(o: Operand): Val {
    const [address, offset] = this.#register(o);
    if (o.kind === 'xmm') return this.readRaw('v128', address, offset, 'state');
    if (o.kind === 'mm') return this.readRaw('i64', address, offset, 'state');
    return this.readRawInt(o.sizeBits as IntSize, address, offset, 'state');
  }

  protected readLow<T extends LowTy>(o: Operand, ty: T): Val<T> {
    const [address, offset] = this.#register(o);
    return this.readRaw(ty, address, offset, 'state');
  }

  protected readLowInt(o: Operand, sizeBits: IntSize): Int {
    const [address, offset] = this.#register(o);
    return this.readRawInt(sizeBits, address, offset, 'state');
  }

  protected writeRegister(o: Operand, value: Val): void {
    const [address, offset] = this.#register(o);
    if (o.kind === 'gpr') return this.#writeGpr(address, offset, o.sizeBits as IntSize, value as Int);
    this.writeRaw(address, offset, value, 'state');
    if (o.kind === 'mm') this.writeRawInt(16, address, offset + 8, this.i32(0xffff), 'state');
  }

  protected writeLow(o: Operand, value: Val): void {
    const [address, offset] = this.#register(o);
    this.writeRaw(address, offset, value, 'state');
  }

  field<F extends StateField>(name: F): Val<StateTy<F>> {
    return this.readRawInt(FIELD_BITS[name], this.tcb(), TCB.off[name], 'state') as Val<StateTy<F>>;
  }

  setField<F extends StateField>(name: F, value: Val<StateTy<F>>): void {
    this.writeRawInt(FIELD_BITS[name], this.tcb(), TCB.off[name], value as Int, 'state');
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
    return this.select(this.and(this.opField(8, OP.wrap32) as I32, this.i32(1)), this.and(sum, this.i64(0xffffffffn)), sum);
  }

  ea(o: Operand, extra?: I64): I64 {
    const offset = this.offset(o, extra);
    return this.addressing === 'general' ? this.add(offset, this.segmentBase()) : offset;
  }

  segmentBase(): I64 { return this.#stateRead('i64', OP.segment); }

  // ---- operands
  protected immediate(o: Operand): Int {
    const io = o as InterpOperand;
    if (io.spec.source === 'one') return this.i32(1);
    return this.opField(io.sizeBits === 64 ? 64 : 32, io.immField);
  }

  protected target(): I64 { return this.add(this.pcBase(), this.opField(64, OP.imm) as I64); }

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
    this.checkArguments(fn, args);
    return this.callIndex(this.link.runtime(fn), fn.result, args);
  }

  callVoid(fn: RuntimeFn<'void'>, ...args: Val[]): void {
    this.checkArguments(fn, args);
    this.callIndexVoid(this.link.runtime(fn), args);
  }
}
