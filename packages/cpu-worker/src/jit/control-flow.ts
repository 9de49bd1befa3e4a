import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { formUse } from './form-use.js';
import { RIP_BASE, type GuestCode, type GuestInstruction } from './guest-code.js';

/** Where control goes: a block of the region, or code outside at `exit`. */
export type Edge = { readonly block: Block } | { readonly exit: number };

export type Terminator =
  | { readonly kind: 'go'; to: Edge }
  | { readonly kind: 'condition'; taken: Edge; next: Edge }
  /** The callee returns to the instruction at `returnAt`, the start of `next`. Also a jump of a copied callee to another function. */
  | { readonly kind: 'call' | 'callIndirect'; readonly returnAt: number; next: Edge }
  /** A call whose callee is part of the region. */
  | { readonly kind: 'enter'; to: Edge }
  /** Return of such a callee: to the instruction at `returnAt`, the start of `next`, unless it changed its return address. */
  | { readonly kind: 'back'; readonly returnAt: number; next: Edge }
  | { readonly kind: 'return' | 'syscall' }
  /** `to`: the dispatcher, which knows some targets. */
  | { readonly kind: 'indirect'; readonly to: Block | undefined }
  /** End of the dispatcher, a block without instructions: where computed jumps may lead. */
  | { readonly kind: 'dispatch'; targets: Block[] }
  /** The last instruction is run by its cold handler. */
  | { readonly kind: 'cold'; next: Edge }
  /** The interpreter goes on at the instruction `at`. */
  | { readonly kind: 'slow'; readonly at: number };

export interface Block {
  readonly at: number;
  readonly insns: GuestInstruction[];
  end: Terminator;
  /** Position in reverse postorder; set by order.ts. */
  order: number;
}

/** All of a loop around computed jumps must fit, or there is no dispatcher: one that knows a part costs more than it saves. */
const MAX_DISPATCHED = 600;
const MAX_TARGETS = 128;
const MAX_PAGES_AWAY = 1;
/** Callees that are worth a copy at each call. */
const MAX_COPIED = 24;
const MAX_COPIED_DEPTH = 2;
/** Of any depth: `endbr64` and a jump through the linker's table. */
const MAX_TRAMPOLINE = 3;
/** Padding behind a jump. */
const MAX_PADDING_BYTES = 16;

/**
 * Rows that are always left to the interpreter: they leave guest code or change how it runs. enter may read what it has
 * written, so it must not begin again after a fault.
 */
const LEFT_TO_INTERPRETER = /^(enter|ud\d|hlt|int.*|popf.*|cli|sti|in|out|ins.|outs.|iret.*|sysexit|sysret)$/;

type InstructionKind = 'plain' | 'jump' | 'condition' | 'call' | 'callIndirect' | 'indirect' | 'return' | 'syscall' | 'cold' | 'slow';

function kindOf(insn: GuestInstruction): InstructionKind {
  const { mnemonic, ends } = insn.form.row;
  if (LEFT_TO_INTERPRETER.test(mnemonic)) return 'slow';
  const isRelative = !Number.isNaN(insn.target);
  if (mnemonic === 'call') return isRelative ? 'call' : 'callIndirect';
  if (mnemonic === 'jmp') return isRelative ? 'jump' : 'indirect';
  if (mnemonic === 'ret') return 'return';
  if (mnemonic === 'syscall') return 'syscall';
  if (isRelative) return 'condition';
  if (ends) return 'slow';
  return formUse(insn.form).isInline ? 'plain' : 'cold';
}

/** Finds the code of a region: what can be reached from the entry by direct jumps and was decoded, so probably run, up to where other regions start. */
class Discovery {
  readonly insns = new Map<number, GuestInstruction>();
  readonly leaders = new Set<number>();
  /** Where computed jumps may lead. */
  readonly targets = new Set<number>();
  readonly #pending: number[] = [];
  #maxInstructions: number;

  constructor(
    readonly code: GuestCode,
    readonly entry: number,
    /** At an address: another region starts there. */
    readonly isElsewhere: (at: number) => boolean,
    maxInstructions: number,
  ) {
    this.#maxInstructions = maxInstructions;
  }

  /** A callee: all of it that was decoded, if that is little and comes back. */
  static callee(code: GuestCode, entry: number, maxInstructions: number): Discovery | undefined {
    const found = new Discovery(code, entry, () => false, maxInstructions);
    found.#reach(entry);
    found.#follow();
    return found.insns.has(entry) && found.#isClosed() ? found : undefined;
  }

  /** It ends in returns, or in jumps to other functions. */
  #isClosed(): boolean {
    if (this.insns.size >= this.#maxInstructions) return false;
    let ends = false;
    for (const insn of this.insns.values()) {
      const kind = kindOf(insn);
      if (kind === 'return' || kind === 'indirect' || (kind === 'jump' && this.#isFar(insn.target))) ends = true;
      else if (kind === 'jump' || kind === 'condition') {
        if (!this.insns.has(insn.target) && this.code.opAt(insn.target) !== 0) return false;
      } else if (kind !== 'plain' && kind !== 'call') return false;
    }
    return ends;
  }

  /** Reached by a jump, but no part of what was found. */
  #isFar(at: number): boolean {
    return !this.#isNear(at) && this.code.opAt(at) !== 0;
  }

  get isTrampoline(): boolean {
    return [...this.insns.values()].every((insn) => kindOf(insn) === 'plain' || (kindOf(insn) === 'indirect' && !isDispatch(insn)));
  }

  get calls(): boolean {
    return [...this.insns.values()].some((insn) => kindOf(insn) === 'call');
  }

  run(): void {
    const { entry } = this;
    this.#reach(entry);
    this.#follow();
    const dispatch = [...this.insns.values()].find(isDispatch);
    if (!dispatch) return;
    this.#maxInstructions = MAX_DISPATCHED;
    this.#lookAround(dispatch);
    if (this.#isTooMuch) this.targets.clear();
    if (this.targets.size > 0) this.targets.add(entry);
  }

  get #isTooMuch(): boolean {
    return this.insns.size >= MAX_DISPATCHED || this.targets.size > MAX_TARGETS;
  }

  /**
   * Looks behind the jumps of the region and those near it that belong to the same loop: they lead into
   * the region, or are computed in the same way.
   */
  #lookAround(dispatch: GuestInstruction): void {
    let apart = this.#jumpsNearby();
    for (let found = -1; found < this.targets.size && !this.#isTooMuch; ) {
      found = this.targets.size;
      for (const insn of this.insns.values()) this.#lookBehind(insn);
      const rest: GuestInstruction[] = [];
      for (const jump of apart) {
        if (jump.form === dispatch.form || this.insns.has(jump.target)) this.#lookBehind(jump);
        else rest.push(jump);
      }
      apart = rest;
    }
  }

  /** Unconditional jumps near the entry that were decoded. */
  #jumpsNearby(): GuestInstruction[] {
    const jumps: GuestInstruction[] = [];
    for (let at = -MAX_PAGES_AWAY * PAGE_SIZE; at < (MAX_PAGES_AWAY + 1) * PAGE_SIZE; at++) {
      const insn = this.code.opAt(at) === 0 || this.insns.has(at) ? undefined : this.code.decode(at);
      const kind = insn ? kindOf(insn) : 'plain';
      if (kind === 'jump' || (kind === 'indirect' && isDispatch(insn!))) jumps.push(insn!);
    }
    return jumps;
  }

  #follow(): void {
    for (let at = this.#pending.shift(); at !== undefined; at = this.#pending.shift()) this.#straight(at);
  }

  /** What was decoded behind an unconditional jump, so probably run, can only have been jumped to: by a computed jump, unless a direct one is known. */
  #lookBehind(insn: GuestInstruction): void {
    const kind = kindOf(insn);
    if (kind !== 'jump' && kind !== 'indirect') return;
    for (let at = insn.at + insn.lenBytes, end = at + MAX_PADDING_BYTES; at < end; at++) {
      if (!this.#isNear(at) || this.code.opAt(at) === 0) continue;
      if (this.insns.has(at)) return;
      this.targets.add(at);
      this.#reach(at);
      return this.#follow();
    }
  }

  #isNear(at: number): boolean {
    return Math.abs(Math.floor(at / PAGE_SIZE) - Math.floor(this.entry / PAGE_SIZE)) <= MAX_PAGES_AWAY;
  }

  #reach(at: number): void {
    if (!this.#isNear(at) || this.code.opAt(at) === 0 || (at !== this.entry && this.isElsewhere(at))) return;
    if (!this.leaders.has(at)) this.#pending.push(at);
    this.leaders.add(at);
  }

  #straight(start: number): void {
    for (let at = start; !this.insns.has(at); ) {
      if (this.insns.size >= this.#maxInstructions || this.code.opAt(at) === 0 || (at !== start && this.isElsewhere(at))) return;
      const insn = this.code.decode(at);
      if (!insn) return;
      this.insns.set(at, insn);
      const next = at + insn.lenBytes;
      const kind = kindOf(insn);
      if (kind === 'jump') return this.#reach(insn.target);
      if (kind === 'condition') this.#reach(insn.target);
      if (kind === 'condition' || kind === 'call' || kind === 'callIndirect' || kind === 'cold') return this.#reach(next);
      if (kind !== 'plain') return;
      at = next;
      if (!this.#isNear(at)) return;
    }
  }
}

/** A computed jump, but not one through the linker's table of other modules' functions. */
function isDispatch(insn: GuestInstruction): boolean {
  return kindOf(insn) === 'indirect' && insn.base !== RIP_BASE;
}

/** Of a copied callee: where it returns to. */
interface Caller {
  readonly returnAt: number;
  readonly next: Edge;
  readonly depth: number;
}

class BlockMaker {
  readonly blocks = new Map<number, Block>();
  readonly dispatcher: Block | undefined;

  constructor(
    readonly found: Discovery,
    /** Instructions that may still be copied into the region. */
    readonly room: { left: number },
    readonly caller?: Caller,
  ) {
    if (found.targets.size > 0) this.dispatcher = { at: NaN, insns: [], end: { kind: 'dispatch', targets: [] }, order: -1 };
  }

  /** The region's first block: the dispatcher dominates all others when there is one, so no jump through it is irreducible. */
  start(entry: number): Block | undefined {
    const first = this.block(entry);
    if (first.insns.length === 0 || this.dispatcher?.end.kind !== 'dispatch') return first.insns.length === 0 ? undefined : first;
    this.dispatcher.end.targets = [...this.found.targets].filter((at) => this.found.insns.has(at)).map((at) => this.block(at));
    return this.dispatcher;
  }

  block(at: number): Block {
    let block = this.blocks.get(at);
    if (!block) {
      block = { at, insns: [], end: { kind: 'slow', at }, order: -1 };
      this.blocks.set(at, block);
      this.#fill(block);
    }
    return block;
  }

  #edge(at: number): Edge {
    return this.found.insns.has(at) && this.found.leaders.has(at) ? { block: this.block(at) } : { exit: at };
  }

  #fill(block: Block): void {
    let at = block.at;
    for (;;) {
      const insn = this.found.insns.get(at);
      if (!insn) {
        block.end = { kind: 'go', to: { exit: at } };
        return;
      }
      const kind = kindOf(insn);
      if (kind === 'slow') {
        block.end = { kind: 'slow', at };
        return;
      }
      block.insns.push(insn);
      at += insn.lenBytes;
      if (kind !== 'plain') {
        block.end = this.#terminator(insn, kind, at);
        return;
      }
      if (this.found.leaders.has(at)) {
        block.end = { kind: 'go', to: this.#edge(at) };
        return;
      }
    }
  }

  #terminator(insn: GuestInstruction, kind: Exclude<InstructionKind, 'plain' | 'slow'>, next: number): Terminator {
    switch (kind) {
      case 'jump': return this.#jump(insn);
      case 'condition': return { kind, taken: this.#edge(insn.target), next: this.#edge(next) };
      case 'call': return this.#call(insn, next);
      case 'return': return this.caller ? { kind: 'back', returnAt: this.caller.returnAt, next: this.caller.next } : { kind };
      case 'callIndirect': return { kind, returnAt: next, next: this.#edge(next) };
      case 'cold': return { kind, next: this.#edge(next) };
      case 'indirect': return this.caller ? { ...this.caller, kind: 'callIndirect' } : { kind, to: isDispatch(insn) ? this.dispatcher : undefined };
      default: return { kind };
    }
  }

  #jump({ target }: GuestInstruction): Terminator {
    if (this.found.insns.has(target) || this.found.code.opAt(target) === 0) return { kind: 'go', to: this.#edge(target) };
    return this.caller ? { ...this.caller, kind: 'call' } : { kind: 'go', to: this.#trampoline(target) ?? { exit: target } };
  }

  /** A jump through the linker's table is part of the region that leaves by it. */
  #trampoline(at: number): Edge | undefined {
    const found = Discovery.callee(this.found.code, at, MAX_TRAMPOLINE);
    return found?.isTrampoline ? { block: new BlockMaker(found, this.room).block(at) } : undefined;
  }

  /** A small callee becomes part of the region, once for each call. */
  #call(insn: GuestInstruction, next: number): Terminator {
    const depth = (this.caller?.depth ?? 0) + 1;
    const after = this.#edge(next);
    const found = this.#calleeWorthCopying(insn.target, depth);
    if (!found) return { kind: 'call', returnAt: next, next: after };
    this.room.left -= found.insns.size;
    return { kind: 'enter', to: { block: new BlockMaker(found, this.room, { returnAt: next, next: after, depth }).block(insn.target) } };
  }

  #calleeWorthCopying(at: number, depth: number): Discovery | undefined {
    const isDeep = depth > MAX_COPIED_DEPTH;
    const found = Discovery.callee(this.found.code, at, isDeep ? MAX_TRAMPOLINE : Math.min(MAX_COPIED, this.room.left));
    return isDeep && found?.calls ? undefined : found;
  }
}

/** What a region is made of. */
export interface Discovered {
  readonly first: Block;
  /** Addresses of its instructions, but for those of copied callees. */
  readonly own: readonly number[];
}

/**
 * Blocks of the region that starts at `entry`; undefined when its first instruction is left to the interpreter.
 * The nearest code is taken first; with a dispatcher there may be more than `maxInstructions`.
 */
export function discover(code: GuestCode, entry: number, isElsewhere: (at: number) => boolean, maxInstructions: number): Discovered | undefined {
  const found = new Discovery(code, entry, isElsewhere, maxInstructions);
  found.run();
  if (!found.insns.has(entry)) return undefined;
  const first = new BlockMaker(found, { left: Math.max(maxInstructions - found.insns.size, MAX_COPIED) }).start(entry);
  return first && { first, own: [...found.insns.keys()] };
}

/** Blocks control may go to without leaving the region; after a call or cold instruction too. */
export function successors(block: Block): Block[] {
  return edges(block).flatMap((edge) => ('block' in edge ? [edge.block] : []));
}

export function edges({ end }: Block): Edge[] {
  switch (end.kind) {
    case 'go': case 'enter': return [end.to];
    case 'condition': return [end.taken, end.next];
    case 'call': case 'callIndirect': case 'cold': case 'back': return [end.next];
    case 'indirect': return end.to ? [{ block: end.to }] : [];
    case 'dispatch': return end.targets.map((block) => ({ block }));
    default: return [];
  }
}
