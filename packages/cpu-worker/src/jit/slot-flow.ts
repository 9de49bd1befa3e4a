import { successors, type Block } from './control-flow.js';
import type { FlagLiveness } from './flag-liveness.js';
import { slotsRead, slotsWritten } from './form-use.js';
import { isSame, minus, NO_SLOTS, union, type SlotSet } from './slots.js';

/**
 * Which slots are in locals, where. A slot is *dirty* when its local may differ from the TCB: exits
 * store it. A slot is *needed* when its local may be read or stored: the entry of the region and
 * whatever comes after a call load it.
 */
export class SlotFlow {
  readonly #dirtyAtStart = new Map<Block, SlotSet>();
  readonly #needed = new Map<Block, SlotSet>();
  readonly #reads = new Map<Block, SlotSet>();
  readonly #writes = new Map<Block, SlotSet>();

  constructor(readonly blocks: readonly Block[], flags: FlagLiveness) {
    for (const block of blocks) this.#summarise(block, flags);
    this.#findDirty();
    this.#findNeeded();
  }

  dirtyAtStart(block: Block): SlotSet { return this.#dirtyAtStart.get(block) ?? NO_SLOTS; }
  neededAtStart(block: Block): SlotSet { return this.#needed.get(block) ?? NO_SLOTS; }

  #summarise(block: Block, flags: FlagLiveness): void {
    let reads = NO_SLOTS;
    let writes = NO_SLOTS;
    const last = block.insns.at(-1);
    for (const [i, insn] of block.insns.entries()) {
      if (insn === last && block.end.kind === 'cold') break;
      const next = block.insns[i + 1];
      reads = union(reads, minus(slotsRead(insn), writes));
      writes = union(writes, slotsWritten(insn, next ? flags.before(next) : flags.atEnd(block)));
    }
    this.#reads.set(block, reads);
    this.#writes.set(block, writes);
  }

  /** After a call or a cold instruction everything is loaded again. */
  #isReload(block: Block): boolean {
    return block.end.kind === 'call' || block.end.kind === 'callIndirect' || block.end.kind === 'cold';
  }

  #findDirty(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of this.blocks) {
        if (this.#isReload(block)) continue;
        const out = union(this.dirtyAtStart(block), this.#writes.get(block)!);
        for (const next of successors(block)) {
          const before = this.dirtyAtStart(next);
          const after = union(before, out);
          if (isSame(before, after)) continue;
          this.#dirtyAtStart.set(next, after);
          changed = true;
        }
      }
    }
  }

  #findNeeded(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (let i = this.blocks.length - 1; i >= 0; i--) {
        const block = this.blocks[i]!;
        const after = this.#isReload(block) ? NO_SLOTS : successors(block).reduce((all, next) => union(all, this.neededAtStart(next)), NO_SLOTS);
        const needed = union(union(this.#reads.get(block)!, minus(after, this.#writes.get(block)!)), this.dirtyAtStart(block));
        if (isSame(needed, this.neededAtStart(block))) continue;
        this.#needed.set(block, needed);
        changed = true;
      }
    }
  }
}
