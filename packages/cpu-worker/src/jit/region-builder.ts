import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import { ATOMIC } from '../ir/atomic-ops.js';
import { node } from '../ir/expression-builder.js';
import type { Graph } from '../ir/graph.js';
import type { Label, Node } from '../ir/node.js';
import type { I32, I64, Int, IntSize, RuntimeFn, Ty, V128, Val, VectorTable } from '../ir/types.js';
import type { Operand } from '../isa/operand.js';
import { rmwOperation } from './atomics.js';
import type { GuestInstruction } from './guest-code.js';
import { RegionMemory } from './region-memory.js';
import { NotInline, type RegionContext } from './region-slots.js';
import { RegionState } from './region-state.js';

/** How the instruction ends. */
export type Outcome = { readonly kind: 'jump'; readonly condition: I32 | undefined } | { readonly kind: 'target'; readonly target: I64 } | { readonly kind: 'syscall' };

/** Comparisons give 0 or 1. */
function isBoolean({ op }: Node): boolean {
  return op.kind === 'pure' && /^(i32|i64|f32|f64)\.(eqz|eq|ne|lt|gt|le|ge)(_[su])?$/.test(op.info.name);
}

/** Builds one instruction of a region: control, calls, locked accesses. */
export class RegionBuilder extends RegionMemory {
  outcome: Outcome | undefined;
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
    if (sizeBits > 8) this.slowIf(this.wrap(this.and(va, this.i64(sizeBits / 8 - 1))));
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
    state.runs = state.runs.filter((run) => other.runs.includes(run));
    if (state.flags !== other.flags) throw new Error('region: flags deferred in a branch');
  }

  override loop(body: () => I32): void {
    const before = new Set(this.context.state.known.keys());
    this.loopDepth++;
    super.loop(body);
    this.loopDepth--;
    for (const slot of this.context.state.known.keys()) if (!before.has(slot)) this.context.state.known.delete(slot);
  }

  protected slowIf(condition: I32): void {
    if (this.#isCommitted) throw new NotInline('leaves after a change of state', this.insn.form);
    this.branchRarely(condition, this.slowLabel);
  }

  /** Conditions that are made of others leave one by one: a branch costs less than a value. */
  #slowUnless(condition: I32): void {
    const { op, args } = node(condition);
    const name = op.kind === 'pure' ? op.info.name : '';
    if (name === 'i32.and' && args.every(isBoolean)) for (const arg of args) this.#slowUnless(arg as unknown as I32);
    else if (name === 'i32.eqz') this.#slowIfAny(args[0]!);
    else this.slowIf(this.eqz(condition));
  }

  #slowIfAny(condition: Node): void {
    const isOr = condition.op.kind === 'pure' && condition.op.info.name === 'i32.or';
    if (isOr) for (const arg of condition.args) this.#slowIfAny(arg);
    else if (this.constOf(condition as unknown as I32) !== 0) this.slowIf(condition as unknown as I32);
  }

  /** The second test is out of the way: only what the first one suspects comes to it. */
  leaveIfBoth(suspect: I32, isBad: (() => I32) | undefined): void {
    if (!isBad) return this.slowIf(suspect);
    if (this.#isCommitted) throw new NotInline('leaves after a change of state', this.insn.form);
    this.ifRare(suspect, () => this.slowIf(isBad()));
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
  override raiseIf(condition: I32): void { this.slowIf(condition); }
  raiseAfter(): void { this.#leaveSlow(); }
  again(): void { throw new NotInline('repeats itself', this.insn.form); }
  syscall(): void { this.outcome = { kind: 'syscall' }; }
  jump(_o: Operand, condition?: I32): void { this.outcome = { kind: 'jump', condition }; }
  jumpTo(target: I64): void { this.outcome = { kind: 'target', target }; }
  checkTarget(va: I64): void { this.slowIf(this.ne(this.shrU(va, this.i64(47)), this.i64(0))); }
}
