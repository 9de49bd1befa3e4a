/** The common part of poll(2) and select(2): ask every file, or wait for any. */
import { EPOLLERR, EPOLLHUP, EPOLLNVAL, O_PATH } from '@troupe/abi';
import { block, type Block, type SyscallResult } from '../syscall/row.js';
import type { Task } from '../task/task.js';
import { isDue } from './deadline.js';

export interface PollEntry {
  readonly fd: number;
  readonly events: number;
  revents: number;
}

/** Fills `revents`; returns how many entries have any. Negative descriptors are skipped. */
export function pollOnce(task: Task, entries: readonly PollEntry[]): number {
  let count = 0;
  for (const entry of entries) {
    entry.revents = entry.fd < 0 ? 0 : readyEvents(task, entry);
    if (entry.revents !== 0) count++;
  }
  return count;
}

function readyEvents(task: Task, entry: PollEntry): number {
  const file = task.fds.get(entry.fd);
  if (!file || (file.flags & O_PATH) !== 0) return EPOLLNVAL;
  return file.poll() & (entry.events | EPOLLERR | EPOLLHUP);
}

/** A wait until one of the files changes. */
export function waitForAny(task: Task, entries: readonly PollEntry[], deadlineNs: number): Block {
  const queues: Block['queues'][number][] = [];
  for (const { fd, events } of entries) {
    const file = fd < 0 ? null : task.fds.get(fd);
    if (file) queues.push({ queue: file.waiters, events: events | EPOLLERR | EPOLLHUP });
  }
  return deadlineNs === Infinity ? block(queues) : block(queues, deadlineNs);
}

/** `finish` runs once the call has its result. */
export function pollOrWait(task: Task, entries: readonly PollEntry[], deadlineNs: number, finish: (count: number) => SyscallResult): SyscallResult {
  const count = pollOnce(task, entries);
  if (count > 0 || isDue(task, deadlineNs)) return finish(count);
  return waitForAny(task, entries, deadlineNs);
}
