import { Code } from '../ir/code.js';
import { Graph } from '../ir/graph.js';
import { analyse, LocalPool, Lowering, RELOCATED, type Relocation } from '../ir/lower.js';
import type { Label } from '../ir/node.js';
import type { I64 } from '../ir/types.js';
import { OP_BYTES } from '../interp/op-record.js';
import { testRounding } from '../isa/simd/float-guards.js';
import type { Block, Edge } from './control-flow.js';
import { ExitStubs } from './exit-stubs.js';
import { formUse, slotsWritten } from './form-use.js';
import type { GuestInstruction } from './guest-code.js';
import type { RegionTrace } from '../trace/region-trace.js';
import { REGION_SIGNATURE, RegionExit } from './region-abi.js';
import { LinkList, type OpLink } from './region-links.js';
import { RegionBuilder, type Outcome } from './region-builder.js';
import { isReload } from './loop-blocks.js';
import type { RegionContext } from './region-slots.js';
import { RegionLocals } from './region-locals.js';
import { operandsOf } from './region-operand.js';
import { RegionState } from './region-state.js';
import { spread } from './spread.js';
import { Transfers } from './transfers.js';
import { ENTERED_SIGNATURE, RegionModuleIndex, type AnalysedRegion, type Callee, type DirectCallee } from './analysed-region.js';
import { FLAG_SLOTS, intersection, isSame, minus, NO_SLOTS, union, type SlotSet } from './slots.js';

/** Body of a region's function, but for the numbers of the functions it calls and of its globals. */
export interface RegionBody {
  readonly locals: LocalPool;
  readonly code: Code;
  readonly relocations: readonly Relocation[];
  /** Offsets in `code` of branches that are hardly ever taken. */
  readonly rare: readonly number[];
  readonly callees: readonly Callee[];
  /** Ops its links name. */
  readonly ops: readonly OpLink[];
  /** Of its globals BodyGlobal.CONSTANTS and following, in hexadecimal. */
  readonly constants: readonly string[];
  /** It has a dispatcher, so that each of its targets may be an entry: the function is of ENTERED_SIGNATURE. */
  readonly hasEntries: boolean;
}

/**
 * Emits a region as structured control flow (Ramsey, Beyond Relooper, ICFP 2022): blocks are nested
 * by the dominator tree, blocks that several edges lead to stand behind a wasm block.
 */
export class RegionEmitter {
  readonly hasEntries: boolean;
  readonly pool: LocalPool;
  readonly locals: RegionLocals;
  readonly exits = new ExitStubs();
  readonly callees: Callee[] = [];
  readonly #body = new Code();
  readonly #lowering: Lowering;
  readonly #labels = new Map<Block, Label>();
  readonly #context: RegionContext;
  readonly #transfers: Transfers;
  readonly #state = new RegionState();
  readonly #links: LinkList;

  constructor(readonly region: AnalysedRegion, readonly trace?: RegionTrace) {
    this.#links = new LinkList(region.pages.size);
    this.hasEntries = region.order.blocks[0]!.end.kind === 'dispatch';
    this.pool = new LocalPool((this.hasEntries ? ENTERED_SIGNATURE : REGION_SIGNATURE).params.length);
    this.locals = new RegionLocals(this.pool);
    this.#lowering = new Lowering(this.#body, this.pool, (label) => this.exits.depth(label));
    this.#context = { locals: this.locals, state: this.#state, runtime: (fn) => this.callee(fn), window: (insn) => region.windows.of(insn), isRewritten: (insn) => region.rewritten.has(insn), block: RegionModuleIndex.CORE_BLOCK };
    this.#transfers = new Transfers(region, this.locals, this.#links, (callee) => this.callee(callee));
  }

  /** Number of a function until the module is put together. */
  callee(callee: Callee): number {
    let index = this.callees.findIndex((known) => known === callee || (isDirect(known) && isDirect(callee) && known.at === callee.at));
    if (index < 0) index = this.callees.push(callee) - 1;
    return RELOCATED + index;
  }

  emit(): RegionBody {
    this.#tree(this.region.order.blocks[0]!);
    this.#body.byte(0x00);
    this.#lowering.fillIn();
    const code = new Code();
    const { relocations, rare } = this.#emitInto(code, (b) => this.#transfers.enter(b));
    for (let i = 0; i < this.exits.stubs.length; i++) code.bytes([0x02, 0x40]);
    const shift = code.length;
    relocations.push(...this.#lowering.relocations.map((relocation) => ({ ...relocation, at: relocation.at + shift })));
    rare.push(...this.#lowering.rare.map((at) => at + shift));
    code.bytes(this.#body.view());
    for (const stub of this.exits.stubs) {
      code.byte(0x0b);
      relocations.push(...this.#emitInto(code, (b) => this.#transfers.leaveByStub(b, stub)).relocations);
    }
    code.byte(0x00);
    return { locals: this.pool, code, relocations, rare, callees: this.callees, ops: this.#links.ops, constants: this.locals.globalConstants, hasEntries: this.hasEntries };
  }

  /** Returns what knows its calls and rare branches. */
  #emitInto(code: Code, build: (b: RegionBuilder) => void): Lowering {
    const lowering = new Lowering(code, this.pool);
    this.#build(lowering, this.region.entry, NOWHERE, build);
    return lowering;
  }

  /** `traced`: the instruction that is emitted. */
  #build(lowering: Lowering, insn: GuestInstruction, slow: Label, build: (b: RegionBuilder) => void, traced?: GuestInstruction): void {
    const graph = new Graph();
    const b = new RegionBuilder(graph, (ty) => this.pool.take(ty), this.#context, insn, slow, formUse(insn.form).touchesFlags);
    build(b);
    analyse(graph.root);
    this.trace?.emitted(traced, graph.root);
    lowering.list(graph.root);
    this.pool.release();
  }

  /** Emits code that belongs to no instruction. */
  #part(build: (b: RegionBuilder) => void): void {
    this.#build(this.#lowering, this.region.entry, NOWHERE, build);
  }

  // ---- structure
  #tree(block: Block): void {
    const { children, merges, loops } = this.region.order;
    const behind = children.get(block)!.filter((child) => merges.has(child));
    const loop = loops.has(block);
    if (loop) this.#testRounding(block, this.region.flow.dirtyAtStart(block));
    const written = loop && !merges.has(block) ? this.region.flow.writtenInLoop(block) : undefined;
    if (written) this.#state.enterLoop(written);
    else if (loop || merges.has(block)) this.#state.reset();
    if (loop && this.#isRoundingTested(block)) this.#state.rounding = 'tested';
    if (loop) this.#lowering.open('loop', this.#label(block, 'loop'));
    for (const child of [...behind].reverse()) this.#lowering.open('block', this.#label(child, 'merge'));
    this.#block(block);
    for (const child of behind) {
      this.#lowering.close();
      this.#tree(child);
    }
    if (loop) this.#lowering.close();
  }

  /** Whatever jumps to the head of the loop has tested MXCSR, as the block would leave otherwise. */
  #isRoundingTested(head: Block): boolean {
    return !this.region.order.merges.has(head) && head.insns.some(({ form }) => formUse(form).isInline && formUse(form).testsRounding);
  }

  #testRounding(head: Block, dirty: SlotSet): void {
    if (this.#state.rounding === 'tested' || !this.#isRoundingTested(head)) return;
    const isLive = this.region.flags.on({ block: head });
    const slow = this.exits.label(RegionExit.SLOW, isLive ? dirty : minus(dirty, FLAG_SLOTS));
    this.#build(this.#lowering, this.region.entry, slow, (b) => {
      if (isLive) b.flushFlags();
      this.#transfers.setPc(b, head.at);
      testRounding(b);
    });
  }

  readonly #loopLabels = new Map<Block, Label>();

  #label(block: Block, kind: 'loop' | 'merge'): Label {
    const labels = kind === 'loop' ? this.#loopLabels : this.#labels;
    let label = labels.get(block);
    if (!label) labels.set(block, (label = { name: `${kind} ${block.at.toString(16)}` }));
    return label;
  }

  #isBack(from: Block, edge: Edge): edge is { block: Block } {
    return 'block' in edge && edge.block.order <= from.order;
  }

  #isMerge(from: Block, edge: Edge): edge is { block: Block } {
    return 'block' in edge && edge.block.order > from.order && this.region.order.merges.has(edge.block);
  }

  // ---- blocks
  #block(block: Block): void {
    const { flags } = this.region;
    if (block.end.kind === 'dispatch') return this.#dispatch(block, block.end.targets);
    this.#part((b) => b.setLocal(this.locals.count, b.add(b.local('i32', this.locals.count, 'var'), b.i32(block.insns.length * OP_BYTES))));
    const { flow } = this.region;
    this.#state.isInLoop = flow.isInLoop(block);
    let dirty = this.#storeBut(flow.mayBeDirtyIn(block), flow.dirtyAtStart(block));
    let loaded = flow.loadedAtStart(block);
    for (const [i, insn] of block.insns.entries()) {
      const next = block.insns[i + 1];
      const liveAfter = next ? flags.before(next) : flags.atEnd(block);
      const written = slotsWritten(insn, liveAfter);
      if (next || block.end.kind !== 'cold') {
        const reads = flow.readBy(insn);
        this.#load(minus(reads, loaded));
        loaded = union(loaded, union(reads, written));
      }
      if (formUse(insn.form).mayExit) dirty = this.#storeBut(flow.mayBeDirtyIn(block), dirty);
      if (!next && block.end.kind !== 'go' && block.end.kind !== 'slow') return this.#end(block, insn, dirty, liveAfter);
      if (!(insn.form.row.mnemonic === 'jmp')) this.#instruction(insn, dirty, liveAfter);
      dirty = union(dirty, written);
    }
    if (block.end.kind === 'slow') return this.#leave(block.end.at, RegionExit.SLOW, dirty, true);
    dirty = this.#storeBut(flow.mayBeDirtyAfter(block), dirty);
    this.#load(flow.loadsAtEnd(block));
    if (block.end.kind === 'go') this.#edge(block, block.end.to, dirty);
  }

  /** Stores what is dirty but must not stay so; what stays is the result. */
  #storeBut(mayStay: SlotSet, dirty: SlotSet): SlotSet {
    const now = minus(dirty, mayStay);
    if (!isSame(now, NO_SLOTS)) this.#part((b) => this.#transfers.store(b, now));
    return intersection(dirty, mayStay);
  }

  #load(slots: SlotSet): void {
    if (!isSame(slots, NO_SLOTS)) this.#part((b) => this.#transfers.load(b, slots));
  }

  /** Emits an instruction; `after` adds to its code. */
  #instruction(insn: GuestInstruction, dirty: SlotSet, liveAfter: boolean, after?: (b: RegionBuilder, outcome: Outcome) => void): void {
    const { mayExit } = formUse(insn.form);
    const liveBefore = this.region.flags.before(insn);
    const slow = mayExit ? this.exits.label(RegionExit.SLOW, liveBefore ? dirty : minus(dirty, FLAG_SLOTS)) : NOWHERE;
    this.#build(this.#lowering, insn, slow, (b) => {
      b.storesFlags = liveAfter;
      if (mayExit) {
        if (liveBefore) b.flushFlags();
        this.#transfers.setPc(b, insn.at);
      }
      insn.form.row.sem(b, ...operandsOf(insn));
      if (!liveAfter) this.#state.flags = undefined;
      if (after) after(b, b.outcome ?? { kind: 'jump', condition: undefined });
    }, insn);
  }

  #end(block: Block, insn: GuestInstruction, dirty: SlotSet, liveAfter: boolean): void {
    const { end } = block;
    const written = union(dirty, slotsWritten(insn, liveAfter));
    const { flags } = this.region;
    if (!isReload(block)) this.#load(this.region.flow.loadsAtEnd(block));
    switch (end.kind) {
      case 'condition': return this.#condition(block, insn, dirty, written);
      case 'cold':
        this.#part((b) => {
          if (flags.before(insn)) b.flushFlags();
          this.#transfers.runCold(b, insn, flags.before(insn) ? dirty : minus(dirty, FLAG_SLOTS));
        });
        return this.#afterReload(block, end.next);
      case 'call': case 'callIndirect':
        this.#instruction(insn, dirty, liveAfter, (b, outcome) => {
          const target = outcome.kind === 'target' ? outcome.target : undefined;
          const likely = target === undefined ? insn.target : this.region.code.targetInMemory(insn);
          const readsFlags = liveAfter && (likely === undefined || flags.ahead(likely));
          this.#transfers.call(b, { ...end, target, likely, readsFlags }, written, flags.on(end.next));
        });
        return this.#afterReload(block, end.next);
      case 'enter':
        this.#instruction(insn, dirty, liveAfter);
        return this.#edgeAfter(block, end.to, written);
      case 'back': return this.#back(block, insn, end, dirty, written);
      case 'return': return this.#instruction(insn, dirty, true, (b, outcome) => this.#transfers.return(b, targetOf(outcome), written));
      case 'indirect': return this.#indirect(block, insn, dirty, written, end);
      default: return this.#instruction(insn, dirty, true, (b) => {
        b.flushFlags();
        this.#transfers.syscall(b, insn, written);
      });
    }
  }

  /** Return of a callee that is part of the region. */
  #back(block: Block, insn: GuestInstruction, { returnAt, next }: { readonly returnAt: number; readonly next: Edge }, dirty: SlotSet, written: SlotSet): void {
    this.#instruction(insn, dirty, true, (b, outcome) => this.#unlessAt(b, returnAt, targetOf(outcome), written));
    this.#edgeAfter(block, next, written);
  }

  #indirect(block: Block, insn: GuestInstruction, dirty: SlotSet, written: SlotSet, { to, targets }: { readonly to: Block | undefined; readonly targets: readonly Block[] }): void {
    const likely = this.region.code.targetInMemory(insn);
    this.#instruction(insn, dirty, true, (b, outcome) => {
      if (likely !== undefined) this.#unlessAt(b, likely, targetOf(outcome), written);
      else if (to || targets.length > 0) {
        b.flushFlags();
        b.setLocal(this.locals.target, targetOf(outcome));
      } else {
        b.flushFlags();
        this.#transfers.jump(b, targetOf(outcome), written);
      }
    });
    if (likely !== undefined) this.#edgeAfter(block, { exit: likely }, written);
    else if (to) this.#edgeAfter(block, { block: to }, written);
    else if (targets.length > 0) this.#switch(block, targets, this.#storeBut(this.region.flow.mayBeDirtyAfter(block), written));
  }

  /** Leaves for `target` if that is not where control goes on. */
  #unlessAt(b: RegionBuilder, at: number, target: I64, written: SlotSet): void {
    const state = new RegionState(this.#state);
    b.ifRare(b.ne(target, b.address(at)), () => {
      b.flushFlags();
      this.#transfers.jump(b, target, written);
    });
    this.#state.restore(state);
  }

  /** Takes the edge once what its end must not have to store is stored. */
  #edgeAfter(block: Block, edge: Edge, dirty: SlotSet): void {
    this.#edge(block, edge, this.#storeBut(this.region.flow.mayBeDirtyAfter(block), dirty));
  }

  #dispatch(block: Block, targets: readonly Block[]): void {
    this.#load(this.region.flow.loadsAtEnd(block));
    this.#state.reset();
    this.#switch(block, targets, this.region.flow.dirtyAtStart(block));
  }

  /** Goes to the block at the local `target`; leaves when it is none of them. */
  #switch(block: Block, targets: readonly Block[], dirty: SlotSet): void {
    const target = (b: RegionBuilder): I64 => b.local('i64', this.locals.target, 'var');
    const elsewhere: Label = { name: 'elsewhere' };
    const cases = targets.map(({ at }) => ({ name: `case ${at.toString(16)}` }));
    const { multiplier, shift, slots } = spread(targets.map(({ at }) => at));
    const before = new RegionState(this.#state);
    this.#lowering.open('block', elsewhere);
    for (const label of [...cases].reverse()) this.#lowering.open('block', label);
    this.#part((b) => {
      const at = b.wrap(b.sub(target(b), b.local('i64', this.locals.origin)));
      b.branchTable(b.shrU(b.mul(at, b.i32(multiplier)), b.i32(shift)), slots.map((i) => cases[i] ?? elsewhere), elsewhere);
    });
    for (const next of targets) {
      this.#lowering.close();
      this.#state.restore(before);
      this.#part((b) => b.branchRarely(b.ne(target(b), b.address(next.at)), elsewhere));
      this.#edge(block, { block: next }, dirty);
    }
    this.#lowering.close();
    this.#state.restore(before);
    this.#part((b) => this.#transfers.jump(b, target(b), dirty));
  }

  /** Behind a call or a cold instruction: nothing is dirty. */
  #afterReload(block: Block, next: Edge): void {
    this.#state.reset();
    this.#load(this.region.flow.loadsAtEnd(block));
    this.#edge(block, next, NO_SLOTS);
  }

  #condition(block: Block, insn: GuestInstruction, dirty: SlotSet, written: SlotSet): void {
    if (block.end.kind !== 'condition') return;
    const { taken, next } = block.end;
    const { flags } = this.region;
    const needsFlags = [taken, next].some((edge) => !this.#isInline(block, edge) && flags.on(edge));
    let rest: (() => void) | undefined;
    const mayStay = this.region.flow.mayBeDirtyAfter(block);
    this.#instruction(insn, dirty, flags.atEnd(block), (b, outcome) => {
      this.#transfers.store(b, minus(written, mayStay));
      const condition = (outcome.kind === 'jump' ? outcome.condition : undefined) ?? b.i32(1);
      if (needsFlags) b.flushFlags();
      rest = this.#fork(b, block, condition, intersection(written, mayStay));
    });
    rest!();
  }

  /** Ends the graph of a conditional jump with a branch; the result emits what follows. */
  #fork(b: RegionBuilder, block: Block, condition: ReturnType<RegionBuilder['eqz']>, dirty: SlotSet): () => void {
    if (block.end.kind !== 'condition') throw new Error('region: no condition');
    const { taken, next } = block.end;
    const takenLabel = this.#branchLabel(b, block, taken, dirty);
    if (takenLabel) {
      b.branchIf(condition, takenLabel);
      return () => this.#edge(block, next, dirty);
    }
    const nextLabel = this.#branchLabel(b, block, next, dirty);
    if (nextLabel) {
      b.branchIf(b.eqz(condition), nextLabel);
      return () => this.#edge(block, taken, dirty);
    }
    b.openIf(condition);
    return () => {
      const state = new RegionState(this.#state);
      this.#edge(block, taken, dirty);
      this.#lowering.otherwise();
      this.#state.restore(state);
      this.#edge(block, next, dirty);
      this.#lowering.close();
    };
  }

  /** Label to branch to when the edge needs no code of its own. */
  #branchLabel(b: RegionBuilder, block: Block, edge: Edge, dirty: SlotSet): Label | undefined {
    if (this.#isMerge(block, edge)) return this.#label(edge.block, 'merge');
    if ('block' in edge || this.region.code.opAt(edge.exit) !== 0) return undefined;
    this.#transfers.setPc(b, edge.exit);
    return this.exits.label(RegionExit.JUMP, this.#dirtyOn(edge, dirty));
  }

  #dirtyOn(edge: Edge, dirty: SlotSet): SlotSet {
    return this.region.flags.on(edge) ? dirty : minus(dirty, FLAG_SLOTS);
  }

  /** Goes on with the code right here. */
  #isInline(from: Block, edge: Edge): boolean {
    return 'block' in edge && !this.#isBack(from, edge) && !this.#isMerge(from, edge);
  }

  #edge(from: Block, edge: Edge, dirty: SlotSet): void {
    const isLive = this.region.flags.on(edge);
    if (!('block' in edge)) return this.#leave(edge.exit, RegionExit.JUMP, this.#dirtyOn(edge, dirty), isLive);
    if (this.#isInline(from, edge)) {
      // At the head of a loop nothing is known but the locals.
      if (isLive && this.region.order.loops.has(edge.block)) this.#part((b) => b.flushFlags());
      return this.#tree(edge.block);
    }
    const isBack = this.#isBack(from, edge);
    if (isBack) this.#testRounding(edge.block, dirty);
    this.#part((b) => {
      if (isLive) b.flushFlags();
      if (!isBack) return b.branch(this.#label(edge.block, 'merge'));
      this.#transfers.repeat(b, this.#label(edge.block, 'loop'));
      if (edge.block.end.kind === 'dispatch') return this.#transfers.pollAt(b, b.local('i64', this.locals.target, 'var'), dirty);
      this.#transfers.setPc(b, edge.block.at);
      b.branch(this.exits.label(RegionExit.POLL, this.#dirtyOn(edge, dirty)));
    });
  }

  /** Leaves the region for a known address; goes straight on in another region when there is one. */
  #leave(at: number, exit: number, dirty: SlotSet, flagsLive: boolean): void {
    this.#part((b) => {
      if (flagsLive) b.flushFlags();
      if (exit === RegionExit.JUMP && this.region.code.opAt(at) !== 0) return this.#transfers.link(b, at, dirty);
      this.#transfers.setPc(b, at);
      b.branch(this.exits.label(exit, dirty));
    });
  }
}

function isDirect(callee: Callee): callee is DirectCallee {
  return typeof callee === 'object' && 'at' in callee;
}

function targetOf(outcome: Outcome): I64 {
  if (outcome.kind !== 'target') throw new Error('region: no target');
  return outcome.target;
}

const NOWHERE: Label = { name: 'nowhere' };

