/**
 * System calls that a core answers itself: one list for the cores, the rows (SyscallRow.inCore) and the
 * counters. What they read is in shared memory:
 *
 *   TCB.inCore          1: cores may answer calls of the task (not when it is traced or filtered)
 *   KernelHeader.watchedCalls   not 0: the kernel must see all calls (policy hooks, --strace, -c)
 *   TCB.ids             what getpid, gettid, getuid … answer; written by the kernel while it owns the TCB
 *   FLAT_SET.breakState  the program break, and how far cores may move it (kernel mm/heap-reserve.ts)
 *   KernelHeader.futexFilter    waiting tasks by hash of the futex word's guest address (private futexes)
 *
 * Order of the filter: a waiter is counted before the kernel looks at the futex word; a core that wakes
 * reads the count behind a full fence, after the program's store to the word. One of the two sees the other.
 */
import { headerWord } from '../layout/header.js';

/** The calls, by number; the index of each is that of its counters and, for the first, of its word in TCB.ids. */
export const IN_CORE_CALLS: readonly number[] = [39, 186, 102, 107, 104, 108, 24, 202, 12];
/** How many of them answer a word of TCB.ids: getpid gettid getuid geteuid getgid getegid. */
export const ID_CALLS = 6;
export const InCore = { SCHED_YIELD: 6, FUTEX: 7, BRK: 8 } as const;

/** Counters of the filter (u32 each), a power of 2. */
export const FUTEX_FILTER_WORDS = 4096;
export const FUTEX_FILTER = headerWord('futexFilter');

/** Index of a futex word's counter in the filter. `addr`: guest address, a multiple of 4. */
export function futexFilterIndex(addr: number): number {
  const word = Math.floor(addr / 4);
  return (word ^ (word >>> 12)) & (FUTEX_FILTER_WORDS - 1);
}
