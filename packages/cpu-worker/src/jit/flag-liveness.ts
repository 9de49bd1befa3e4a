import { FlagEffect, flagEffect, flagShift, FlagShift } from '../decode/fuse.js';
import type { Block, Edge } from './control-flow.js';
import type { GuestCode, GuestInstruction } from './guest-code.js';

/** Instructions looked at behind an exit. */
const LOOKAHEAD = 16;

function isShiftByConstant({ form, immLow }: GuestInstruction): boolean {
  const shift = flagShift(form);
  const isCounted = (shift & FlagShift.IMMEDIATE) !== 0 && (immLow & (shift & FlagShift.WIDE ? 63 : 31)) !== 0;
  return isCounted || (shift & FlagShift.ONE) !== 0;
}

function effectOf(insn: GuestInstruction): number {
  return isShiftByConstant(insn) ? FlagEffect.KILLS : flagEffect(insn.form);
}

/**
 * Where the arithmetic flags may still be read. As in the interpreter (decode/fuse.ts), a fault may
 * show flags that the next instructions would have overwritten unread.
 */
export class FlagLiveness {
  readonly #before = new Map<GuestInstruction, boolean>();
  readonly #atStart = new Map<Block, boolean>();
  readonly #ahead = new Map<number, boolean>();

  constructor(readonly code: GuestCode, blocks: readonly Block[]) {
    for (let changed = true; changed; ) {
      changed = false;
      for (let i = blocks.length - 1; i >= 0; i--) changed = this.#block(blocks[i]!) || changed;
    }
  }

  before(insn: GuestInstruction): boolean { return this.#before.get(insn) ?? true; }

  /** Flags live when control takes the edge. */
  on(edge: Edge): boolean {
    return 'block' in edge ? this.#atStart.get(edge.block) ?? false : this.ahead(edge.exit);
  }

  /** Flags live after the last instruction of a block. */
  atEnd(block: Block): boolean {
    const { end } = block;
    switch (end.kind) {
      case 'go': case 'enter': return this.on(end.to);
      case 'condition': return this.on(end.taken) || this.on(end.next);
      case 'cold': return this.on(end.next);
      case 'call': return this.ahead(block.insns.at(-1)!.target);
      default: return true;
    }
  }

  #block(block: Block): boolean {
    let live = this.atEnd(block);
    for (let i = block.insns.length - 1; i >= 0; i--) {
      const insn = block.insns[i]!;
      const isCall = (block.end.kind === 'call' || block.end.kind === 'enter') && i === block.insns.length - 1;
      const effect = isCall ? FlagEffect.NONE : effectOf(insn);
      if (effect === FlagEffect.READS) live = true;
      else if (effect === FlagEffect.KILLS) live = false;
      this.#before.set(insn, live);
    }
    const changed = this.#atStart.get(block) !== live;
    this.#atStart.set(block, live);
    return changed;
  }

  /** Whether code outside of the region may read the flags. */
  ahead(start: number): boolean {
    let live = this.#ahead.get(start);
    if (live === undefined) this.#ahead.set(start, (live = this.#look(start)));
    return live;
  }

  #look(start: number): boolean {
    let at = start;
    for (let i = 0; i < LOOKAHEAD; i++) {
      const insn = this.code.decode(at);
      if (!insn) return true;
      const effect = effectOf(insn);
      if (effect !== FlagEffect.NONE) return effect === FlagEffect.READS;
      if (insn.form.row.ends && insn.form.row.mnemonic !== 'jmp') return true;
      at = insn.form.row.mnemonic === 'jmp' ? insn.target : at + insn.lenBytes;
      if (Number.isNaN(at)) return true;
    }
    return true;
  }
}
