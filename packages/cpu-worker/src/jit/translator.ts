import type { Region, RegionRequest } from './region-abi.js';

export interface TranslateOptions {
  /** Whether the op has got a region, or is in one with many entries, that is not published yet. */
  readonly isCovered: (op: number) => boolean;
  /** The region may contain code of others. False: it ends where another one starts. */
  readonly mayOverlap: boolean;
}

/** Guest code → regions → module. Preconditions: as RegionStore's, the thread counts as a core in guest code. */
export interface Translator {
  /**
   * Regions for the entry, which comes first, and for other entries to the same code; undefined when
   * none is worth it, none when `isCovered` says that its op has got one meanwhile.
   */
  translate(request: RegionRequest, options?: TranslateOptions): readonly Region[] | undefined;
  /** Bytes of a module that exports the regions as r0, r1, … in order. */
  assemble(regions: readonly Region[]): Uint8Array;
}
