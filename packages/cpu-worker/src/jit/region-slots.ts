import type { WindowKind } from '@troupe/abi/layout/memory-windows.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { FIELD_BITS, type FloatShape, type LowTy, type StateField, type StateTy } from '../ir/builder.js';
import { node } from '../ir/expression-builder.js';
import { conditionAfter, flagsAfter, type FlagOperation } from '../ir/flag-operation.js';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { StateBuilder } from '../ir/state-builder.js';
import type { PureOp } from '../ir/wasm-ops.js';
import type { I32, I64, Int, IntSize, Ty, V128, Val } from '../ir/types.js';
import type { Form } from '../interp/forms.js';
import type { Operand } from '../isa/operand.js';
import type { Callee } from './analysed-region.js';
import type { GuestInstruction } from './guest-code.js';
import { covers, shuffled, withLowLane, type PlainShape } from './plain-floats.js';
import type { RegionLocals } from './region-locals.js';
import type { RegionOperand } from './region-operand.js';
import type { KeptOperand, RegionState } from './region-state.js';
import { FIELD_SLOT, Slot, SLOT_PLACE } from './slots.js';
import { shapeOf } from './translated-pages.js';

/** The instruction cannot be translated in line: it is run by its cold handler. */
export class NotInline extends Error {
  constructor(reason: string, readonly form: Form) {
    super(`${form?.row.mnemonic}: ${reason}`);
  }
}

/** What a builder needs of the region under construction. */
export interface RegionContext {
  readonly locals: RegionLocals;
  readonly state: RegionState;
  /** Number of a function the region calls. */
  readonly runtime: (fn: Callee) => number;
  /** Window that an operand is expected in. */
  readonly window: (insn: GuestInstruction) => WindowKind | undefined;
  /** What an operand is read from is written soon. */
  readonly isRewritten: (insn: GuestInstruction) => boolean;
  /** Global: address of the CoreBlock. */
  readonly block: number;
}

const SPLAT_BYTES: Record<string, number> = { i8x16: 1, i16x8: 2, i32x4: 4, i64x2: 8 };

function splatBytes(name: string, value: bigint): Uint8Array {
  const width = SPLAT_BYTES[name.slice(0, name.indexOf('.'))]!;
  return Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt((i % width) * 8)) & 0xffn));
}

/**
 * Registers and flags of an instruction of a region: operands are constants, registers are locals.
 * RegionBuilder adds memory and control.
 */
export abstract class RegionSlots extends StateBuilder {
  /** False: nobody reads the flags this instruction writes. */
  storesFlags = true;
  readonly #plain = new Map<Node, PlainShape>();
  /** Slots the instruction has written. */
  readonly #written = new Set<number>();
  /** Loops around what is built now. */
  protected loopDepth = 0;
  /** Conditionals around what is built now. */
  protected ifDepth = 0;

  constructor(
    graph: Graph,
    takeLocal: (ty: Ty) => number,
    readonly context: RegionContext,
    readonly insn: GuestInstruction,
  ) {
    super(graph, takeLocal);
  }

  /** Guest address `at` bytes behind the start of the entry's page. */
  abstract address(at: number): I64;

  get locked(): boolean { return this.insn.form.locked; }

  /** What is built now runs in some cases only. */
  protected get isConditional(): boolean { return this.ifDepth > 0; }

  override v128(bytes: ArrayLike<number>): V128 {
    return this.local('v128', this.context.locals.constant(Uint8Array.from(bytes), this.context.state.isInLoop));
  }

  /** Vectors of one constant are constants. */
  override lane(name: PureOp, lane: number, ...args: Val[]): Val<any> {
    const value = name.endsWith('.splat') ? this.constOf(args[0]!) : undefined;
    return value === undefined || args[0]!.ty.startsWith('f') ? super.lane(name, lane, ...args) : this.v128(splatBytes(name, BigInt(value)));
  }

  /** The constant itself. */
  vector(bytes: Uint8Array): V128 { return super.v128(bytes); }
  // ---- slots
  protected readSlot(slot: number): Val {
    const known = this.context.state.known.get(slot);
    const { ty } = SLOT_PLACE[slot]!;
    if (known !== undefined) return ty === 'i64' ? this.i64(known) : this.i32(Number(known));
    const value = this.local(ty, this.context.locals.slot(slot), 'var');
    const shape = this.context.state.plain.get(slot);
    if (shape) this.#plain.set(node(value), shape);
    return value;
  }

  protected writeSlot(slot: number, value: Val): void {
    const shape = this.ifDepth > 0 ? undefined : this.#isZero(node(value)) ? 'zero' : this.#plain.get(node(value));
    if (shape) this.context.state.plain.set(slot, shape);
    else this.context.state.plain.delete(slot);
    if (slot === Slot.MXCSR) this.context.state.rounding = undefined;
    if (slot >= Slot.XMM) this.context.state.noteCopy(slot, this.ifDepth === 0 && node(value).op.kind === 'get' ? this.#slotRead(node(value)) : undefined);
    this.#pagesFollow(slot, value);
    const constant = this.constOf(value);
    if (constant === undefined) this.context.state.known.delete(slot);
    else this.context.state.known.set(slot, BigInt(constant));
    this.setLocal(this.context.locals.slot(slot), value);
  }

  /** What is known of addresses by the slot, whose value changes. */
  #pagesFollow(slot: number, value: Val): void {
    const { state, locals } = this.context;
    const shape = slot < 16 && this.loopDepth === 0 && !this.#written.has(slot) ? shapeOf(node(value), locals) : undefined;
    this.#written.add(slot);
    if (shape?.key === String(slot)) state.movePages(slot, shape.displacement);
    else state.forgetPages(slot);
  }

  gpr(reg: number): I64 { return this.readSlot(reg) as I64; }
  setGpr(reg: number, value: I64): void { this.writeSlot(reg, value); }
  gprInt(reg: number, sizeBits: number): Int { return this.#readGpr(reg, sizeBits); }
  setGprInt(reg: number, sizeBits: number, value: Int): void { this.#writeGpr(reg, sizeBits, value); }
  xmm(reg: number): V128 { return this.readSlot(Slot.XMM + reg) as V128; }
  setXmm(reg: number, value: V128): void { this.writeSlot(Slot.XMM + reg, value); }

  /** High bytes are 16 + n. */
  #readGpr(register: number, sizeBits: number): Int {
    if (register >= 16 && register < 32) return this.and(this.shrU(this.wrap(this.readSlot(register - 16) as I64), this.i32(8)), this.i32(0xff));
    const value = this.readSlot(register) as I64;
    return sizeBits === 64 ? value : this.trunc(value, sizeBits);
  }

  #writeGpr(register: number, sizeBits: number, value: Int): void {
    if (sizeBits >= 32) return this.writeSlot(register, sizeBits === 32 ? this.zext64(this.wrap(value)) : value);
    const isHigh = register >= 16 && register < 32;
    const slot = isHigh ? register - 16 : register;
    const mask = sizeBits === 8 ? 0xff : 0xffff;
    const shift = isHigh ? 8 : 0;
    const old = this.and(this.readSlot(slot) as I64, this.i64(~(BigInt(mask) << BigInt(shift))));
    const bits = this.shl(this.zext64(this.and(this.wrap(value), this.i32(mask))), this.i64(shift));
    this.writeSlot(slot, this.or(old, bits));
  }

  field<F extends StateField>(name: F): Val<StateTy<F>> {
    const slot = FIELD_SLOT[name];
    if (slot === undefined) return this.readRawInt(FIELD_BITS[name], this.tcb(), TCB.off[name], 'state') as Val<StateTy<F>>;
    if (slot <= Slot.CC_AUX) this.flushFlags();
    return this.readSlot(slot) as Val<StateTy<F>>;
  }

  setField<F extends StateField>(name: F, value: Val<StateTy<F>>): void {
    const slot = FIELD_SLOT[name];
    if (slot === undefined) return this.writeRawInt(FIELD_BITS[name], this.tcb(), TCB.off[name], value as Int, 'state');
    if (slot <= Slot.CC_AUX) {
      this.context.state.flags = undefined;
      if (!this.storesFlags) return;
    }
    this.writeSlot(slot, value);
  }

  // ---- flags
  deferFlags(operation: FlagOperation): boolean {
    if (this.ifDepth > 0) return false;
    if (this.storesFlags) this.context.state.flags = this.#keepOperation(operation);
    return true;
  }

  #keepOperation(operation: FlagOperation): RegionState['flags'] {
    const keep = (name: 'x' | 'y' | 'r' | 'be', value: Int): KeptOperand => this.#keep(name, value);
    switch (operation.kind) {
      case 'zpc': return { kind: 'zpc', sizeBits: 0, x: keep('x', operation.zf), y: keep('y', operation.pf), r: keep('r', operation.cf), be: operation.be && keep('be', operation.be) };
      case 'logic': return { kind: 'logic', sizeBits: operation.sizeBits, x: undefined, y: undefined, r: keep('r', operation.r) };
      default: return { kind: operation.kind, sizeBits: operation.sizeBits, x: keep('x', operation.x), y: keep('y', operation.y), r: keep('r', operation.r) };
    }
  }

  #keep(name: 'x' | 'y' | 'r' | 'be', value: Int): KeptOperand {
    const constant = this.constOf(value);
    if (constant !== undefined) return { ty: value.ty, value: BigInt(constant) };
    const local = this.context.locals.flagOperand(name, value.ty);
    this.setLocal(local, value);
    return { ty: value.ty, local };
  }

  #kept(operand: KeptOperand | undefined): Int {
    if (!operand) throw new Error('region: operand of flags is missing');
    if ('local' in operand) return this.local(operand.ty, operand.local, 'var') as Int;
    return operand.ty === 'i64' ? this.i64(operand.value) : this.i32(Number(operand.value));
  }

  #operation(): FlagOperation | undefined {
    const { flags } = this.context.state;
    if (!flags) return undefined;
    if (flags.kind === 'zpc') return { kind: 'zpc', zf: this.#kept(flags.x) as I32, pf: this.#kept(flags.y) as I32, cf: this.#kept(flags.r) as I32, be: flags.be && (this.#kept(flags.be) as I32) };
    if (flags.kind === 'logic') return { kind: 'logic', sizeBits: flags.sizeBits, r: this.#kept(flags.r) };
    return { kind: flags.kind, sizeBits: flags.sizeBits, x: this.#kept(flags.x), y: this.#kept(flags.y), r: this.#kept(flags.r) };
  }

  deferredCondition(cc: number): I32 | undefined {
    const operation = this.#operation();
    return operation && conditionAfter(this, operation, cc);
  }

  /** Puts deferred flags into their locals. */
  flushFlags(): void {
    const operation = this.#operation();
    if (!operation) return;
    const { res, aux } = flagsAfter(this, operation);
    this.context.state.flags = undefined;
    this.writeSlot(Slot.CC_RES, res);
    this.writeSlot(Slot.CC_AUX, aux);
  }

  // ---- operands
  #slotOf(o: Operand): number {
    const { register, kind } = o as RegionOperand;
    return kind === 'xmm' ? Slot.XMM + register : register;
  }

  #mmOffset(o: Operand): number {
    return TCB.off.st + (o as RegionOperand).register * 16;
  }

  protected readRegister(o: Operand): Val {
    if (o.kind === 'mm') return this.readRaw('i64', this.tcb(), this.#mmOffset(o), 'state');
    return o.kind === 'xmm' ? this.readSlot(this.#slotOf(o)) : this.#readGpr(this.#slotOf(o), o.sizeBits);
  }

  protected readLow<T extends LowTy>(o: Operand, ty: T): Val<T> {
    if (o.kind === 'mm') return this.readRaw(ty, this.tcb(), this.#mmOffset(o), 'state');
    const slot = this.#slotOf(o);
    const value = this.readSlot(slot);
    if (o.kind !== 'xmm') return (ty === 'i32' ? this.wrap(value as I64) : value) as unknown as Val<T>;
    const shape = { i32: 'i32x4', i64: 'i64x2', f32: 'f32x4', f64: 'f64x2' } as const;
    const low = this.lane(`${shape[ty]}.extract_lane`, 0, value) as Val<T>;
    const known = this.#plain.get(node(value));
    if ((ty === 'f32' || ty === 'f64') && covers(known, ty)) this.#plain.set(node(low), ty);
    return low;
  }

  protected readLowInt(o: Operand, sizeBits: IntSize): Int {
    if (o.kind === 'mm') return this.readRawInt(sizeBits, this.tcb(), this.#mmOffset(o), 'state');
    if (o.kind === 'xmm') return this.trunc(this.readLow(o, sizeBits === 64 ? 'i64' : 'i32'), sizeBits);
    return this.#readGpr(this.#slotOf(o), sizeBits);
  }

  protected writeRegister(o: Operand, value: Val): void {
    if (o.kind === 'gpr') return this.#writeGpr(this.#slotOf(o), o.sizeBits, value as Int);
    if (o.kind === 'xmm') return this.writeSlot(this.#slotOf(o), value);
    this.writeRaw(this.tcb(), this.#mmOffset(o), value, 'state');
    this.writeRawInt(16, this.tcb(), this.#mmOffset(o) + 8, this.i32(0xffff), 'state');
  }

  protected writeLow(o: Operand, value: Val): void {
    if (o.kind === 'mm') return this.writeRaw(this.tcb(), this.#mmOffset(o), value, 'state');
    const shape = { i32: 'i32x4', i64: 'i64x2', f32: 'f32x4', f64: 'f64x2' } as const;
    const slot = this.#slotOf(o);
    const before = this.context.state.plain.get(slot);
    this.writeSlot(slot, this.lane(`${shape[value.ty as LowTy]}.replace_lane`, 0, this.readSlot(slot), value));
    const isPlain = (value.ty === 'f32' || value.ty === 'f64') && this.isPlain(value, value.ty);
    if (this.ifDepth === 0 && isPlain) this.context.state.plain.set(slot, withLowLane(before, value.ty as 'f32' | 'f64'));
  }

  protected immediate(o: Operand): Int {
    const { insn } = this;
    const { isOne, isSecondImmediate } = o as RegionOperand;
    if (isOne) return this.i32(1);
    if (isSecondImmediate) return this.i32(insn.imm1);
    if (o.sizeBits === 64) return this.i64((BigInt(insn.immHigh >>> 0) << 32n) | BigInt(insn.immLow >>> 0));
    return this.i32(insn.immLow);
  }

  regNumber(o: Operand): I32 { return this.i32((o as RegionOperand).register); }

  // ---- what is known of floats and of MXCSR
  isPlain(value: Val, shape: FloatShape): boolean {
    return covers(this.#plain.get(node(value)), shape);
  }

  /** Of registers too, which are not written in between. */
  notePlain(value: Val, shape: FloatShape): void {
    if (this.ifDepth > 0 || this.isPlain(value, shape)) return;
    this.#plain.set(node(value), shape);
    const slot = this.#slotRead(node(value));
    if (slot !== undefined) this.context.state.plain.set(slot, shape);
  }

  override shuffle(a: V128, b: V128, lanes: ArrayLike<number>): V128 {
    const result = super.shuffle(a, b, lanes);
    const shape = shuffled(this.#plain.get(node(a)), this.#plain.get(node(b)), lanes);
    if (shape) this.#plain.set(node(result), shape);
    return result;
  }

  /** A register combined with itself. */
  #isZero({ op, args }: Node): boolean {
    return op.kind === 'pure' && op.info.name === 'v128.xor' && this.isSame(args[0] as unknown as Val, args[1] as unknown as Val);
  }

  /** The slot that a value, or its low lane, comes from. */
  #slotRead({ op, args }: Node): number | undefined {
    if (op.kind === 'get') return this.context.locals.slotOf(op.local);
    return op.kind === 'pure' && op.info.name.endsWith('.extract_lane') && op.lane === 0 ? this.#slotRead(args[0]!) : undefined;
  }

  /** The same register or a copy of it, with nothing written in between. */
  isSame(x: Val, y: Val): boolean {
    const [slot, other] = [x, y].map((value) => this.#slotRead(node(value)));
    if (slot === undefined || other === undefined) return false;
    const { copies } = this.context.state;
    return (copies.get(slot) ?? slot) === (copies.get(other) ?? other) && node(x).made.var === node(y).made.var;
  }

  isRoundingKnown(): boolean { return this.context.state.rounding === 'tested'; }
  noteRounding(): void { if (this.ifDepth === 0) this.context.state.rounding = 'tested'; }

  roundingGuard(make: () => I32): I32 {
    const { state, locals } = this.context;
    if (this.ifDepth > 0) return make();
    if (state.rounding === undefined) this.setLocal(locals.rounding, make());
    state.rounding ??= 'guarded';
    return this.local('i32', locals.rounding, 'var');
  }

  tcb(): I32 { return this.local('i32', this.context.locals.tcb); }
}
