import { Discovery } from './discovery.js';
import type { GuestCode, GuestInstruction } from './guest-code.js';
import { kindOf, type InstructionKind } from './instruction-kind.js';

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
  /** `to`: the dispatcher, which knows some targets; `targets`: those that the jump's own table names. */
  | { readonly kind: 'indirect'; readonly to: Block | undefined; targets: Block[] }
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

/** Callees that are worth a copy at each call. */
const MAX_COPIED = 24;
const MAX_COPIED_DEPTH = 2;
/** Of any depth: `endbr64` and a jump through the linker's table. */
const MAX_TRAMPOLINE = 3;

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
    if (found.dispatched.size > 0) this.dispatcher = { at: NaN, insns: [], end: { kind: 'dispatch', targets: [] }, order: -1 };
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
      case 'indirect': return this.caller ? { ...this.caller, kind: 'callIndirect' } : this.#indirect(insn);
      default: return { kind };
    }
  }

  #indirect({ at }: GuestInstruction): Terminator {
    const { dispatched, tables, insns } = this.found;
    if (dispatched.has(at)) return { kind: 'indirect', to: this.dispatcher, targets: [] };
    const targets = (tables.get(at)?.targets ?? []).filter((target) => insns.has(target));
    return { kind: 'indirect', to: undefined, targets: targets.map((target) => this.block(target)) };
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
 * The nearest code is taken first; with computed jumps there may be more than `maxInstructions`.
 */
export function discover(code: GuestCode, entry: number, isElsewhere: (at: number) => boolean, maxInstructions: number): Discovered | undefined {
  const found = new Discovery(code, entry, isElsewhere, maxInstructions);
  found.run();
  if (!found.insns.has(entry)) return undefined;
  const maker = new BlockMaker(found, { left: Math.max(maxInstructions - found.insns.size, MAX_COPIED) });
  const first = maker.start(entry);
  return first && { first, own: [...maker.blocks.values()].flatMap(({ insns }) => insns.map(({ at }) => at)) };
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
    case 'indirect': return [...(end.to ? [end.to] : []), ...end.targets].map((block) => ({ block }));
    case 'dispatch': return end.targets.map((block) => ({ block }));
    default: return [];
  }
}
