/**
 * Page faults: which frame a guest page gets, and when it gets a copy of its own.
 *
 * A fault makes the page present (PageTable) and then maps it, together with its present
 * neighbours, into the flat tables. Faults travel from a core to the kernel thread and back, so one
 * fault should serve many pages: files map a window of pages, sequential first writes to anonymous
 * memory map growing batches.
 */
import { Errno, FreshBatch, LOW_PAGES, PAGE_SIZE, zeroMemory } from '@troupe/abi';
import type { AddressSpace } from './address-space.js';
import type { Backing } from './fault-history.js';
import { Flat } from './flat-tables.js';
import { grantAround } from './grants.js';
import { Pte, pteFrame } from './page-table.js';
import { STACK_GUARD_BYTES } from './layout.js';
import { VmFlag, type Vma } from './vma.js';
import { Rlimit } from '@troupe/abi/linux/limits.js';
import { Prot } from '@troupe/abi/linux/mman.js';

export const Access = { READ: 1, WRITE: 2, EXEC: 4 } as const;

/** Results of a failed fault: negative, so that they never look like a frame. */
export const FaultError = {
  /** No mapping: SIGSEGV SEGV_MAPERR. */
  MAPERR: -1,
  /** The mapping forbids the access: SIGSEGV SEGV_ACCERR. */
  ACCERR: -2,
  /** No file page there, or the contents of the page are lost: SIGBUS BUS_ADRERR. */
  BUS: -3,
  /** Out of memory: SIGKILL. */
  OOM: -4,
} as const;

/** Pages of a new file mapping that are mapped at once when the page cache has them. */
const CACHED_PAGES = 64;
/** A stack grows at least this much at a time. */
const STACK_STEP_BYTES = 64 * 1024;

/** Makes the page of `addr` accessible. Returns its frame, or a FaultError. */
export function faultIn(space: AddressSpace, addr: number, access: number): number {
  const vma = space.vmas.find(addr) ?? growStack(space, addr);
  if (vma === undefined) return FaultError.MAPERR;
  if (!allows(vma.prot, access)) return FaultError.ACCERR;
  const page = Math.floor(addr / PAGE_SIZE);
  const isFirstWrite = access === Access.WRITE && space.pages.get(page) === 0;
  const frame = presentPage(space, vma, page, access);
  if (frame > 0 && page < LOW_PAGES) mapAround(space, vma, page, access, frame);
  if (frame > 0 && isFirstWrite) grantAround(space, vma, page);
  return frame;
}

/** The frame of a page, its contents at hand. */
function presentPage(space: AddressSpace, vma: Vma, page: number, access: number): number {
  space.revoke(page, page + 1);
  const frame = access === Access.WRITE ? writePage(space, vma, page) : readPage(space, vma, page, access);
  return frame <= 0 || space.frames.bring(frame) ? frame : FaultError.BUS;
}

/**
 * The frame of a page for a tracer, whatever the protection says (ptrace(2) PEEK and POKE,
 * /proc/pid/mem): a write to a private mapping makes the page the process's own. Shared mappings keep
 * their protection.
 */
export function forceIn(space: AddressSpace, addr: number, access: number): number {
  const vma = space.vmas.find(addr);
  if (vma === undefined) return FaultError.MAPERR;
  if (allows(vma.prot, access)) return faultIn(space, addr, access);
  if (access === Access.WRITE && vma.isShared) return FaultError.ACCERR;
  return presentPage(space, vma, Math.floor(addr / PAGE_SIZE), access);
}

/** x86 page protection: write or execute permission implies read. */
function allows(prot: number, access: number): boolean {
  if (access === Access.READ) return prot !== 0;
  return (prot & access) !== 0;
}

/** The mapping above `addr`, extended down to it, if it is a stack that may grow there. */
function growStack(space: AddressSpace, addr: number): Vma | undefined {
  space.dropReserve();
  const { vmas } = space;
  const index = vmas.indexAfter(addr);
  const vma = vmas.at(index);
  if (vma === undefined || (vma.flags & VmFlag.GROWSDOWN) === 0) return undefined;
  const below = vmas.at(index - 1);
  const wanted = Math.floor(addr / PAGE_SIZE) * PAGE_SIZE;
  const lowest = Math.max(
    PAGE_SIZE,
    vma.end - Math.min(space.limits.soft(Rlimit.STACK), vma.end),
    below === undefined || below.prot === 0 ? below?.end ?? 0 : below.end + STACK_GUARD_BYTES,
  );
  if (wanted < lowest) return undefined;
  const start = Math.max(Math.ceil(lowest / PAGE_SIZE) * PAGE_SIZE, Math.min(wanted, vma.start - STACK_STEP_BYTES));
  if (space.vmas.bytes + vma.start - start > space.limits.soft(Rlimit.AS)) return undefined;
  vmas.growDown(vma, start);
  return vma;
}

/** The frame of a page for reading or executing. */
function readPage(space: AddressSpace, vma: Vma, page: number, access: number): number {
  const entry = space.pages.get(page);
  if (entry !== 0) return pteFrame(entry);
  if (vma.file !== null) return filePage(space, vma, page, false);
  if (access === Access.READ && page < LOW_PAGES) return space.system.zeroFrame;
  return anonymousPage(space, page);
}

function anonymousPage(space: AddressSpace, page: number): number {
  const frame = space.allocFrame(page);
  if (frame === 0) return FaultError.OOM;
  zeroMemory(space.frames.shared, frame, frame + PAGE_SIZE);
  space.addPage(page, frame, Pte.ANON | Pte.WRITABLE);
  return frame;
}

/** Makes the file page present. `forWrite` only for shared mappings. */
function filePage(space: AddressSpace, vma: Vma, page: number, forWrite: boolean): number {
  const { pages } = vma.file!;
  const index = vma.fileIndex(page * PAGE_SIZE);
  if (index * PAGE_SIZE >= pages.sizeBytes) return FaultError.BUS;
  const frame = pages.getPage(index, forWrite);
  if (frame <= 0) return frame === -Errno.ENOMEM ? FaultError.OOM : FaultError.BUS;
  space.frames.incRef(frame);
  space.addPage(page, frame, forWrite ? Pte.WRITABLE : 0);
  return frame;
}

/** The frame of a page for writing. */
function writePage(space: AddressSpace, vma: Vma, page: number): number {
  const entry = space.pages.get(page);
  if (entry & Pte.WRITABLE) {
    releaseCode(space, page, pteFrame(entry));
    return pteFrame(entry);
  }
  return vma.isShared ? writeShared(space, vma, page, entry) : writePrivate(space, vma, page);
}

/** Code of a frame that only this page maps need not be looked for elsewhere. */
function releaseCode(space: AddressSpace, page: number, frame: number): void {
  const { system } = space;
  if (!system.codeFrames.has(frame)) return;
  if (space.frames.refCount(frame) === 1) space.withdraw(page * PAGE_SIZE, (page + 1) * PAGE_SIZE, Flat.EXEC);
  else system.dropExecEntries(frame);
  system.forgetCode(frame);
}

/**
 * First write to private pages: zeros, a copy, or the frame itself when nobody else has it. While
 * faults are sequential a growing batch is prepared.
 */
function writePrivate(space: AddressSpace, vma: Vma, page: number): number {
  const backing = backingOf(vma, space.pages.get(page));
  const batch = space.history.batchAround(page, vma, backing);
  const [first, end] = backing === 'fresh' ? [bridged(space, vma, batch[0], -1), bridged(space, vma, batch[1] - 1, 1) + 1] : batch;
  space.withdraw(first * PAGE_SIZE, end * PAGE_SIZE);
  if (backing === 'anonymous') space.hotPages.copied(page);
  const frame = ownPage(space, vma, page);
  if (frame <= 0) return frame;
  releaseCode(space, page, frame);
  for (let other = first; other < end; other++) if (ownPage(space, vma, other) <= 0) break;
  return frame;
}

/** From a page in a direction to the last untouched page before one that is mapped, if that is near: small gaps would part the windows. */
function bridged(space: AddressSpace, vma: Vma, page: number, step: number): number {
  for (let n = 1; n <= FreshBatch.BRIDGE_PAGES; n++) {
    const at = page + n * step;
    if (at < vma.start / PAGE_SIZE || at >= vma.end / PAGE_SIZE) return page;
    if (space.pages.get(at) !== 0 || (space.tables?.writeEntry(at) ?? 0) !== 0) return at - step;
  }
  return page;
}

function backingOf(vma: Vma, entry: number): Backing {
  if (entry === 0) return vma.file === null ? 'fresh' : 'file';
  return entry & Pte.ANON ? 'anonymous' : 'file';
}

/** Gives a private page a frame of its own. Precondition: no core has a translation of it. */
function ownPage(space: AddressSpace, vma: Vma, page: number): number {
  let entry = space.pages.get(page);
  if (entry === 0) {
    if (vma.file === null) return anonymousPage(space, page);
    const frame = filePage(space, vma, page, false);
    if (frame <= 0) return frame;
    entry = space.pages.get(page);
  }
  const frame = pteFrame(entry);
  if (entry & Pte.WRITABLE) return frame;
  if (isSoleOwner(space, entry)) {
    space.pages.set(page, (entry | Pte.WRITABLE) >>> 0);
    return frame;
  }
  return copyPage(space, page, entry, frame);
}

function isSoleOwner(space: AddressSpace, entry: number): boolean {
  return (entry & Pte.ANON) !== 0 && space.frames.refCount(pteFrame(entry)) === 1;
}

function writeShared(space: AddressSpace, vma: Vma, page: number, entry: number): number {
  const frame = entry === 0 ? filePage(space, vma, page, true) : shareForWrite(space, vma, page, pteFrame(entry), entry);
  if (frame > 0) releaseCode(space, page, frame);
  return frame;
}

/** First write to a shared page that was mapped for reading: the file learns that it gets dirty. */
function shareForWrite(space: AddressSpace, vma: Vma, page: number, frame: number, entry: number): number {
  const now = vma.file!.pages.getPage(vma.fileIndex(page * PAGE_SIZE), true);
  if (now <= 0) return now === -Errno.ENOMEM ? FaultError.OOM : FaultError.BUS;
  if (now === frame) {
    space.pages.set(page, (entry | Pte.WRITABLE) >>> 0);
  } else {
    space.withdraw(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    space.dropPage(page, entry);
    space.frames.incRef(now);
    space.addPage(page, now, Pte.WRITABLE);
  }
  return now;
}

/** Copy-on-write: the page gets a frame of its own. */
function copyPage(space: AddressSpace, page: number, entry: number, frame: number): number {
  if (!space.frames.bring(frame)) return FaultError.BUS;
  const copy = space.allocFrame(page);
  if (copy === 0) return FaultError.OOM;
  space.frames.shared.u8.copyWithin(copy, frame, frame + PAGE_SIZE);
  space.dropPage(page, entry);
  space.addPage(page, copy, Pte.ANON | Pte.WRITABLE);
  return copy;
}

/** Both sides of a fork get a page of their own, if they share one that either has written before; others may have it, too. */
export function splitPage(parent: AddressSpace, child: AddressSpace, vma: Vma, page: number): void {
  const entry = child.pages.get(page);
  const frame = pteFrame(entry);
  const { system, frames } = parent;
  if ((entry & Pte.ANON) === 0 || frames.isAbsent(frame) || system.codeFrames.has(frame) || copyPage(child, page, entry, frame) <= 0) return;
  for (const space of [parent, child]) {
    if (page >= LOW_PAGES || space.tables === null) continue;
    mapPresent(space, vma, page, space.pages.get(page), Access.WRITE);
    space.windows.grow(page, space.tables);
  }
}

/**
 * Maps what the page cache has of the first pages of a new file mapping, and copies the first pages
 * of private writable ones (relocations write there): each saves a fault.
 */
export function mapCached(space: AddressSpace, vma: Vma): void {
  const first = vma.start / PAGE_SIZE;
  if (vma.file === null || vma.prot === 0 || vma.end > LOW_PAGES * PAGE_SIZE || space.ownTables() === null) return;
  const end = Math.min(first + CACHED_PAGES, vma.end / PAGE_SIZE);
  const isWritable = (vma.prot & Prot.WRITE) !== 0;
  readAhead(space, vma, first, end);
  if (isWritable && !vma.isShared) for (let page = first; page < Math.min(first + FreshBatch.GROUP_PAGES, end) && space.pages.get(page) !== 0; page++) ownPage(space, vma, page);
  const access = isWritable ? Access.WRITE : vma.prot & Prot.EXEC ? Access.EXEC : Access.READ;
  for (let page = first; page < end; page++) {
    const entry = space.pages.get(page);
    if (entry !== 0) mapPresent(space, vma, page, entry, access);
  }
  if (isWritable) space.windows.grow(first, space.tables!);
}

/** Prepares private anonymous pages of [start, end) for writing before they are asked for. */
export function prefault(space: AddressSpace, vma: Vma, start: number, end: number): void {
  if (space.ownTables() === null) return;
  space.revoke(start / PAGE_SIZE, end / PAGE_SIZE);
  for (let page = start / PAGE_SIZE; page < end / PAGE_SIZE && page < LOW_PAGES; page++) {
    const frame = space.pages.get(page) === 0 ? anonymousPage(space, page) : 0;
    if (frame < 0) return;
    if (frame > 0) mapPresent(space, vma, page, space.pages.get(page), Access.WRITE);
  }
  space.history.nextUp = end / PAGE_SIZE;
  space.windows.grow(start / PAGE_SIZE, space.tables!);
}

/** Puts the page and its neighbours into the flat tables. Pages that are both written and executed come alone. */
function mapAround(space: AddressSpace, vma: Vma, page: number, access: number, frame: number): void {
  const alone = access === Access.EXEC && (vma.prot & Prot.WRITE) !== 0;
  const [from, to] = alone ? [page, page + 1] : space.history.windowAround(page);
  const first = Math.max(from, vma.start / PAGE_SIZE);
  const end = Math.min(to, vma.end / PAGE_SIZE, LOW_PAGES);
  if (vma.file !== null) readAhead(space, vma, first, end);
  if (space.ownTables() === null) return space.system.onTablesDenied();
  if (frame === space.system.zeroFrame) return mapZeroFrames(space, first, end);
  for (let at = first; at < end; at++) {
    const entry = space.pages.get(at);
    if (entry !== 0) mapPresent(space, vma, at, entry, access);
  }
  if (access === Access.WRITE) space.windows.grow(page, space.tables!);
}

function mapZeroFrames(space: AddressSpace, first: number, end: number): void {
  space.revoke(first, end);
  for (let page = first; page < end; page++) if (space.pages.get(page) === 0) space.tables!.setRead(page, space.system.zeroFrame);
}

/** Pages of the window that the file has at hand. */
function readAhead(space: AddressSpace, vma: Vma, first: number, end: number): void {
  const { pages } = vma.file!;
  for (let page = first; page < end; page++) {
    if (space.pages.get(page) !== 0) continue;
    const frame = pages.peekPage(vma.fileIndex(page * PAGE_SIZE));
    if (frame <= 0) continue;
    space.frames.incRef(frame);
    space.addPage(page, frame, 0);
  }
}

/** Does nothing while the contents of the page are elsewhere. */
function mapPresent(space: AddressSpace, vma: Vma, page: number, present: number, access: number): void {
  const tables = space.tables!;
  const frame = pteFrame(present);
  if (space.frames.isAbsent(frame)) return;
  let entry = present;
  if (access === Access.WRITE && (entry & Pte.WRITABLE) === 0 && isSoleOwner(space, entry)) {
    entry = (entry | Pte.WRITABLE) >>> 0;
    space.pages.set(page, entry);
  }
  tables.setRead(page, frame);
  if (access === Access.EXEC) {
    if (tables.hasExec(page)) return;
    if (tables.hasWrite(page)) space.withdraw(page * PAGE_SIZE, (page + 1) * PAGE_SIZE, Flat.WRITE);
    space.system.noteCode(frame, vma.file);
    tables.setExec(page, frame);
  } else if (entry & Pte.WRITABLE && vma.prot & Prot.WRITE && !space.system.codeFrames.has(frame)) {
    tables.setWrite(page, frame);
  }
}
