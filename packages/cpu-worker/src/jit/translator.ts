import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { OP } from '../interp/op-record.js';
import { REGION_HANDLER, Tier, type KeptTranslation, type Region, type RegionRequest } from './region-abi.js';
import type { WindowGuess } from './window-choice.js';

/** Instructions of the largest regions, but for those with a dispatcher. */
export const MAX_INSTRUCTIONS = 400;

/** How a region is made. */
export interface RegionPlan {
  readonly tier: Tier;
  /** The region may contain code of others. False: it ends where another one starts. */
  readonly mayOverlap: boolean;
  readonly maxInstructions: number;
  readonly windows: WindowGuess;
}

export interface RegionPlanner {
  /** Plan for the region of an op; undefined: it has one that will do. */
  planOf(op: number): RegionPlan | undefined;
  /** Whether a region starts at the op, or will. */
  startsRegion(op: number): boolean;
  /** Ops of a region that was made, but for those of copied callees. */
  covered?(ops: readonly number[]): void;
}

/** Guest code → regions → module. Preconditions: as RegionStore's, the thread counts as a core in guest code. */
export interface Translator {
  /**
   * Regions for the entry, which comes first, and for other entries to the same code; undefined when
   * none is worth it, none when the planner has no plan for it. Without a planner: as eagerly as can be.
   */
  translate(request: RegionRequest, planner?: RegionPlanner): readonly Region[] | undefined;
  /** Ops that a region for the entry would have, but for those of copied callees. */
  coverage(request: RegionRequest, maxInstructions: number): readonly number[];
  /** Bytes of a module that exports the regions as r0, r1, … in order. */
  assemble(regions: readonly Region[]): Uint8Array;
  /** What is to be known of translated regions in later runs, and their code. */
  describe(regions: readonly Region[]): { readonly translations: KeptTranslation[]; readonly bodies: Uint8Array };
  /** Regions as `translate` made them in an earlier run, from their code. `body`: the number of their links in `describe`. */
  revive(bodies: Uint8Array, regions: readonly RevivedRegion[]): Region[];
}

/** A region of an earlier run that has been found again. */
export interface RevivedRegion {
  readonly region: Region;
  readonly at: number;
  readonly body: number;
  readonly headsAt: readonly number[];
}

export function hasRegion(shared: SharedMemory, op: number): boolean {
  return Atomics.load(shared.u16, (op + OP.handler) >>> 1) >= REGION_HANDLER;
}

/** Everything at once, each region for itself. */
export class EagerPlanner implements RegionPlanner {
  constructor(readonly shared: SharedMemory) {}

  planOf(op: number): RegionPlan | undefined {
    return hasRegion(this.shared, op) ? undefined : { tier: Tier.FULL, mayOverlap: true, maxInstructions: MAX_INSTRUCTIONS, windows: 'any' };
  }

  startsRegion(op: number): boolean {
    return hasRegion(this.shared, op);
  }
}
