import { PAGE_SIZE } from '@troupe/abi';
import { Prot } from '@troupe/abi/linux/mman.js';
import { Vma } from './vma.js';

export const ALL_PROT = Prot.READ | Prot.WRITE | Prot.EXEC;

export function pageUp(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

/** Heap of the program break, page-aligned. */
export function heapVma(from: number, to: number): Vma {
  return new Vma(from, to, Prot.READ | Prot.WRITE, 0, null, 0, '[heap]', ALL_PROT);
}
