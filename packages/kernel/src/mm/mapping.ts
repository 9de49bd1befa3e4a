/** mmap(2), munmap(2), mprotect(2), brk(2) on an address space. */
import { Errno, PAGE_SIZE } from '@troupe/abi';
import { Rlimit } from '@troupe/abi/linux/limits.js';
import { MapFlag, Prot } from '@troupe/abi/linux/mman.js';
import type { AddressSpace } from './address-space.js';
import { Access, faultIn, mapCached, prefault } from './fault.js';
import { Flat } from './flat-tables.js';
import { grantNew } from './grants.js';
import { ALL_PROT, heapVma, pageUp } from './heap.js';
import { BIT32_HIGH, BIT32_LOW, HEAPS_TOP, HIGH_MMAP_TOP, LOW_END, MAX_MAP_COUNT, MMAP_MIN_ADDR, MMAP_TOP, STACK_GUARD_BYTES, TASK_SIZE } from './layout.js';
import type { MappedFile } from './mappable.js';
import { SharedObject } from './shared-object.js';
import { VmFlag, Vma } from './vma.js';

export interface MapRequest {
  readonly addr: number;
  readonly lengthBytes: number;
  readonly prot: number;
  /** MapFlag bits. */
  readonly flags: number;
  /** null = anonymous. */
  readonly file?: MappedFile | null;
  readonly offBytes?: number;
  /** What mprotect may grant later; default everything. */
  readonly maxProt?: number;
  /** Name for /proc/pid/maps. */
  readonly name?: string;
  /** More VmFlag bits. */
  readonly vmFlags?: number;
  /** Small private anonymous mappings and cached file pages are mapped at once: cheaper than the faults that would follow. */
  readonly isEager?: boolean;
}

/** Mappings up to this size, and the start of heap growth, are prepared eagerly. */
const EAGER_BYTES = 4 * PAGE_SIZE;
/** Cores move the break so far without asking. */
const RESERVE_BYTES = 8 << 20;

/** Maps and returns the address, or -errno. */
export function mapMemory(space: AddressSpace, request: MapRequest): number {
  const length = pageUp(request.lengthBytes);
  if (length === 0) return -Errno.EINVAL;
  if (length > TASK_SIZE) return -Errno.ENOMEM;
  const addr = findRoom(space, request, length);
  if (addr < 0) return addr;
  const fixed = (request.flags & (MapFlag.FIXED | MapFlag.FIXED_NOREPLACE)) !== 0;
  const refused = checkLimits(space, request, length);
  if (refused !== 0) return refused;
  if (fixed) space.removeRange(addr, addr + length);
  const file = request.file ?? anonymousFile(space, request, length);
  file?.incRef();
  const vma = new Vma(addr, addr + length, request.prot & ALL_PROT, vmFlagsOf(request), file, request.offBytes ?? 0, request.name ?? '', request.maxProt ?? ALL_PROT);
  space.addVma(vma);
  if (request.isEager === true) prepareNew(space, addr, length);
  if (request.flags & (MapFlag.POPULATE | MapFlag.LOCKED) && (request.flags & MapFlag.NONBLOCK) === 0) populate(space, addr, addr + length);
  return addr;
}

function prepareNew(space: AddressSpace, addr: number, length: number): void {
  const vma = space.vmas.find(addr)!;
  if (vma.file === null && length <= EAGER_BYTES) prepare(space, addr, addr + length);
  else if (vma.file === null) grantNew(space, vma, addr, addr + length);
  else if (vma.file !== null && vma.start === addr) mapCached(space, vma);
}

function prepare(space: AddressSpace, start: number, end: number): void {
  const vma = space.vmas.find(start)!;
  if (vma.file === null && (vma.prot & Prot.WRITE) !== 0 && (vma.flags & VmFlag.NORESERVE) === 0) prefault(space, vma, start, end);
}

function anonymousFile(space: AddressSpace, request: MapRequest, length: number): MappedFile | null {
  return (request.flags & MapFlag.TYPE_MASK) === MapFlag.PRIVATE ? null : new SharedObject(space.frames, length);
}

function vmFlagsOf(request: MapRequest): number {
  const { flags } = request;
  let vmFlags = request.vmFlags ?? 0;
  if ((flags & MapFlag.TYPE_MASK) !== MapFlag.PRIVATE) vmFlags |= VmFlag.SHARED;
  if (flags & MapFlag.GROWSDOWN) vmFlags |= VmFlag.GROWSDOWN;
  if (flags & MapFlag.LOCKED) vmFlags |= VmFlag.LOCKED;
  if (flags & MapFlag.NORESERVE) vmFlags |= VmFlag.NORESERVE;
  return vmFlags;
}

/** An address that no core can move the break to. */
function findRoom(space: AddressSpace, request: MapRequest, length: number): number {
  const addr = chooseAddress(space, request, length);
  if (addr < 0 || !space.isInWayOfBreak(addr, addr + length)) return addr;
  space.dropReserve();
  return chooseAddress(space, request, length);
}

function chooseAddress(space: AddressSpace, request: MapRequest, length: number): number {
  const { addr, flags } = request;
  if (flags & (MapFlag.FIXED | MapFlag.FIXED_NOREPLACE)) {
    if (addr % PAGE_SIZE !== 0) return -Errno.EINVAL;
    if (addr + length > TASK_SIZE) return -Errno.ENOMEM;
    if (addr < MMAP_MIN_ADDR) return -Errno.EPERM;
    if (flags & MapFlag.FIXED_NOREPLACE && !space.vmas.isFree(addr, addr + length)) return -Errno.EEXIST;
    return addr;
  }
  const hint = pageUp(addr);
  if (hint >= MMAP_MIN_ADDR && hint + length <= LOW_END && space.vmas.isFree(hint, hint + length)) return hint;
  const isHeap = (flags & (MapFlag.TYPE_MASK | MapFlag.NORESERVE | MapFlag.STACK | MapFlag.BIT32)) === MapFlag.PRIVATE && (request.prot & Prot.WRITE) !== 0 && (request.file ?? null) === null;
  const heap = isHeap ? space.vmas.findFreeTopDown(length, MMAP_MIN_ADDR, HEAPS_TOP) : -1;
  return heap >= 0 ? heap : findFree(space, length, flags);
}

/** A free range for a mapping without a fixed address, or -ENOMEM. */
export function findFree(space: AddressSpace, length: number, flags = 0): number {
  const { vmas } = space;
  if (flags & MapFlag.BIT32) {
    const low = vmas.findFreeTopDown(length, BIT32_LOW, BIT32_HIGH);
    return low < 0 ? -Errno.ENOMEM : low;
  }
  const found = vmas.findFreeTopDown(length, MMAP_MIN_ADDR, MMAP_TOP);
  if (found >= 0) return found;
  const high = vmas.findFreeTopDown(length, LOW_END, HIGH_MMAP_TOP);
  return high < 0 ? -Errno.ENOMEM : high;
}

/** RLIMIT_AS, RLIMIT_DATA, max_map_count and obvious overcommits (proc(5) overcommit_memory 0). */
function checkLimits(space: AddressSpace, request: MapRequest, length: number): number {
  if (space.vmas.count >= MAX_MAP_COUNT) return -Errno.ENOMEM;
  const replaced = request.flags & MapFlag.FIXED ? mappedBytes(space, request.addr, request.addr + length) : 0;
  if (space.vmas.bytes - replaced + length > space.limits.soft(Rlimit.AS)) return -Errno.ENOMEM;
  const isData = (request.flags & MapFlag.TYPE_MASK) === MapFlag.PRIVATE && (request.prot & Prot.WRITE) !== 0;
  if (!isData) return 0;
  if (space.dataBytes + length > space.limits.soft(Rlimit.DATA)) return -Errno.ENOMEM;
  if ((request.flags & MapFlag.NORESERVE) === 0 && length > space.system.limitBytes) return -Errno.ENOMEM;
  return 0;
}

function mappedBytes(space: AddressSpace, start: number, end: number): number {
  let bytes = 0;
  for (const vma of space.vmas.overlapping(start, end)) bytes += Math.min(end, vma.end) - Math.max(start, vma.start);
  return bytes;
}

/** Faults in [start, end) as far as possible (MAP_POPULATE, MADV_POPULATE, mlock). Returns false when a page could not be had. */
export function populate(space: AddressSpace, start: number, end: number, access = 0): boolean {
  for (const vma of space.vmas.overlapping(start, end)) {
    const how = access !== 0 ? access : (vma.prot & Prot.WRITE) !== 0 && !vma.isShared ? Access.WRITE : Access.READ;
    if (vma.prot === 0) continue;
    const to = Math.min(end, vma.end);
    for (let addr = Math.max(start, vma.start); addr < to; addr += PAGE_SIZE) if (faultIn(space, addr, how) <= 0) return false;
  }
  return true;
}

export function unmapMemory(space: AddressSpace, addr: number, lengthBytes: number): number {
  const length = pageUp(lengthBytes);
  if (addr % PAGE_SIZE !== 0 || length === 0 || addr + length > TASK_SIZE) return -Errno.EINVAL;
  const first = space.vmas.find(addr);
  const splits = first !== undefined && first.start < addr && first.end > addr + length;
  if (splits && space.vmas.count >= MAX_MAP_COUNT) return -Errno.ENOMEM;
  space.removeRange(addr, addr + length);
  return 0;
}

export function protectMemory(space: AddressSpace, addr: number, lengthBytes: number, protection: number): number {
  const length = pageUp(lengthBytes);
  const grows = protection & (Prot.GROWSDOWN | Prot.GROWSUP);
  const prot = protection & ~grows;
  if (addr % PAGE_SIZE !== 0 || grows === (Prot.GROWSDOWN | Prot.GROWSUP)) return -Errno.EINVAL;
  if (length === 0) return 0;
  if (addr + length > TASK_SIZE) return -Errno.ENOMEM;
  if (prot & ~ALL_PROT) return -Errno.EINVAL;
  const first = space.vmas.find(addr);
  if (first === undefined) return -Errno.ENOMEM;
  const start = grows === Prot.GROWSDOWN && first.flags & VmFlag.GROWSDOWN ? first.start : addr;
  return protectRange(space, start, addr + length, prot);
}

/** Linux changes mapping by mapping and stops at the first hole or refusal; what came before stays changed. */
function protectRange(space: AddressSpace, start: number, end: number, prot: number): number {
  let at = start;
  let result = 0;
  for (const vma of space.vmas.overlapping(start, end)) {
    if (vma.start > at) break;
    if (prot & ~vma.maxProt) {
      result = -Errno.EACCES;
      break;
    }
    at = Math.min(vma.end, end);
  }
  if (at > start) applyProtection(space, start, at, prot);
  return result !== 0 ? result : at < end ? -Errno.ENOMEM : 0;
}

function applyProtection(space: AddressSpace, start: number, end: number, prot: number): void {
  let lost = 0;
  space.revoke(start / PAGE_SIZE, end / PAGE_SIZE);
  for (const vma of space.vmas.overlapping(start, end)) lost |= vma.prot & ~prot;
  space.vmas.update(start, end, (piece) => {
    space.countData(piece, -1);
    piece.prot = prot;
    space.countData(piece, 1);
  });
  if (prot === 0) space.withdraw(start, end);
  else if (lost !== 0) space.withdraw(start, end, (lost & Prot.WRITE ? Flat.WRITE : 0) | (lost & Prot.EXEC ? Flat.EXEC : 0));
}

/** Moves the break; returns the resulting break (the old one when refused), as the system call does. */
export function moveBreak(space: AddressSpace, wanted: number): number {
  space.dropReserve();
  const { brk } = space;
  if (wanted < brk.start || wanted > TASK_SIZE) return brk.end;
  const oldTop = pageUp(brk.end);
  const newTop = pageUp(wanted);
  if (newTop < oldTop) space.removeRange(newTop, oldTop);
  else if (newTop > oldTop && !growHeap(space, oldTop, newTop)) return brk.end;
  brk.end = wanted;
  space.giveReserve(reserveTop(space));
  return wanted;
}

/** How far cores may move the break: while it is as if the kernel did. */
function reserveTop(space: AddressSpace): number {
  const from = pageUp(space.brk.end);
  const room = Math.min(RESERVE_BYTES, space.limits.soft(Rlimit.AS) - space.vmas.bytes, space.limits.soft(Rlimit.DATA) - space.dataBytes);
  const top = from + Math.floor(Math.max(0, room) / PAGE_SIZE) * PAGE_SIZE;
  return space.vmas.count < MAX_MAP_COUNT && hasRoomAbove(space, from, top) ? top : from;
}

/** Stacks keep their gap. */
function hasRoomAbove(space: AddressSpace, from: number, to: number): boolean {
  const next = space.vmas.findAfter(from);
  return next === undefined || next.start >= to + (next.flags & VmFlag.GROWSDOWN ? STACK_GUARD_BYTES : 0);
}

function growHeap(space: AddressSpace, from: number, to: number): boolean {
  if (!hasRoomAbove(space, from, to)) return false;
  const request = { addr: from, lengthBytes: to - from, prot: Prot.READ | Prot.WRITE, flags: MapFlag.PRIVATE };
  if (checkLimits(space, request, to - from) !== 0) return false;
  const vma = space.addVma(heapVma(from, to));
  if (to - from <= EAGER_BYTES) prepare(space, from, to);
  else grantNew(space, vma, from, to);
  return true;
}
