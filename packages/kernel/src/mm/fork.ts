/** Copy-on-write duplication of an address space (fork(2)). */
import { PAGE_SIZE } from '@troupe/abi';
import { Prot } from '@troupe/abi/linux/mman.js';
import type { AddressSpace } from './address-space.js';
import { splitPage } from './fault.js';
import { Flat } from './flat-tables.js';
import { Pte, pteFrame } from './page-table.js';
import { VmFlag, type Vma } from './vma.js';

/** Fills the fresh `child` with copies of the parent's mappings; private pages are shared until written. */
export function copyAddressSpace(parent: AddressSpace, child: AddressSpace): void {
  parent.settleAll();
  for (const vma of [...parent.vmas]) {
    if (vma.flags & VmFlag.DONTFORK) continue;
    const copy = vma.clone();
    copy.flags &= ~VmFlag.LOCKED;
    copy.file?.incRef();
    child.addVma(copy);
    if (!vma.isShared && (vma.flags & VmFlag.WIPEONFORK) === 0) sharePages(parent, child, vma);
  }
  for (const vma of parent.vmas) {
    if (!vma.isShared && (vma.prot & Prot.WRITE) !== 0) parent.withdraw(vma.start, vma.end, Flat.WRITE);
  }
  copyTranslations(parent, child);
  copyHotPages(parent, child);
}

/** Preconditions: all private pages are shared, and no core can write them. */
function copyHotPages(parent: AddressSpace, child: AddressSpace): void {
  for (const page of parent.hotPages.pages) {
    const vma = parent.vmas.find(page * PAGE_SIZE);
    if (vma !== undefined && (vma.prot & Prot.WRITE) !== 0 && !vma.isShared && (vma.flags & (VmFlag.DONTFORK | VmFlag.WIPEONFORK)) === 0) splitPage(parent, child, vma, page);
  }
  parent.hotPages.shareWith(child.hotPages);
}

/** The child starts with the parent's translations for reading and executing, which saves its first faults. */
function copyTranslations(parent: AddressSpace, child: AddressSpace): void {
  const source = parent.tables;
  if (source === null) return;
  const tables = child.ownTables();
  if (tables === null || parent.tables !== source) return;
  tables.copyReadable(source);
  for (const vma of parent.vmas) {
    if (vma.isShared || vma.flags & (VmFlag.DONTFORK | VmFlag.WIPEONFORK)) tables.clear(vma.start / PAGE_SIZE, vma.end / PAGE_SIZE, Flat.ALL);
  }
}

/** Pages of shared mappings are not copied: the child faults them in from the object. */
function sharePages(parent: AddressSpace, child: AddressSpace, vma: Vma): void {
  const { frames } = parent;
  let anonPages = 0;
  let filePages = 0;
  parent.pages.shareWith(child.pages, vma.start / PAGE_SIZE, vma.end / PAGE_SIZE, (entry) => {
    frames.incRef(pteFrame(entry));
    if (entry & Pte.ANON) anonPages++;
    else filePages++;
  });
  child.countPages(anonPages, filePages);
}
