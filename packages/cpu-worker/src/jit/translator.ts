import type { Region, RegionRequest } from './region-abi.js';

/** Guest code → regions → module. Preconditions: as RegionStore's, the thread counts as a core in guest code. */
export interface Translator {
  /** A region for the entry, or undefined when none is worth it. */
  translate(request: RegionRequest): Region | undefined;
  /** Bytes of a module that exports the regions as r0, r1, … in order. */
  assemble(regions: readonly Region[]): Uint8Array;
}
