import { TCB } from '@troupe/abi/layout/tcb.js';
import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import type { Graph } from '../ir/graph.js';
import type { Label } from '../ir/node.js';
import type { StateField, StateTy } from '../ir/builder.js';
import type { I32, I64, Int, RuntimeFn, Ty, Val } from '../ir/types.js';
import type { Operand } from '../isa/operand.js';
import type { Addressing } from './forms.js';
import { InterpBuilder, type Linkage } from './interp-builder.js';
import { OP, OP_BYTES } from './op-record.js';

/** Locals of the main loop. */
export interface MainLocals {
  readonly tcb: number;
  readonly op: number;
  /**
   * Bytes of op records run since the last account, less the slice, less `op`: so that
   * `count + op` is negative while the slice lasts. See interp/main-loop.ts.
   */
  readonly count: number;
  /** Address of a jump that has to be looked up. */
  readonly target: number;
  readonly tableRead: number;
  readonly tableWrite: number;
}

/** Exits of a handler in the main loop. */
export interface MainLabels {
  /** Run the next op (op was advanced). */
  readonly next: Label;
  /** The slice is used up; op is the next to run. */
  readonly poll: Label;
  /** Look `target` up. */
  readonly resolve: Label;
  /** Run this op's cold handler. */
  readonly slow: Label;
}

const OFFSET_MASK = 0xffffffff_00000fffn;

/** Builds one instruction inside the main switch: anything unusual goes to the cold handler before it has an effect. */
export class HotBuilder extends InterpBuilder {
  constructor(
    graph: Graph,
    takeLocal: (ty: Ty) => number,
    link: Linkage,
    addressing: Addressing,
    readonly locals: MainLocals,
    readonly labels: MainLabels,
  ) {
    super(graph, takeLocal, link, addressing, false);
  }

  /** Flag words as this instruction wrote them: read back without a load. */
  readonly #flags = new Map<StateField, Val>();
  #values: Map<unknown, Int> | undefined;
  /** False: the flags this instruction writes are not stored. */
  storesFlags = true;

  override field<F extends StateField>(name: F): Val<StateTy<F>> {
    return (this.#flags.get(name) as Val<StateTy<F>> | undefined) ?? super.field(name);
  }

  override setField<F extends StateField>(name: F, value: Val<StateTy<F>>): void {
    const isLazy = name === 'ccRes' || name === 'ccAux';
    if (isLazy) this.#flags.set(name, value);
    if (!isLazy || this.storesFlags) super.setField(name, value);
  }

  /** Values written inside a branch are not known outside of it. */
  override if(condition: I32, then: () => void, otherwise?: () => void): void {
    const before = new Map(this.#flags);
    const restore = (): void => {
      this.#flags.clear();
      for (const [name, value] of before) this.#flags.set(name, value);
    };
    let changed = false;
    const watch = (build: () => void) => (): void => {
      restore();
      build();
      changed ||= [...this.#flags].some(([name, value]) => before.get(name) !== value);
    };
    super.if(condition, watch(then), otherwise && watch(otherwise));
    if (changed) this.#flags.clear();
    else restore();
  }

  /** Runs `build` with operand values that are known already. */
  withValues(values: Map<unknown, Int>, build: () => void): void {
    this.#values = values;
    build();
    this.#values = undefined;
  }

  override getInt(o: Operand): Int {
    return this.#values?.get(o) ?? super.getInt(o);
  }

  tcb(): I32 { return this.local('i32', this.locals.tcb); }
  opAddress(): I32 { return this.local('i32', this.locals.op); }
  pcBase(): I64 { return this.readRaw('i64', this.tcb(), TCB.off.pcBase, 'fixed'); }

  translate(va: I64, bytes: number, forWrite: boolean): I32 {
    this.branchIf(this.ltU(this.i64(0x1000 - bytes), this.and(va, this.i64(OFFSET_MASK))), this.labels.slow);
    const va32 = this.wrap(va);
    const table = this.local('i32', forWrite ? this.locals.tableWrite : this.locals.tableRead);
    const slot = this.and(this.shrU(va32, this.i32(10)), this.i32(0x3ffffc));
    const entry = this.readRaw('i32', this.add(table, slot), 0, 'guest');
    this.branchIf(this.eqz(entry), this.labels.slow);
    return this.add(va32, entry);
  }

  commit(): void {}

  raise(): void { this.branch(this.labels.slow); }
  override raiseIf(condition: I32): void { this.branchIf(condition, this.labels.slow); }

  /** Goes on at op `target`; `ran` = the new `count + op`. */
  goTo(target: I32, ran: I32): void {
    this.setLocal(this.locals.count, this.sub(ran, target));
    this.setLocal(this.locals.op, target);
    this.branchIf(this.ltS(ran, this.i32(0)), this.labels.next);
    this.branch(this.labels.poll);
  }

  /** `count + op` after this op and those up to `ops`. */
  ranAfter(ops: number): I32 {
    const count = this.local('i32', this.locals.count, 'var');
    return this.add(this.add(count, this.opAddress()), this.i32(ops * OP_BYTES));
  }

  /** Jump of the op `offset` bytes after this one (fused pairs); `ops` = instructions run. */
  takeJump(offset: number, ops = 1 + offset / OP_BYTES): void {
    const link = this.readRaw('i32', this.opAddress(), offset + OP.link, 'guest');
    const ran = this.ranAfter(ops);
    this.if(link, () => this.goTo(link, ran));
    this.setLocal(this.locals.count, ran);
    const imm = this.readRaw('i64', this.opAddress(), offset + OP.imm, 'fixed');
    this.setLocal(this.locals.target, this.add(this.pcBase(), imm));
    if (offset > 0) this.setLocal(this.locals.op, this.add(this.opAddress(), this.i32(offset)));
    this.branch(this.labels.resolve);
  }

  jump(_o: Operand, condition?: I32): void {
    if (condition) this.if(condition, () => this.takeJump(0));
    else this.takeJump(0);
  }

  jumpTo(va: I64): void {
    this.setLocal(this.locals.target, va);
    this.setLocal(this.locals.count, this.ranAfter(1));
    this.branch(this.labels.resolve);
  }

  checkTarget(va: I64): void { this.branchIf(this.ne(this.shrU(va, this.i64(47)), this.i64(0)), this.labels.slow); }

  /** The main loop calls nothing: whatever needs the run-time library is left to the cold handler. */
  override call<R extends Ty>(fn: RuntimeFn<R>): Val<R> {
    this.branch(this.labels.slow);
    return this.#nothing(fn.result) as Val<R>;
  }

  override callVoid(): void { this.branch(this.labels.slow); }

  #nothing(ty: Ty): Val {
    switch (ty) {
      case 'i32': return this.i32(0);
      case 'i64': return this.i64(0);
      case 'f32': return this.f32(0);
      case 'f64': return this.f64(0);
      default: return this.v128(new Uint8Array(16));
    }
  }

  raiseAfter(): void { this.branch(this.labels.slow); }
  syscall(): void { this.branch(this.labels.slow); }
  again(): void { throw new Error('hot row repeats itself'); }
  lockedRmw(): { old: Int; value: Int } { throw new Error('hot row with LOCK'); }
  cmpxchg16(): [I64, I64] { throw new Error('hot row with cmpxchg16b'); }
  hostRead(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, false), this.i32(ADDEND_BIAS)); }
  hostWrite(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, true), this.i32(ADDEND_BIAS)); }
  hostCommit(): void {}
}
