/** Text of /proc/pid/maps, smaps, statm and the Vm lines of status (proc(5)). */
import { PAGE_SIZE } from '@troupe/abi';
import { Prot } from '@troupe/abi/linux/mman.js';
import type { AddressSpace } from './address-space.js';
import { lockedBytes } from './advice.js';
import { Pte, pteFrame } from './page-table.js';
import { VmFlag, type Vma } from './vma.js';

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function mapsLine(vma: Vma): string {
  const perms = (vma.prot & Prot.READ ? 'r' : '-') + (vma.prot & Prot.WRITE ? 'w' : '-') + (vma.prot & Prot.EXEC ? 'x' : '-') + (vma.isShared ? 's' : 'p');
  const dev = vma.file?.dev ?? 0;
  const major = (dev >>> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00);
  const offset = vma.file === null ? 0 : vma.offset;
  const fields = `${hex(vma.start, 8)}-${hex(vma.end, 8)} ${perms} ${hex(offset, 8)} ${hex(major, 2)}:${hex(minor, 2)} ${vma.file?.ino ?? 0} `;
  const name = vma.name !== '' ? vma.name : (vma.file?.path ?? '').replaceAll('\n', '\\012');
  return name === '' ? fields : fields.padEnd(73) + name;
}

export function mapsText(space: AddressSpace): string {
  let text = '';
  for (const vma of space.vmas) text += mapsLine(vma) + '\n';
  return text;
}

interface Residency {
  pages: number;
  sharedPages: number;
  anonPages: number;
  proportionalBytes: number;
}

function residency(space: AddressSpace, vma: Vma): Residency {
  const sum: Residency = { pages: 0, sharedPages: 0, anonPages: 0, proportionalBytes: 0 };
  space.pages.forEach(vma.start / PAGE_SIZE, vma.end / PAGE_SIZE, (_page, entry) => {
    const users = Math.max(1, space.frames.refCount(pteFrame(entry)) - (entry & Pte.ANON ? 0 : 1));
    sum.pages++;
    if (users > 1) sum.sharedPages++;
    if (entry & Pte.ANON) sum.anonPages++;
    sum.proportionalBytes += PAGE_SIZE / users;
  });
  return sum;
}

const VM_FLAG_NAMES: readonly (readonly [number, string])[] = [[VmFlag.GROWSDOWN, 'gd'], [VmFlag.LOCKED, 'lo'], [VmFlag.NORESERVE, 'nr'], [VmFlag.DONTFORK, 'dc'], [VmFlag.WIPEONFORK, 'wf'], [VmFlag.DONTDUMP, 'dd'], [VmFlag.HUGEPAGE, 'hg'], [VmFlag.NOHUGEPAGE, 'nh']];

function vmFlagNames(vma: Vma): string {
  const names = [vma.prot & 1 ? 'rd' : '', vma.prot & 2 ? 'wr' : '', vma.prot & 4 ? 'ex' : '', vma.isShared ? 'sh' : '', 'mr', 'mw', 'me', vma.isShared ? 'ms' : ''];
  for (const [bit, name] of VM_FLAG_NAMES) if (vma.flags & bit) names.push(name);
  return names.filter((name) => name !== '').join(' ');
}

function smapsEntry(space: AddressSpace, vma: Vma): string {
  const { pages, sharedPages, anonPages, proportionalBytes } = residency(space, vma);
  const line = (name: string, kib: number): string => `${`${name}:`.padEnd(16)}${String(Math.floor(kib)).padStart(8)} kB\n`;
  const privatePages = pages - sharedPages;
  return (
    mapsLine(vma) + '\n' +
    line('Size', vma.sizeBytes / 1024) + line('KernelPageSize', 4) + line('MMUPageSize', 4) + line('Rss', pages * 4) + line('Pss', proportionalBytes / 1024) +
    line('Shared_Clean', (sharedPages - Math.min(sharedPages, anonPages)) * 4) + line('Shared_Dirty', Math.min(sharedPages, anonPages) * 4) +
    line('Private_Clean', (privatePages - Math.min(privatePages, anonPages)) * 4) + line('Private_Dirty', Math.min(privatePages, anonPages) * 4) +
    line('Referenced', pages * 4) + line('Anonymous', anonPages * 4) + line('LazyFree', 0) + line('AnonHugePages', 0) + line('ShmemPmdMapped', 0) + line('FilePmdMapped', 0) +
    line('Shared_Hugetlb', 0) + line('Private_Hugetlb', 0) + line('Swap', 0) + line('SwapPss', 0) + line('Locked', vma.flags & VmFlag.LOCKED ? pages * 4 : 0) +
    `THPeligible:    0\nVmFlags: ${vmFlagNames(vma)} \n`
  );
}

export function smapsText(space: AddressSpace): string {
  space.settle();
  let text = '';
  for (const vma of space.vmas) text += smapsEntry(space, vma);
  return text;
}

/** Sizes of an address space in bytes, as /proc/pid/status and stat show them. */
export interface MemoryUsage {
  readonly sizeBytes: number;
  readonly peakRssBytes: number;
  readonly rssBytes: number;
  readonly rssAnonBytes: number;
  readonly rssFileBytes: number;
  readonly dataBytes: number;
  readonly stackBytes: number;
  readonly textBytes: number;
  readonly lockedBytes: number;
}

export function memoryUsage(space: AddressSpace): MemoryUsage {
  space.settle();
  let stackBytes = 0;
  let textBytes = 0;
  for (const vma of space.vmas) {
    if (vma.flags & VmFlag.GROWSDOWN) stackBytes += vma.sizeBytes;
    else if (vma.prot & Prot.EXEC && vma.file !== null && !(vma.prot & Prot.WRITE)) textBytes += vma.sizeBytes;
  }
  return {
    sizeBytes: space.vmas.bytes,
    peakRssBytes: space.peakRssPages * PAGE_SIZE,
    rssBytes: space.rssPages * PAGE_SIZE,
    rssAnonBytes: space.rssAnonPages * PAGE_SIZE,
    rssFileBytes: space.rssFilePages * PAGE_SIZE,
    dataBytes: space.dataBytes,
    stackBytes,
    textBytes,
    lockedBytes: lockedBytes(space),
  };
}

/** size resident shared text lib data dt, in pages. */
export function statmText(space: AddressSpace): string {
  const usage = memoryUsage(space);
  const pages = [usage.sizeBytes, usage.rssBytes, usage.rssFileBytes, usage.textBytes, 0, usage.dataBytes + usage.stackBytes, 0];
  return pages.map((bytes) => Math.floor(bytes / PAGE_SIZE)).join(' ') + '\n';
}
