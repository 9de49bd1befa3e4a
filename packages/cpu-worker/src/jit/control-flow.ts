import { formUse } from './form-use.js';
import type { GuestCode, GuestInstruction } from './guest-code.js';

/** Where control goes: a block of the region, or code outside at `exit`. */
export type Edge = { readonly block: Block } | { readonly exit: number };

export type Terminator =
  | { readonly kind: 'go'; to: Edge }
  | { readonly kind: 'condition'; taken: Edge; next: Edge }
  /** `next`: where the callee returns to. */
  | { readonly kind: 'call' | 'callIndirect'; next: Edge }
  | { readonly kind: 'indirect' | 'return' | 'syscall' }
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

const MAX_INSTRUCTIONS = 400;
const MAX_PAGES_AWAY = 1;

/** Rows that are always left to the interpreter: they leave guest code or change how it runs. */
const LEFT_TO_INTERPRETER = /^(ud\d|hlt|int.*|popf.*|cli|sti|in|out|ins.|outs.|iret.*|sysexit|sysret)$/;

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

/** Finds the code of a region: what can be reached from the entry by direct jumps and was decoded, so probably run. */
class Discovery {
  readonly insns = new Map<number, GuestInstruction>();
  readonly leaders = new Set<number>();
  readonly #pending: number[] = [];

  constructor(readonly code: GuestCode) {}

  from(entry: number): void {
    this.#reach(entry);
    for (let at = this.#pending.shift(); at !== undefined; at = this.#pending.shift()) this.#straight(at);
  }

  #reach(at: number): void {
    if (Math.abs(Math.floor(at / 4096)) > MAX_PAGES_AWAY || this.code.opAt(at) === 0) return;
    if (!this.leaders.has(at)) this.#pending.push(at);
    this.leaders.add(at);
  }

  #straight(start: number): void {
    for (let at = start; !this.insns.has(at); ) {
      if (this.insns.size >= MAX_INSTRUCTIONS || this.code.opAt(at) === 0) return;
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
      if (Math.abs(Math.floor(at / 4096)) > MAX_PAGES_AWAY) return;
    }
  }
}

class BlockMaker {
  readonly blocks = new Map<number, Block>();

  constructor(readonly found: Discovery) {}

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
      case 'jump': return { kind: 'go', to: this.#edge(insn.target) };
      case 'condition': return { kind, taken: this.#edge(insn.target), next: this.#edge(next) };
      case 'call': case 'callIndirect': case 'cold': return { kind, next: this.#edge(next) };
      default: return { kind };
    }
  }
}

/** Blocks of the region that starts at `entry`; undefined when its first instruction is left to the interpreter. */
export function discover(code: GuestCode, entry: number): Block | undefined {
  const found = new Discovery(code);
  found.from(entry);
  if (!found.insns.has(entry)) return undefined;
  const block = new BlockMaker(found).block(entry);
  return block.insns.length === 0 ? undefined : block;
}

/** Blocks control may go to without leaving the region; after a call or cold instruction too. */
export function successors(block: Block): Block[] {
  return edges(block).flatMap((edge) => ('block' in edge ? [edge.block] : []));
}

export function edges({ end }: Block): Edge[] {
  switch (end.kind) {
    case 'go': return [end.to];
    case 'condition': return [end.taken, end.next];
    case 'call': case 'callIndirect': case 'cold': return [end.next];
    default: return [];
  }
}
