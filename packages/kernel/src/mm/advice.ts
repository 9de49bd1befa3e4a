/** madvise(2), msync(2), mincore(2), mlock(2) on an address space. */
import { Errno, PAGE_SIZE } from '@troupe/abi';
import { Madv, Msync } from '@troupe/abi/linux/mman.js';
import type { AddressSpace } from './address-space.js';
import { Access } from './fault.js';
import { TASK_SIZE } from './layout.js';
import { pageUp } from './heap.js';
import { populate } from './mapping.js';
import { SharedObject } from './shared-object.js';
import { VmFlag, type Vma } from './vma.js';

/** Advice that only sets or clears attributes: [bits to set, bits to clear]. */
const FLAG_ADVICE: Readonly<Record<number, readonly [number, number]>> = {
  [Madv.NORMAL]: [0, VmFlag.SEQUENTIAL | VmFlag.RANDOM],
  [Madv.RANDOM]: [VmFlag.RANDOM, VmFlag.SEQUENTIAL],
  [Madv.SEQUENTIAL]: [VmFlag.SEQUENTIAL, VmFlag.RANDOM],
  [Madv.DONTFORK]: [VmFlag.DONTFORK, 0],
  [Madv.DOFORK]: [0, VmFlag.DONTFORK],
  [Madv.WIPEONFORK]: [VmFlag.WIPEONFORK, 0],
  [Madv.KEEPONFORK]: [0, VmFlag.WIPEONFORK],
  [Madv.DONTDUMP]: [VmFlag.DONTDUMP, 0],
  [Madv.DODUMP]: [0, VmFlag.DONTDUMP],
  [Madv.HUGEPAGE]: [VmFlag.HUGEPAGE, VmFlag.NOHUGEPAGE],
  [Madv.NOHUGEPAGE]: [VmFlag.NOHUGEPAGE, VmFlag.HUGEPAGE],
};

type PageAdvice = (space: AddressSpace, vma: Vma, start: number, end: number) => number;

const discard: PageAdvice = (space, vma, start, end) => {
  if (vma.flags & VmFlag.LOCKED) return -Errno.EINVAL;
  space.zap(start, end);
  return 0;
};

const free: PageAdvice = (space, vma, start, end) => {
  if (vma.file !== null) return -Errno.EINVAL;
  return discard(space, vma, start, end);
};

const remove: PageAdvice = (_space, vma, start, end) => {
  if (vma.flags & VmFlag.LOCKED || vma.file === null) return -Errno.EINVAL;
  if (!vma.isShared) return -Errno.EACCES;
  const object = vma.file.pages;
  if (!(object instanceof SharedObject)) return -Errno.EOPNOTSUPP;
  object.punch(vma.fileIndex(start), vma.fileIndex(start) + (end - start) / PAGE_SIZE);
  return 0;
};

const populateWith = (access: number): PageAdvice => (space, vma, start, end) => {
  if ((vma.prot & access) === 0) return -Errno.EINVAL;
  return populate(space, start, end, access) ? 0 : -Errno.EFAULT;
};

const nothing: PageAdvice = () => 0;

const PAGE_ADVICE: Readonly<Record<number, PageAdvice>> = {
  [Madv.DONTNEED]: discard,
  [Madv.DONTNEED_LOCKED]: (space, _vma, start, end) => (space.zap(start, end), 0),
  [Madv.FREE]: free,
  [Madv.REMOVE]: remove,
  [Madv.POPULATE_READ]: populateWith(Access.READ),
  [Madv.POPULATE_WRITE]: populateWith(Access.WRITE),
  [Madv.WILLNEED]: nothing,
  [Madv.MERGEABLE]: nothing,
  [Madv.UNMERGEABLE]: nothing,
  [Madv.COLD]: nothing,
  [Madv.PAGEOUT]: nothing,
};

export function adviseMemory(space: AddressSpace, addr: number, lengthBytes: number, advice: number): number {
  const flagChange = FLAG_ADVICE[advice];
  const pageAdvice = PAGE_ADVICE[advice];
  if (flagChange === undefined && pageAdvice === undefined) return -Errno.EINVAL;
  const end = addr + pageUp(lengthBytes);
  if (addr % PAGE_SIZE !== 0 || end > TASK_SIZE) return -Errno.EINVAL;
  if (end === addr) return 0;
  const vmas = space.vmas.overlapping(addr, end);
  if (advice === Madv.WIPEONFORK && vmas.some((vma) => vma.file !== null || vma.isShared)) return -Errno.EINVAL;
  if (flagChange !== undefined) {
    space.vmas.update(addr, end, (piece) => (piece.flags = (piece.flags | flagChange[0]) & ~flagChange[1]));
  } else {
    for (const vma of vmas) {
      const result = pageAdvice!(space, vma, Math.max(addr, vma.start), Math.min(end, vma.end));
      if (result !== 0) return result;
    }
  }
  return space.vmas.covers(addr, end) ? 0 : -Errno.ENOMEM;
}

/** Shared mappings are coherent with read(2) and write(2); only MS_SYNC has work to do. */
export function syncMemory(space: AddressSpace, addr: number, lengthBytes: number, flags: number): number {
  const end = addr + pageUp(lengthBytes);
  if (flags & ~(Msync.ASYNC | Msync.INVALIDATE | Msync.SYNC) || addr % PAGE_SIZE !== 0) return -Errno.EINVAL;
  if (flags & Msync.ASYNC && flags & Msync.SYNC) return -Errno.EINVAL;
  if (end > TASK_SIZE) return -Errno.ENOMEM;
  const vmas = space.vmas.overlapping(addr, end);
  if (flags & Msync.INVALIDATE && vmas.some((vma) => vma.flags & VmFlag.LOCKED)) return -Errno.EBUSY;
  if (flags & Msync.SYNC) {
    for (const file of new Set(vmas.filter((vma) => vma.isShared).map((vma) => vma.file))) {
      const result = file?.sync() ?? 0;
      if (result < 0) return result;
    }
  }
  return space.vmas.covers(addr, end) ? 0 : -Errno.ENOMEM;
}

/** One byte per page: bit 0 = in memory. */
export function residentPages(space: AddressSpace, addr: number, lengthBytes: number): Uint8Array | number {
  if (addr % PAGE_SIZE !== 0) return -Errno.EINVAL;
  const end = addr + pageUp(lengthBytes);
  if (end > TASK_SIZE || !space.vmas.covers(addr, end)) return -Errno.ENOMEM;
  space.settle();
  const answer = new Uint8Array((end - addr) / PAGE_SIZE);
  for (let i = 0; i < answer.length; i++) {
    const at = addr + i * PAGE_SIZE;
    const file = space.vmas.find(at)!.file;
    if (space.pages.get(at / PAGE_SIZE) !== 0 || (file !== null && file.pages.peekPage(space.vmas.find(at)!.fileIndex(at)) > 0)) answer[i] = 1;
  }
  return answer;
}

/** Memory never leaves for a swap, so locking is only an attribute (and presence). */
export function lockMemory(space: AddressSpace, addr: number, lengthBytes: number, locked: boolean, faultsIn: boolean): number {
  const start = Math.floor(addr / PAGE_SIZE) * PAGE_SIZE;
  const end = pageUp(addr + lengthBytes);
  if (end < start) return -Errno.EINVAL;
  space.vmas.update(start, end, (piece) => (piece.flags = locked ? piece.flags | VmFlag.LOCKED : piece.flags & ~VmFlag.LOCKED));
  if (!space.vmas.covers(start, end)) return -Errno.ENOMEM;
  if (locked && faultsIn) populate(space, start, end);
  return 0;
}

export function lockedBytes(space: AddressSpace): number {
  let bytes = 0;
  for (const vma of space.vmas) if (vma.flags & VmFlag.LOCKED) bytes += vma.sizeBytes;
  return bytes;
}
