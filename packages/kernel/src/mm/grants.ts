/** Which pages cores may fill themselves (fresh-pages.ts): what nobody has touched of private anonymous memory that may be written, and not executed. */
import { LOW_PAGES, PAGE_SIZE } from '@troupe/abi';
import { Prot } from '@troupe/abi/linux/mman.js';
import type { AddressSpace } from './address-space.js';
import type { Vma } from './vma.js';

/** Pages around a first write that cores may fill from then on; power of two. */
const GRANTED_PAGES = 1024;
/** Pages of a new mapping that cores may fill before the kernel has seen a fault. */
const MAX_GRANTED_PAGES = 16384;

/** Cores may fill pages of the mapping. Shared memory has a file. */
function mayGrant(vma: Vma): boolean {
  return vma.file === null && (vma.prot & (Prot.WRITE | Prot.EXEC)) === Prot.WRITE;
}

/** Cores may fill what nobody has touched around a page that was written: a chunk of the page table. */
export function grantAround(space: AddressSpace, vma: Vma, page: number): void {
  const { pages, tables } = space;
  if (tables === null || page >= LOW_PAGES || !mayGrant(vma)) return;
  const first = Math.max(page & -GRANTED_PAGES, vma.start / PAGE_SIZE);
  const end = Math.min((page & -GRANTED_PAGES) + GRANTED_PAGES, vma.end / PAGE_SIZE, LOW_PAGES);
  let from = first;
  for (let at = first; at < end; at++) {
    if (pages.get(at) === 0 && !tables.hasRead(at) && !tables.fresh.isGranted(at)) continue;
    if (from < at) space.grant(tables, from, at);
    from = at + 1;
  }
  if (from < end) space.grant(tables, from, end);
}

/** Cores may fill pages [start, end) of a new mapping. Precondition: nobody has touched them. */
export function grantNew(space: AddressSpace, vma: Vma, start: number, end: number): void {
  const last = Math.min(end / PAGE_SIZE, start / PAGE_SIZE + MAX_GRANTED_PAGES, LOW_PAGES);
  const tables = mayGrant(vma) && start / PAGE_SIZE < last ? space.ownTables() : null;
  if (tables !== null) space.grant(tables, start / PAGE_SIZE, last);
}
