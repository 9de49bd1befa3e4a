/** Memory systems and files for memory-manager tests. */
import { createMemory, FramePool, PAGE_SIZE, PfCode, viewMemory } from '@troupe/abi';
import { MapFlag, Prot } from '@troupe/abi/linux/mman.js';
import { SharedObject } from '@troupe/kernel/mm/shared-object.js';
import { MemoryManager } from '@troupe/kernel/mm/memory-manager.js';
import { MemorySystem } from '@troupe/kernel/mm/memory-system.js';

export const RW = Prot.READ | Prot.WRITE;
export const RWX = RW | Prot.EXEC;
export const PRIVATE_ANON = MapFlag.PRIVATE | MapFlag.ANONYMOUS;
export const SHARED_ANON = MapFlag.SHARED | MapFlag.ANONYMOUS;

export function makeSystem(options: { maxTableSets?: number; limitMib?: number } = {}): MemorySystem {
  const memory = createMemory(256 << 20);
  const frames = FramePool.initialise(viewMemory(memory), (options.limitMib ?? 256) << 20);
  return new MemorySystem(frames, { maxTableSets: options.maxTableSets ?? 8 });
}

export function makeSpace(system = makeSystem()): MemoryManager {
  return new MemoryManager(system);
}

/** Maps private anonymous memory anywhere. */
export function mapAnon(mm: MemoryManager, pages: number, prot: number = RW, flags: number = PRIVATE_ANON, addr = 0): number {
  return mm.mmap({ addr, lengthBytes: pages * PAGE_SIZE, prot, flags });
}

export const READ_FAULT = PfCode.USER;
export const WRITE_FAULT = PfCode.USER | PfCode.WRITE;
export const FETCH_FAULT = PfCode.USER | PfCode.FETCH;

/** A file of `pages` pages; page n starts with the byte n + 1. */
export function makeFile(system: MemorySystem, pages: number): SharedObject {
  const file = new SharedObject(system.frames, pages * PAGE_SIZE, '/a file', 0x801);
  file.incRef();
  for (let index = 0; index < pages; index++) system.shared.u8[file.getPage(index, true)] = index + 1;
  return file;
}
