/**
 * Restartable sequences: a task that comes to guest code learns on which CPU it is (rseq(2)).
 *
 *   Borrows:  TCB.rseq, rip, the flat tables (read); the task's rseq area in guest memory (written)
 *   Order:    called after inGuest was stored, as every use of the flat tables (kernel mm/shootdown.ts)
 */
import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { RSEQ, RSEQ_CS } from '@troupe/abi/linux/rseq.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';

const U32 = 0x1_0000_0000;

/** Word index of a guest address below 4 GiB behind a table, or -1: the kernel must look. */
function wordAt({ u32 }: SharedMemory, table: number, addr: number): number {
  const entry = u32[(u32[table >> 2]! >> 2) + (addr >>> 12)]!;
  return entry === 0 ? -1 : (entry + addr + ADDEND_BIAS) >>> 2;
}

/**
 * Writes CPU, node and concurrency id, and forgets a critical section that the task has left. False: the
 * task is in one, or memory is not at hand; it must go to the kernel.
 */
export function announceCpu(shared: SharedMemory, tcb: number, cpu: number): boolean {
  const { u32 } = shared;
  const area = u32[(tcb + TCB.off.rseq) >> 2]!;
  if (area === 0) return true;
  const word = wordAt(shared, tcb + TCB.off.tableWrite, area);
  if (word < 0) return false;
  const cs = word + RSEQ.off.cs / 4;
  if ((u32[cs]! !== 0 || u32[cs + 1]! !== 0) && !leaveSection(shared, tcb, cs)) return false;
  u32[word + RSEQ.off.cpuIdStart / 4] = cpu;
  u32[word + RSEQ.off.cpuId / 4] = cpu;
  u32[word + RSEQ.off.nodeId / 4] = 0;
  u32[word + RSEQ.off.mmCid / 4] = cpu;
  return true;
}

/** Forgets the section whose address is at a word; false when the task is in it, or that cannot be told here. */
function leaveSection(shared: SharedMemory, tcb: number, cs: number): boolean {
  const { u32 } = shared;
  const addr = u32[cs]!;
  if (u32[cs + 1] !== 0 || (addr & (RSEQ_CS.sizeBytes - 1)) !== 0) return false;
  const word = wordAt(shared, tcb + TCB.off.tableRead, addr);
  if (word < 0 || u32[word] !== 0) return false;
  const number = (at: number): number => u32[at]! + u32[at + 1]! * U32;
  const offset = number((tcb + TCB.off.rip) >> 2) - number(word + RSEQ_CS.off.startIp / 4);
  if (offset >= 0 && offset < number(word + RSEQ_CS.off.postCommitOffset / 4)) return false;
  u32[cs] = 0;
  u32[cs + 1] = 0;
  return true;
}
