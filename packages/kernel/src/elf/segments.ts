/** Maps the PT_LOAD segments of an image (gABI 5, "Program Loading"). */
import { Errno, ErrnoError, PAGE_SIZE } from '@troupe/abi';
import { MapFlag, Prot } from '@troupe/abi/linux/mman.js';
import { PIE_BASE } from '../mm/layout.js';
import { pageUp } from '../mm/heap.js';
import { findFree } from '../mm/mapping.js';
import type { MappedFile } from '../mm/mappable.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { ElfError, ET_DYN, PF, type ElfImage, type ProgramHeader } from './elf-image.js';

export interface LoadedImage {
  /** Added to every address of the image. */
  readonly bias: number;
  readonly entry: number;
  /** Guest address of the program headers, 0 when they are not mapped. */
  readonly phdr: number;
  /** First address after the last segment. */
  readonly end: number;
  readonly startCode: number;
  readonly endCode: number;
  readonly startData: number;
  readonly endData: number;
  /** False: the file ends before a page that must be partly cleared. Linux finds that out when there is no way back. */
  readonly isWhole: boolean;
}

function pageDown(addr: number): number {
  return Math.floor(addr / PAGE_SIZE) * PAGE_SIZE;
}

function protOf(load: ProgramHeader): number {
  return (load.flags & PF.R ? Prot.READ : 0) | (load.flags & PF.W ? Prot.WRITE : 0) | (load.flags & PF.X ? Prot.EXEC : 0);
}

/** Alignments beyond 2 MiB and odd ones are not honoured. */
function isAlignment(bytes: number): boolean {
  return bytes <= 0x20_0000 && (bytes & (bytes - 1)) === 0;
}

/** Address of a main program: where it was linked, or PIE_BASE. */
export function programBias(image: ElfImage): number {
  if (image.type !== ET_DYN) return 0;
  const first = pageDown(Math.min(...image.loads.map((load) => load.vaddr)));
  const align = Math.max(PAGE_SIZE, ...image.loads.map((load) => (isAlignment(load.alignBytes) ? load.alignBytes : 0)));
  return Math.ceil(PIE_BASE / align) * align - first;
}

/** Address of an interpreter: a free place like any mmap. */
export function interpreterBias(mm: MemoryManager, image: ElfImage): number {
  if (image.type !== ET_DYN) return 0;
  const first = pageDown(Math.min(...image.loads.map((load) => load.vaddr)));
  const end = pageUp(Math.max(...image.loads.map((load) => load.vaddr + load.memBytes)));
  const base = findFree(mm, end - first);
  if (base < 0) throw new ErrnoError(-base);
  return base - first;
}

export function mapSegments(mm: MemoryManager, file: MappedFile, image: ElfImage, bias: number): LoadedImage {
  const sum = { end: 0, startCode: Infinity, endCode: 0, startData: 0, endData: 0, isWhole: true };
  for (const load of image.loads) {
    if (!mapSegment(mm, file, load, bias)) sum.isWhole = false;
    const at = load.vaddr + bias;
    sum.end = Math.max(sum.end, at + load.memBytes);
    sum.startCode = Math.min(sum.startCode, at);
    if (load.flags & PF.X) sum.endCode = Math.max(sum.endCode, at + load.fileBytes);
    sum.startData = Math.max(sum.startData, at);
    sum.endData = Math.max(sum.endData, at + load.fileBytes);
  }
  const holder = image.loads.find((load) => load.offBytes <= image.phoff && image.phoff < load.offBytes + load.fileBytes);
  const phdr = holder === undefined ? 0 : image.phoff - holder.offBytes + holder.vaddr + bias;
  return { bias, entry: image.entry + bias, phdr, ...sum };
}

/** False: see LoadedImage.isWhole. */
function mapSegment(mm: MemoryManager, file: MappedFile, load: ProgramHeader, bias: number): boolean {
  const at = load.vaddr + bias;
  const start = pageDown(at);
  const fileEnd = at + load.fileBytes;
  const memEnd = at + load.memBytes;
  const prot = protOf(load);
  const flags = MapFlag.PRIVATE | MapFlag.FIXED;
  let mappedEnd = start;
  let isWhole = true;
  if (load.fileBytes > 0) {
    mappedEnd = pageUp(fileEnd);
    must(mm.mmap({ addr: start, lengthBytes: mappedEnd - start, prot, flags, file, offBytes: pageDown(load.offBytes), isEager: true }));
    if (memEnd > fileEnd) isWhole = clearTail(mm, fileEnd, mappedEnd, prot);
  }
  if (pageUp(memEnd) > mappedEnd) must(mm.mmap({ addr: mappedEnd, lengthBytes: pageUp(memEnd) - mappedEnd, prot, flags }));
  return isWhole;
}

/**
 * Zeroes what follows the file bytes up to the page end (ld.so allocates from there); a read-only
 * segment keeps the file's bytes there, as on Linux. False: the file has no such page.
 */
function clearTail(mm: MemoryManager, from: number, to: number, prot: number): boolean {
  if ((prot & Prot.WRITE) === 0 || to <= from) return true;
  try {
    mm.zeroOut(from, to - from);
    return true;
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === Errno.EFAULT) return false;
    throw error;
  }
}

function must(result: number): void {
  if (result < 0) throw result === -22 ? new ElfError('segment misaligned') : new ErrnoError(-result);
}
