/** How many fresh pages a first write fills, in the kernel and in cores: the two go on with each other's runs. */
export const FreshBatch = {
  /** With a page that does not follow the ones before it. Power of two. */
  GROUP_PAGES: 4,
  /** In a run, at most: as much again as was touched is filled in vain. */
  MAX_PAGES: 64,
  /** A fault so far ahead of the expected page belongs to the run: allocators write a header behind what they hand out. */
  REACH_PAGES: 16,
  /** Untouched pages between touched ones that are filled as well: small gaps would part memory windows. */
  BRIDGE_PAGES: 16,
} as const;

/** Bits of word `word` of a page map (PAGE_MAP_BYTES) that stand for pages [first, end). */
export function pageBits(word: number, first: number, end: number): number {
  const low = Math.max(0, first - word * 32);
  const high = Math.min(32, end - word * 32);
  return (high === 32 ? -1 : (1 << high) - 1) & (-1 << low);
}

/** The page of the lowest bit of `bits`, which are some of word `word`. */
export function lowestPage(word: number, bits: number): number {
  return word * 32 + 31 - Math.clz32(bits & -bits);
}

/** Whether the page's bit is set in the map that begins at index `map`. */
export function hasPageBit(u32: Uint32Array, map: number, page: number): boolean {
  return ((u32[map + (page >>> 5)]! >>> (page & 31)) & 1) !== 0;
}
