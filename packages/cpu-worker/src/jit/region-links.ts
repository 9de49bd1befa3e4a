import type { RegionPage } from './region-abi.js';

/**
 * What the code of a region refers to, in words of shared memory beside its module:
 *
 *   0 number of pages   then (distance from the origin's page in bytes of the execute table, code page, generation)
 *   for each            then a word for each op: its linear address, or 0 when it is not known yet
 */
export const PAGE_WORDS = 3;

/** Where a body needs the op of an instruction. */
export interface OpLink {
  /** As in GuestInstruction. */
  readonly at: number;
  /** The op is run by its cold handler: the body must not run without it. */
  readonly isCold: boolean;
}

/** Pages and ops of a body under the addresses of this machine. */
export interface RegionLinks {
  /** By distance, in pages, from the page that addresses in the body count from. */
  readonly pages: ReadonlyMap<number, RegionPage>;
  readonly ops: readonly number[];
}

/** Numbers the ops that a body needs while it is translated. */
export class LinkList {
  readonly ops: OpLink[] = [];
  readonly #byKey = new Map<string, number>();

  constructor(readonly pageCount: number) {}

  /** Offset in bytes of the op's word. */
  offsetOf(at: number, isCold: boolean): number {
    const key = `${at} ${isCold}`;
    let index = this.#byKey.get(key);
    if (index === undefined) this.#byKey.set(key, (index = this.ops.push({ at, isCold }) - 1));
    return (1 + this.pageCount * PAGE_WORDS + index) * 4;
  }
}

/** The ops as they are known now: links that named none are filled in by and by. */
export function currentOps(u32: Uint32Array, links: number, count: number): number[] {
  const first = (links >>> 2) + 1 + u32[links >>> 2]! * PAGE_WORDS;
  return [...u32.subarray(first, first + count)];
}

/** Words of the page at an index, behind the distance: code page and generation. */
export function pageWordAt(links: number, index: number): number {
  return (links >>> 2) + 1 + index * PAGE_WORDS + 1;
}

/** False: the links were left empty, as the pages were not known yet. */
export function hasPages(u32: Uint32Array, links: number): boolean {
  return u32[pageWordAt(links, 0)] !== 0;
}

export function linkWords({ pages, ops }: RegionLinks): number[] {
  return [pages.size, ...[...pages].flatMap(([delta, { codePage, generation }]) => [delta * 4, codePage, generation]), ...ops];
}
