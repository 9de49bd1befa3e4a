/** Futex words a dying thread leaves behind: CLONE_CHILD_CLEARTID and the robust list (get_robust_list(2)). */
import { ErrnoError, FutexWord, TCB } from '@troupe/abi';
import { shownPid } from '../namespace/id-view.js';
import type { Task } from './task.js';

/** Longest list walked (ROBUST_LIST_LIMIT). */
const ROBUST_LIST_LIMIT = 2048;
/** struct robust_list_head: first entry, offset of the futex word, entry being changed. */
const Head = { LIST: 0, OFFSET: 8, PENDING: 16 } as const;

/** Also called by execve for the old memory. Precondition: task.mm is still the dying memory. */
export function releaseFutexes(task: Task): void {
  ignoreFaults(() => walkRobustList(task));
  task.shared.u64[(task.tcb + TCB.off.robustList) / 8] = 0n;
  ignoreFaults(() => clearChildTid(task));
  task.clearChildTid = 0;
}

function ignoreFaults(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
}

function clearChildTid(task: Task): void {
  if (task.clearChildTid === 0 || task.mm.tcbs.size < 2) return;
  task.mm.writeU32(task.clearChildTid, 0);
  task.kernel.futexes.wakeAny(task.mm, task.clearChildTid, 1);
}

function walkRobustList(task: Task): void {
  const head = Number(task.shared.u64[(task.tcb + TCB.off.robustList) / 8]!);
  if (head === 0) return;
  const offset = Number(BigInt.asIntN(64, task.mm.readU64(head + Head.OFFSET)));
  const pending = task.mm.readUlong(head + Head.PENDING);
  let entry = task.mm.readUlong(head + Head.LIST);
  for (let n = 0; n < ROBUST_LIST_LIMIT && stripPi(entry) !== head; n++) {
    const next = task.mm.readUlong(stripPi(entry));
    if (entry !== pending) markOwnerDied(task, stripPi(entry) + offset);
    entry = next;
  }
  if (pending !== 0) markOwnerDied(task, stripPi(pending) + offset);
}

/** Bit 0 of an entry marks priority-inheritance futexes. */
function stripPi(entry: number): number {
  return entry % 2 === 1 ? entry - 1 : entry;
}

function markOwnerDied(task: Task, addr: number): void {
  const word = task.mm.wordAddr(addr, true) >>> 2;
  const { i32 } = task.shared;
  for (;;) {
    const value = Atomics.load(i32, word);
    if ((value & FutexWord.TID_MASK) !== shownPid(task, task.tid)) return;
    const next = (value & FutexWord.WAITERS) | FutexWord.OWNER_DIED;
    if (Atomics.compareExchange(i32, word, value, next) !== value) continue;
    if ((value & FutexWord.WAITERS) !== 0) task.kernel.futexes.wakeAny(task.mm, addr, 1);
    return;
  }
}
