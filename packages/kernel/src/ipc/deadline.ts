/** Timeouts of waiting calls: the deadline is computed on the first run and kept for the retries. */
import { writeTimespecNs, writeTimevalNs } from '../syscall/timespec.js';
import type { Task } from '../task/task.js';

export interface DeadlineData {
  readonly deadlineNs: number;
}

/** Monotonic deadline of the call; `timeoutNs` is asked once: Infinity = none, 0 = do not wait. */
export function callDeadlineNs(task: Task, timeoutNs: () => number): number {
  const state = task.syscall!;
  if (state.data === undefined) {
    const ns = timeoutNs();
    const data: DeadlineData = { deadlineNs: ns === Infinity ? Infinity : ns === 0 ? 0 : task.kernel.monotonicNs() + ns };
    state.data = data;
  }
  return (state.data as DeadlineData).deadlineNs;
}

/** True when the call must not wait (any longer). */
export function isDue(task: Task, deadlineNs: number): boolean {
  return deadlineNs === 0 || task.syscall!.timedOut || (deadlineNs !== Infinity && task.kernel.monotonicNs() >= deadlineNs);
}

function remainingNs(task: Task, deadlineNs: number): number {
  return Math.max(0, deadlineNs - task.kernel.monotonicNs());
}

/** select(2), ppoll(2): the time not slept goes back into the caller's struct; a bad pointer is ignored as Linux does. */
export function storeRemaining(task: Task, kind: 'timespec' | 'timeval', at: number): void {
  const data = task.syscall?.data as DeadlineData | undefined;
  if (at === 0 || !data || data.deadlineNs === Infinity) return;
  const ns = remainingNs(task, data.deadlineNs);
  try {
    if (kind === 'timespec') writeTimespecNs(task.mm, at, ns);
    else writeTimevalNs(task.mm, at, ns);
  } catch {
    // The result of the call stands; Linux ignores the failed store.
  }
}
