import { instructionsOf, isFirstTier, Tier, type Region } from './region-abi.js';
import { MAX_INSTRUCTIONS, type RegionPlan, type RegionPlanner, type Translator } from './translator.js';

const WHOLE: RegionPlan = { tier: Tier.LINKED_FULL, mayOverlap: true, maxInstructions: MAX_INSTRUCTIONS, windows: 'likely' };

/**
 * Makes regions of the first tier again before they are linked. They end where others start, so that a function lies
 * in many; now the first of them gets all of it, and what starts within stays as it is, for those who come back there.
 */
export class WholeFunctions implements RegionPlanner {
  readonly #covered = new Set<number>();

  constructor(
    readonly translator: Translator,
    /** Of all regions together. */
    readonly maxInstructions: number,
    /** Others wait for the thread: what is left stays as it is. */
    readonly isWanted: () => boolean,
    /** Does work that may fail. */
    readonly attempt: <T>(work: () => T) => T | undefined,
  ) {}

  planOf(op: number): RegionPlan | undefined {
    return this.#covered.has(op) ? undefined : WHOLE;
  }

  startsRegion(): boolean {
    return false;
  }

  covered(ops: readonly number[]): void {
    for (const op of ops) this.#covered.add(op);
  }

  /** Regions of the same entries, and perhaps of some more. */
  make(regions: readonly Region[]): Region[] {
    const byOp = new Map(regions.map((region) => [region.op, region]));
    let left = this.maxInstructions - instructionsOf(regions);
    for (const region of [...regions].sort((a, b) => a.seen.rip - b.seen.rip)) {
      if (this.#covered.has(region.op)) continue;
      if (!isFirstTier(region.tier)) this.covered(this.translator.coverage(region.seen, MAX_INSTRUCTIONS));
      else if (left > 0 && !this.isWanted()) left -= this.#makeAgain(region, byOp);
    }
    return [...byOp.values()];
  }

  /** Returns how many instructions came in addition. */
  #makeAgain(region: Region, byOp: Map<number, Region>): number {
    const made = this.attempt(() => this.translator.translate(region.seen, this));
    if (made?.[0]?.op !== region.op) return 0;
    for (const each of made) byOp.set(each.op, each);
    return made[0].instructions - region.instructions;
  }
}
