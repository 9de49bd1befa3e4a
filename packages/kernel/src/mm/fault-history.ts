import { FreshBatch, PAGE_SIZE } from '@troupe/abi';
import type { Vma } from './vma.js';

/** Pages mapped around a fault when they are at hand. Power of two. */
const WINDOW_PAGES = 64;
/** Pages a run of sequential write faults prepares ahead, at most; of pages that nobody has touched FreshBatch.MAX_PAGES, from 16 on twofold. */
const MAX_BATCH_PAGES = 16;

function nextBatch(pages: number, isFresh: boolean): number {
  if (pages < MAX_BATCH_PAGES) return Math.min(pages * 4, MAX_BATCH_PAGES);
  return isFresh ? Math.min(pages * 2, FreshBatch.MAX_PAGES) : MAX_BATCH_PAGES;
}

/** What stands behind a page that is written: a file's page, anonymous memory, anonymous memory that nobody has touched. */
export type Backing = 'file' | 'anonymous' | 'fresh';

/** The sequential-fault detection of an address space: which pages a fault prepares and maps besides its own. */
export class FaultHistory {
  /** The page that a sequential next fault would hit, upwards and downwards. */
  nextUp = -1;
  nextDown = -1;
  batchPages = 1;

  /**
   * Pages [first, end) to prepare for writing with `page`: a growing run ahead of sequential faults, else the page of a
   * file, or a small group.
   */
  batchAround(page: number, vma: Vma, backing: Backing): [number, number] {
    const isFresh = backing === 'fresh';
    const isGrouped = backing !== 'file';
    const up = page >= this.nextUp && page < this.nextUp + (isFresh ? FreshBatch.REACH_PAGES : 1);
    const down = page === this.nextDown;
    this.batchPages = up || down ? nextBatch(this.batchPages, isFresh) : isGrouped ? FreshBatch.GROUP_PAGES : 1;
    const low = down ? page - this.batchPages + 1 : up ? this.nextUp : isGrouped ? Math.floor(page / FreshBatch.GROUP_PAGES) * FreshBatch.GROUP_PAGES : page;
    const first = Math.max(low, vma.start / PAGE_SIZE);
    const end = down ? page + 1 : Math.min(Math.max(low + this.batchPages, page + 1), vma.end / PAGE_SIZE);
    this.nextUp = end;
    this.nextDown = first - 1;
    return [first, end];
  }

  /** Pages to map with `page`: its window, and what was just prepared. */
  windowAround(page: number): [number, number] {
    const first = page & -WINDOW_PAGES;
    const isPrepared = page > this.nextDown && page < this.nextUp;
    return isPrepared ? [Math.min(first, this.nextDown + 1), Math.max(first + WINDOW_PAGES, this.nextUp)] : [first, first + WINDOW_PAGES];
  }
}
