import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import { WINDOW_ACCESS_BYTES, WindowKind } from '@troupe/abi/layout/memory-windows.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { ATOMIC } from '../ir/atomic-ops.js';
import { node } from '../ir/expression-builder.js';
import type { Graph } from '../ir/graph.js';
import type { Label, Node } from '../ir/node.js';
import type { I32, I64, Int, IntSize, RuntimeFn, Ty, V128, Val, VectorTable } from '../ir/types.js';
import type { Operand } from '../isa/operand.js';
import { rmwOperation } from './atomics.js';
import { RIP_BASE, type GuestInstruction } from './guest-code.js';
import type { RegionOperand } from './region-operand.js';
import { NotInline, RegionSlots, type RegionContext } from './region-slots.js';
import { RegionState } from './region-state.js';
import { Slot } from './slots.js';
import { shapeOf, type AddressShape, type TranslatedPage } from './translated-pages.js';

/** How the instruction ends. */
export type Outcome = { readonly kind: 'jump'; readonly condition: I32 | undefined } | { readonly kind: 'target'; readonly target: I64 } | { readonly kind: 'syscall' };

/** Comparisons give 0 or 1. */
function isBoolean({ op }: Node): boolean {
  return op.kind === 'pure' && /^(i32|i64|f32|f64)\.(eqz|eq|ne|lt|gt|le|ge)(_[su])?$/.test(op.info.name);
}
const OFFSET_MASK = 0xffffffff_00000fffn;
/** Bits of the address of an aligned vector that must be 0. */
const ALIGNED_MASK = 0xffffffff_0000000fn;

/** Builds one instruction of a region: memory, control, calls. */
export class RegionBuilder extends RegionSlots {
  outcome: Outcome | undefined;
  readonly #aligned = new Set<Node>();
  #terminated = false;
  /** State was changed by a call: the instruction cannot be run again. */
  #isCommitted = false;

  constructor(
    graph: Graph,
    takeLocal: (ty: Ty) => number,
    context: RegionContext,
    insn: GuestInstruction,
    /** Where to leave with nothing changed, so that the interpreter runs the instruction. */
    readonly slowLabel: Label,
    /** The instruction touches the flags, so they must be in locals where control forks. */
    readonly touchesFlags: boolean,
  ) {
    super(graph, takeLocal, context, insn);
  }

  // ---- addresses
  #origin(): I64 { return this.local('i64', this.context.locals.origin); }
  /** Guest address `at` bytes behind the start of the entry's page. */
  address(at: number): I64 { return this.add(this.#origin(), this.i64(at)); }
  rip(): I64 { return this.address(this.insn.at); }
  nextRip(): I64 { return this.address(this.insn.at + this.insn.lenBytes); }
  protected target(): I64 { return this.address(this.insn.target); }

  offset(o: Operand, extra?: I64): I64 {
    const { base, index, scaleLog2, disp, address32, immLow, immHigh } = this.insn;
    if ((o as RegionOperand).isMoffs) return this.i64((BigInt(immHigh >>> 0) << 32n) | BigInt(immLow >>> 0));
    let sum: I64 | undefined;
    const plus = (value: I64): void => { sum = sum ? this.add(sum, value) : value; };
    if (base === RIP_BASE) plus(this.address(this.insn.at + this.insn.lenBytes));
    else if (base >= 0) plus(this.gpr(base));
    if (index >= 0) plus(this.shl(this.gpr(index), this.i64(scaleLog2)));
    if (extra) plus(extra);
    if (disp !== 0 || !sum) plus(this.i64(disp));
    return address32 ? this.and(sum!, this.i64(0xffffffffn)) : sum!;
  }

  ea(o: Operand, extra?: I64): I64 {
    const offset = this.offset(o, extra);
    return this.insn.segment === 0 ? offset : this.add(offset, this.segmentBase());
  }

  segmentBase(): I64 {
    if (this.insn.segment === 0) return this.i64(0);
    return this.readSlot(this.insn.segment === 1 ? Slot.FS_BASE : Slot.GS_BASE) as I64;
  }

  /** On the stack as far as one can see: the stack pointer and a constant. */
  #isOnStack({ op, args }: Node): boolean {
    if (op.kind === 'get') return op.local === this.context.locals.slot(Slot.RSP);
    return op.kind === 'pure' && (op.info.name === 'i64.add' || op.info.name === 'i64.sub') && args[1]!.op.kind === 'const' && this.#isOnStack(args[0]!);
  }

  /** One subtraction and comparison instead of a walk, where the address is in the window. */
  #translateInWindow(kind: WindowKind, va: I64, bytes: number, forWrite: boolean): I32 {
    const window = this.context.locals.window(kind);
    this.#leaveIfMisaligned(va);
    const isIn = this.ltU(this.sub(va, this.local('i64', window.start)), this.local('i64', window.bytes));
    const address = this.variable('i32', this.add(this.wrap(va), this.local('i32', window.entry)));
    this.ifRare(this.eqz(isIn), () => this.setVar(address, this.#walk(va, bytes, forWrite)));
    return this.getVar(address);
  }

  /** What is written soon is translated for writing, and kept for that. */
  translate(va: I64, bytes: number, forWrite: boolean): I32 {
    if (this.ifDepth > 0) return this.#translate(va, bytes, forWrite);
    const shape = shapeOf(node(va), this.context.locals);
    const name = shape && `${shape.key} at ${shape.displacement}`;
    const before = name === undefined ? undefined : this.context.state.pages.get(name);
    if (before && before.bytes >= bytes) {
      if (!before.isAligned) this.#leaveIfMisaligned(va);
      return this.local('i32', before.address, 'var');
    }
    if (name === undefined || forWrite || !this.context.state.isInLoop || !this.context.isRewritten(this.insn)) return this.#translate(va, bytes, forWrite);
    const { offset, address } = this.context.locals.page(name);
    this.setLocal(address, this.#translate(va, bytes, true));
    this.context.state.pages.set(name, { ...shape!, bytes, offset, address, isAligned: this.#aligned.has(node(va)) });
    return this.local('i32', address, 'var');
  }

  #translate(va: I64, bytes: number, forWrite: boolean): I32 {
    const window = this.#isOnStack(node(va)) ? WindowKind.STACK : this.context.window(this.insn);
    if (window !== undefined && bytes <= WINDOW_ACCESS_BYTES && this.ifDepth === 0) return this.#translateInWindow(window, va, bytes, forWrite);
    const shape = shapeOf(node(va), this.context.locals);
    if (!shape) return this.#walk(va, bytes, forWrite);
    const { pages } = this.context.state;
    const near = pages.get(`${shape.key} w`) ?? (forWrite ? undefined : pages.get(shape.key));
    if (near) return this.#translateNear(va, bytes, forWrite, near, shape.displacement - near.displacement);
    return this.ifDepth > 0 || this.#aligned.has(node(va)) ? this.#walk(va, bytes, forWrite) : this.#walkFirst(va, bytes, forWrite, shape);
  }

  /** In the page of an access before it, probably: one comparison. */
  #translateNear(va: I64, bytes: number, forWrite: boolean, near: TranslatedPage, distance: bigint): I32 {
    this.#leaveIfMisaligned(va);
    const first = this.local('i32', near.address, 'var');
    if (distance === 0n && bytes <= near.bytes) return first;
    const address = this.variable('i32', this.add(first, this.i32(Number(BigInt.asIntN(32, distance)))));
    const offset = this.add(this.local('i64', near.offset, 'var'), this.i64(distance));
    this.ifRare(this.ltU(this.i64(0x1000 - bytes), offset), () => {
      this.setVar(address, this.#walk(va, bytes, forWrite));
    });
    return this.getVar(address);
  }

  /** Keeps what the accesses behind it need. */
  #walkFirst(va: I64, bytes: number, forWrite: boolean, { key, slots, displacement }: AddressShape): I32 {
    const name = forWrite ? `${key} w` : key;
    const { offset, address } = this.context.locals.page(name);
    this.setLocal(offset, this.and(va, this.i64(OFFSET_MASK)));
    this.#slowIf(this.ltU(this.i64(0x1000 - bytes), this.local('i64', offset, 'var')));
    this.setLocal(address, this.#lookUp(va, forWrite));
    this.context.state.pages.set(name, { slots, displacement, bytes, offset, address });
    return this.local('i32', address, 'var');
  }

  #walk(va: I64, bytes: number, forWrite: boolean): I32 {
    if (this.#aligned.has(node(va))) this.#slowIf(this.ne(this.and(va, this.i64(ALIGNED_MASK)), this.i64(0)));
    else this.#slowIf(this.ltU(this.i64(0x1000 - bytes), this.and(va, this.i64(OFFSET_MASK))));
    return this.#lookUp(va, forWrite);
  }

  #lookUp(va: I64, forWrite: boolean): I32 {
    const va32 = this.wrap(va);
    const table = this.readRaw('i32', this.tcb(), forWrite ? TCB.off.tableWrite : TCB.off.tableRead, 'state');
    const slot = this.and(this.shrU(va32, this.i32(10)), this.i32(0x3ffffc));
    const entry = this.readRaw('i32', this.add(table, slot), 0, 'guest');
    this.#slowIf(this.eqz(entry));
    return this.add(va32, entry);
  }

  /** Where the page is compared with a known one, whose test does not see the alignment. */
  #leaveIfMisaligned(va: I64): void {
    if (this.#aligned.has(node(va))) this.#slowIf(this.ne(this.and(va, this.i64(15)), this.i64(0)));
  }

  /** What is aligned crosses no page: `translate` makes one test of the two. */
  protected override checkAligned(va: I64): void {
    this.#aligned.add(node(va));
  }

  commit(): void {}
  hostRead(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, false), this.i32(ADDEND_BIAS)); }
  hostWrite(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, true), this.i32(ADDEND_BIAS)); }
  hostCommit(): void {}

  fence(): void {
    // A locked read-modify-write of a private word orders stores before later loads.
    const scratch = this.make('i32', { kind: 'global', index: this.context.block });
    this.effect({ kind: 'set', local: this.takeLocal('i32') }, [this.atomic('i32', ATOMIC.add[32], 28, [scratch, this.i32(0)])], []);
  }

  lookup(table: VectorTable, index: I32): V128 {
    const at = this.constOf(index);
    if (at === undefined) throw new NotInline('table with a variable index', this.insn.form);
    return this.v128(table.bytes.subarray(Number(at) * 16, Number(at) * 16 + 16));
  }

  // ---- atomic accesses
  lockedRmw(va: I64, address: I32, sizeBits: IntSize, f: (old: Int) => Int): { old: Int; value: Int } {
    this.#checkNatural(va, sizeBits);
    const ty = sizeBits === 64 ? 'i64' : 'i32';
    const old = this.variable(ty, this.int(sizeBits, 0) as never);
    const after = f(this.getVar(old) as Int);
    const simple = rmwOperation(node(after), node(this.getVar(old)));
    if (simple) {
      this.setVar(old, this.atomic(ty, ATOMIC[simple.name][sizeBits], ADDEND_BIAS, [address, simple.operand as unknown as Int]) as never);
      return { old: this.getVar(old) as Int, value: f(this.getVar(old) as Int) };
    }
    this.setVar(old, this.atomic(ty, ATOMIC.load[sizeBits], ADDEND_BIAS, [address]) as never);
    const value = this.variable(ty, this.int(sizeBits, 0) as never);
    this.loop(() => {
      const before = this.getVar(old) as Int;
      const next = f(before);
      const seen = this.atomic(ty, ATOMIC.cmpxchg[sizeBits], ADDEND_BIAS, [address, before, next]);
      this.setVar(value, next as never);
      this.setVar(old, seen as never);
      return this.ne(seen as Int, before);
    });
    return { old: this.getVar(old) as Int, value: this.getVar(value) as Int };
  }

  /** Locked accesses that are not aligned are left to the interpreter. */
  #checkNatural(va: I64, sizeBits: number): void {
    if (sizeBits > 8) this.#slowIf(this.wrap(this.and(va, this.i64(sizeBits / 8 - 1))));
  }

  override cmpxchg(o: Operand, expected: Int, desired: Int): Int {
    if (!this.locked) return super.cmpxchg(o, expected, desired);
    const sizeBits = o.sizeBits as IntSize;
    const va = this.ea(o);
    const address = this.translate(va, sizeBits / 8, true);
    this.#checkNatural(va, sizeBits);
    return this.atomic(sizeBits === 64 ? 'i64' : 'i32', ATOMIC.cmpxchg[sizeBits], ADDEND_BIAS, [address, expected, desired]) as Int;
  }

  cmpxchg16(): [I64, I64] { throw new NotInline('cmpxchg16b', this.insn.form); }

  // ---- control
  /** A branch that only leaves becomes a conditional exit; the other one then needs no nesting. */
  override if(condition: I32, then: () => void, otherwise?: () => void): void {
    const constant = this.constOf(condition);
    if (constant !== undefined) return constant !== 0 ? then() : otherwise?.();
    if (this.touchesFlags) this.flushFlags();
    const before = new RegionState(this.context.state);
    const elseList = this.#branch(otherwise ?? (() => {}));
    if (elseList.leaves) {
      this.context.state.restore(before);
      this.#slowUnless(condition);
      return then();
    }
    const afterElse = new RegionState(this.context.state);
    this.context.state.restore(before);
    let leaves = false;
    this.graph.if(node(condition), () => {
      leaves = this.#inBranch(then);
    }, otherwise && (() => this.graph.adopt(elseList.nodes)));
    if (leaves) this.context.state.restore(afterElse);
    else this.#merge(afterElse);
  }

  override ifVal<T extends Val>(condition: I32, then: () => T, otherwise: () => T): T {
    const constant = this.constOf(condition);
    if (constant !== undefined) return constant !== 0 ? then() : otherwise();
    const before = new RegionState(this.context.state);
    const list = this.#branch(() => void otherwise());
    this.context.state.restore(before);
    if (!list.leaves) return super.ifVal(condition, then, otherwise);
    this.#slowUnless(condition);
    return then();
  }

  /** Builds a branch apart. */
  #branch(build: () => void): { nodes: ReturnType<Graph['apart']>; leaves: boolean } {
    let leaves = false;
    const nodes = this.graph.apart(() => {
      leaves = this.#inBranch(build);
    });
    return { nodes, leaves };
  }

  /** Whether the branch always leaves. */
  #inBranch(build: () => void): boolean {
    const outer = this.#terminated;
    this.#terminated = false;
    this.ifDepth++;
    build();
    this.ifDepth--;
    const leaves = this.#terminated;
    this.#terminated = outer;
    return leaves;
  }

  /** Keeps what holds after both branches. */
  #merge(other: RegionState): void {
    const { state } = this.context;
    for (const [slot, value] of state.known) if (other.known.get(slot) !== value) state.known.delete(slot);
    for (const [slot, shape] of state.plain) if (other.plain.get(slot) !== shape) state.plain.delete(slot);
    for (const [slot, original] of state.copies) if (other.copies.get(slot) !== original) state.copies.delete(slot);
    if (state.rounding !== other.rounding) state.rounding = undefined;
    for (const [key, page] of state.pages) if (other.pages.get(key) !== page) state.pages.delete(key);
    if (state.flags !== other.flags) throw new Error('region: flags deferred in a branch');
  }

  override loop(body: () => I32): void {
    const before = new Set(this.context.state.known.keys());
    super.loop(body);
    for (const slot of this.context.state.known.keys()) if (!before.has(slot)) this.context.state.known.delete(slot);
  }

  #slowIf(condition: I32): void {
    if (this.#isCommitted) throw new NotInline('leaves after a change of state', this.insn.form);
    this.branchRarely(condition, this.slowLabel);
  }

  /** Conditions that are made of others leave one by one: a branch costs less than a value. */
  #slowUnless(condition: I32): void {
    const { op, args } = node(condition);
    const name = op.kind === 'pure' ? op.info.name : '';
    if (name === 'i32.and' && args.every(isBoolean)) for (const arg of args) this.#slowUnless(arg as unknown as I32);
    else if (name === 'i32.eqz') this.#slowIfAny(args[0]!);
    else this.#slowIf(this.eqz(condition));
  }

  #slowIfAny(condition: Node): void {
    const isOr = condition.op.kind === 'pure' && condition.op.info.name === 'i32.or';
    if (isOr) for (const arg of condition.args) this.#slowIfAny(arg);
    else if (this.constOf(condition as unknown as I32) !== 0) this.#slowIf(condition as unknown as I32);
  }

  /** The second test is out of the way: only what the first one suspects comes to it. */
  leaveIfBoth(suspect: I32, isBad: (() => I32) | undefined): void {
    if (!isBad) return this.#slowIf(suspect);
    if (this.#isCommitted) throw new NotInline('leaves after a change of state', this.insn.form);
    this.ifRare(suspect, () => this.#slowIf(isBad()));
  }

  #leaveSlow(): void {
    if (this.#isCommitted) throw new NotInline('leaves after a change of state', this.insn.form);
    this.branch(this.slowLabel);
    this.#terminated = true;
  }

  // ---- run-time library
  call<R extends Ty>(fn: RuntimeFn<R>, ...args: Val[]): Val<R> {
    this.checkArguments(fn, args);
    if (this.#isLeftToInterpreter(fn)) return this.#nothing(fn.result) as Val<R>;
    return this.callIndex(this.context.runtime(fn), fn.result, args);
  }

  callVoid(fn: RuntimeFn<'void'>, ...args: Val[]): void {
    this.checkArguments(fn, args);
    if (!this.#isLeftToInterpreter(fn)) this.callIndexVoid(this.context.runtime(fn), args);
  }

  /** A call in a rare branch leaves the region. Functions that touch state kept in locals are not called. */
  #isLeftToInterpreter(fn: RuntimeFn): boolean {
    if (fn.touches.length > 0 && this.ifDepth > 0) {
      this.#leaveSlow();
      return true;
    }
    if (fn.touches.some((group) => group !== 'x87' && group !== 'memory')) throw new NotInline(fn.name, this.insn.form);
    if (fn.touches.length > 0) this.#isCommitted = true;
    return false;
  }

  #nothing(ty: Ty): Val {
    switch (ty) {
      case 'i32': return this.i32(0);
      case 'i64': return this.i64(0);
      case 'f32': return this.f32(0);
      case 'f64': return this.f64(0);
      default: return super.v128(new Uint8Array(16));
    }
  }

  // ---- leaving
  raise(): void { this.#leaveSlow(); }
  override raiseIf(condition: I32): void { this.#slowIf(condition); }
  raiseAfter(): void { this.#leaveSlow(); }
  again(): void { throw new NotInline('repeats itself', this.insn.form); }
  syscall(): void { this.outcome = { kind: 'syscall' }; }
  jump(_o: Operand, condition?: I32): void { this.outcome = { kind: 'jump', condition }; }
  jumpTo(target: I64): void { this.outcome = { kind: 'target', target }; }
  checkTarget(va: I64): void { this.#slowIf(this.ne(this.shrU(va, this.i64(47)), this.i64(0))); }
}
