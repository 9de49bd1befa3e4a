import { successors, type Block } from './control-flow.js';
import type { FlagLiveness } from './flag-liveness.js';
import { slotsRead, slotsWritten } from './form-use.js';
import { isReload, LoopBlocks } from './loop-blocks.js';
import type { RegionOrder } from './order.js';
import { ALL_SLOTS, FLAG_SLOTS, intersection, isSame, minus, NO_SLOTS, Slot, slotSet, union, type SlotSet } from './slots.js';

const LATE_SLOTS = union(FLAG_SLOTS, slotSet([Slot.RSP]));

/**
 * Which slots are in locals, where. A slot is *loaded* when its local has its value, on every path; it is
 * *dirty* when its local may differ from the TCB, on some path: exits store it. What is dirty is loaded.
 *
 * In a loop that can go round without a call registers stay in locals: what the loop reads is loaded before
 * it, and exits store what is dirty. Elsewhere (adr/0023) a slot is loaded where it is read first, and stored
 * before the next instruction that may exit, or at the end of the block: exits have nothing to store, and few
 * values live long. The stack pointer, which changes often, is stored at the end of the block, and flags where
 * they leave the region. Where paths meet, what is dirty on one of them is loaded at the ends of the others.
 */
export class SlotFlow {
  readonly #reads = new Map<Block, SlotSet>();
  readonly #writes = new Map<Block, SlotSet>();
  readonly #dirtyAtStart = new Map<Block, SlotSet>();
  readonly #requiredAtStart = new Map<Block, SlotSet>();
  readonly #loadedAtStart = new Map<Block, SlotSet>();
  /** Blocks of loops that can go round without a call, by their heads; and all of them. */
  readonly #loops = new Map<Block, readonly Block[]>();
  readonly #inLoops = new Set<Block>();
  /** What loops without calls write, by their heads. */
  readonly #loopWrites = new Map<Block, SlotSet>();

  constructor(order: RegionOrder, readonly flags: FlagLiveness) {
    const { blocks } = order;
    for (const block of blocks) this.#summarise(block);
    this.#findLoops(order);
    this.#findDirty(blocks);
    this.#findRequired(order);
    this.#findLoaded(blocks);
  }

  /** What exits within the block may have to store. */
  mayBeDirtyIn(block: Block): SlotSet { return this.#inLoops.has(block) ? ALL_SLOTS : LATE_SLOTS; }
  /** What the block's successors may have to store. */
  mayBeDirtyAfter(block: Block): SlotSet { return this.#inLoops.has(block) ? ALL_SLOTS : FLAG_SLOTS; }

  isInLoop(block: Block): boolean { return this.#inLoops.has(block); }
  /** What a loop writes that makes no calls, by its head. */
  writtenInLoop(head: Block): SlotSet | undefined { return this.#loopWrites.get(head); }

  dirtyAtStart(block: Block): SlotSet { return this.#dirtyAtStart.get(block) ?? NO_SLOTS; }
  loadedAtStart(block: Block): SlotSet { return this.#loadedAtStart.get(block)!; }

  /** To be loaded before the region's first block. */
  loadsAtEntry(first: Block): SlotSet { return this.#requiredAtStart.get(first)!; }

  /** To be loaded at the end of a block, because its successors expect it. */
  loadsAtEnd(block: Block): SlotSet {
    const loaded = this.#loadedAtEnd(block);
    return successors(block).reduce((all, next) => union(all, minus(this.#requiredAtStart.get(next)!, loaded)), NO_SLOTS);
  }

  /** Slots whose values before the instruction matter. */
  readBy(insn: Block['insns'][number]): SlotSet {
    const reads = slotsRead(insn);
    return this.flags.before(insn) ? reads : minus(reads, FLAG_SLOTS);
  }

  #summarise(block: Block): void {
    let reads = NO_SLOTS;
    let writes = NO_SLOTS;
    const last = block.insns.at(-1);
    for (const [i, insn] of block.insns.entries()) {
      if (insn === last && block.end.kind === 'cold') break;
      const next = block.insns[i + 1];
      reads = union(reads, minus(this.readBy(insn), writes));
      writes = union(writes, slotsWritten(insn, next ? this.flags.before(next) : this.flags.atEnd(block)));
    }
    this.#reads.set(block, reads);
    this.#writes.set(block, writes);
  }

  #findLoops({ blocks, loops }: RegionOrder): void {
    const loopBlocks = new LoopBlocks(blocks);
    for (const head of loops) {
      const body = loopBlocks.withoutCalls(head);
      this.#loops.set(head, body);
      for (const block of body) this.#inLoops.add(block);
      const all = loopBlocks.ifNoCalls(head);
      if (all) this.#loopWrites.set(head, all.reduce((written, block) => union(written, this.#writes.get(block)!), NO_SLOTS));
    }
  }

  #findDirty(blocks: readonly Block[]): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of blocks) {
        if (isReload(block)) continue;
        const out = intersection(union(this.dirtyAtStart(block), this.#writes.get(block)!), this.mayBeDirtyAfter(block));
        for (const next of successors(block)) {
          const before = this.dirtyAtStart(next);
          const after = union(before, this.flags.on({ block: next }) ? out : minus(out, FLAG_SLOTS));
          if (isSame(before, after)) continue;
          this.#dirtyAtStart.set(next, after);
          changed = true;
        }
      }
    }
  }

  #findRequired({ blocks }: RegionOrder): void {
    for (const block of blocks) {
      const inLoop = this.#loops.get(block) ?? [];
      this.#requiredAtStart.set(block, inLoop.reduce((all, each) => union(all, this.#reads.get(each)!), this.dirtyAtStart(block)));
    }
  }

  #loadedAtEnd(block: Block): SlotSet {
    if (isReload(block)) return NO_SLOTS;
    return union(union(this.#loadedAtStart.get(block) ?? ALL_SLOTS, this.#reads.get(block)!), this.#writes.get(block)!);
  }

  /** From everything downwards, until all paths agree. */
  #findLoaded(blocks: readonly Block[]): void {
    for (const block of blocks) this.#loadedAtStart.set(block, ALL_SLOTS);
    this.#loadedAtStart.set(blocks[0]!, this.#requiredAtStart.get(blocks[0]!)!);
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of blocks) {
        const out = this.#loadedAtEnd(block);
        for (const next of successors(block)) {
          const before = this.#loadedAtStart.get(next)!;
          const after = intersection(before, union(out, this.#requiredAtStart.get(next)!));
          if (isSame(before, after)) continue;
          this.#loadedAtStart.set(next, after);
          changed = true;
        }
      }
    }
  }
}
