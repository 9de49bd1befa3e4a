/** mremap(2). */
import { Errno, PAGE_SIZE } from '@troupe/abi';
import { Rlimit } from '@troupe/abi/linux/limits.js';
import { Mremap } from '@troupe/abi/linux/mman.js';
import type { AddressSpace } from './address-space.js';
import { MMAP_MIN_ADDR, TASK_SIZE } from './layout.js';
import { pageUp } from './heap.js';
import { findFree } from './mapping.js';
import { pteFrame } from './page-table.js';
import { VmFlag, Vma } from './vma.js';

export interface RemapRequest {
  readonly addr: number;
  readonly oldBytes: number;
  readonly newBytes: number;
  /** Mremap bits. */
  readonly flags: number;
  readonly newAddr: number;
}

/** Returns the new address, or -errno. */
export function remapMemory(space: AddressSpace, request: RemapRequest): number {
  const { addr, flags, newAddr } = request;
  const oldLen = pageUp(request.oldBytes);
  const newLen = pageUp(request.newBytes);
  const fixed = (flags & Mremap.FIXED) !== 0;
  if (flags & ~(Mremap.MAYMOVE | Mremap.FIXED | Mremap.DONTUNMAP)) return -Errno.EINVAL;
  if ((fixed || flags & Mremap.DONTUNMAP) && (flags & Mremap.MAYMOVE) === 0) return -Errno.EINVAL;
  if (flags & Mremap.DONTUNMAP && oldLen !== newLen) return -Errno.EINVAL;
  if (addr % PAGE_SIZE !== 0 || newLen === 0) return -Errno.EINVAL;
  if (fixed && fixedTargetIsBad(addr, oldLen, newAddr, newLen)) return -Errno.EINVAL;
  space.dropReserve();
  const vma = space.vmas.find(addr);
  if (vma === undefined) return -Errno.EFAULT;
  if (oldLen === 0 && !vma.isShared) return -Errno.EINVAL;
  if (!fixed && (flags & Mremap.DONTUNMAP) === 0 && newLen <= oldLen) return shrink(space, addr, oldLen, newLen);
  if (addr + oldLen > vma.end) return -Errno.EFAULT;
  if (newLen > oldLen && space.vmas.bytes + newLen - oldLen > space.limits.soft(Rlimit.AS)) return -Errno.ENOMEM;
  if (!fixed && newLen > oldLen && oldLen !== 0 && growInPlace(space, vma, addr, oldLen, newLen)) return addr;
  if ((flags & Mremap.MAYMOVE) === 0) return -Errno.ENOMEM;
  return move(space, vma, request, oldLen, newLen);
}

function fixedTargetIsBad(addr: number, oldLen: number, newAddr: number, newLen: number): boolean {
  if (newAddr % PAGE_SIZE !== 0 || newAddr + newLen > TASK_SIZE || newAddr < MMAP_MIN_ADDR) return true;
  return addr + oldLen > newAddr && newAddr + newLen > addr;
}

function shrink(space: AddressSpace, addr: number, oldLen: number, newLen: number): number {
  if (newLen < oldLen) space.removeRange(addr + newLen, addr + oldLen);
  return addr;
}

function growInPlace(space: AddressSpace, vma: Vma, addr: number, oldLen: number, newLen: number): boolean {
  const end = addr + oldLen;
  if (end !== vma.end || addr + newLen > TASK_SIZE || !space.vmas.isFree(end, addr + newLen)) return false;
  space.addVma(continuation(vma, end, addr + newLen));
  return true;
}

/** A mapping like `vma` for [start, end), as if vma reached that far. Takes a file reference. */
function continuation(vma: Vma, start: number, end: number): Vma {
  vma.file?.incRef();
  const offset = vma.file === null ? 0 : vma.offset + (start - vma.start);
  return new Vma(start, end, vma.prot, vma.flags, vma.file, offset, vma.name, vma.maxProt);
}

function move(space: AddressSpace, vma: Vma, request: RemapRequest, oldLen: number, newLen: number): number {
  const { addr, flags } = request;
  const piece = continuation(vma, addr, addr + newLen);
  if (flags & Mremap.FIXED) {
    space.removeRange(request.newAddr, request.newAddr + newLen);
    if (newLen < oldLen) space.removeRange(addr + newLen, addr + oldLen);
  }
  const target = flags & Mremap.FIXED ? request.newAddr : findFree(space, newLen);
  if (target < 0) {
    piece.file?.decRef();
    return target;
  }
  piece.start = target;
  piece.end = target + newLen;
  space.addVma(piece);
  if (oldLen === 0) return target;
  movePages(space, addr, target, Math.min(oldLen, newLen));
  if ((flags & Mremap.DONTUNMAP) === 0) space.removeRange(addr, addr + Math.min(oldLen, newLen));
  else space.vmas.update(addr, addr + oldLen, (old) => (old.flags &= ~VmFlag.LOCKED));
  return target;
}

/** Present pages change their address; no frame is touched. */
function movePages(space: AddressSpace, from: number, to: number, length: number): void {
  space.withdraw(from, from + length);
  const shift = (to - from) / PAGE_SIZE;
  const moved: [number, number][] = [];
  space.pages.forEach(from / PAGE_SIZE, (from + length) / PAGE_SIZE, (page, entry) => moved.push([page, entry]));
  for (const [page, entry] of moved) {
    if (pteFrame(entry) === 0) continue;
    space.pages.set(page, 0);
    space.pages.set(page + shift, entry);
  }
}
