import { hasQuickAllocator } from '../interp/compile-optimised.js';
import { OP } from '../interp/op-record.js';
import type { JitArea } from './jit-area.js';
import { isFirstTier, REGION_HANDLER, Tier, type Region } from './region-abi.js';
import { hasRegion, MAX_INSTRUCTIONS, type RegionPlan, type RegionPlanner } from './translator.js';

/** Of a large region most code is hardly ever run: what is comes to be asked for itself. */
const FIRST_INSTRUCTIONS = 100;
/** Loop heads remembered; all are forgotten when there are more. */
const MAX_LOOP_HEADS = 1 << 16;
const FIRST: RegionPlan = { tier: hasQuickAllocator ? Tier.QUICK : Tier.FULL, mayOverlap: false, maxInstructions: FIRST_INSTRUCTIONS, windows: 'likely' };
const HOTTER: RegionPlan = { tier: Tier.FULL, mayOverlap: true, maxInstructions: MAX_INSTRUCTIONS, windows: 'likely' };

/**
 * Plans of the compiling thread. Code that gets hot is compiled quickly, and once: regions end where others
 * start. What stays hot is compiled again, as a whole and with the full register allocator: an entry whose
 * heat has gone on, or the head of a loop inside of a region, where time slices often end.
 */
export class TierPlanner implements RegionPlanner {
  /** Ops of the batch that have got a region, or are in one with many entries. */
  readonly #batch = new Set<number>();
  readonly #loopHeads = new Set<number>();

  constructor(readonly area: JitArea) {}

  beginBatch(): void {
    this.#batch.clear();
    if (this.#loopHeads.size > MAX_LOOP_HEADS) this.#loopHeads.clear();
  }

  note(region: Region): void {
    this.#batch.add(region.op);
    for (const op of region.covers) this.#batch.add(op);
    for (const op of region.loopHeads) this.#loopHeads.add(op);
  }

  planOf(op: number): RegionPlan | undefined {
    if (this.#batch.has(op)) return undefined;
    const id = Atomics.load(this.area.shared.u16, (op + OP.handler) >>> 1) - REGION_HANDLER;
    if (id >= 0) return isFirstTier(this.area.tier(id)) ? HOTTER : undefined;
    return this.#loopHeads.has(op) ? HOTTER : FIRST;
  }

  startsRegion(op: number): boolean {
    return this.#batch.has(op) || hasRegion(this.area.shared, op);
  }
}
