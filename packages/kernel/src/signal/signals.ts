/**
 * Signals actor: permission, choice of the target, pending queues (signal(7), kill(2)).
 *
 * Owns:      pending sets of tasks and groups, Task.signalPending, signalfd listeners.
 * Borrows:   TCB.interrupt (set), TCB.sigMask (read), dispositions (read).
 * Accepts:   Signals.Send to a task, a group, a process group, a container; Signals.Dequeue.
 * May ask:   nobody; it only wakes tasks.
 * Order:     a signal is queued before its target is woken; stop signals discard pending SIGCONT and
 *            the reverse before the new one is queued (kill(2)).
 * Saved as:  part of Task and ThreadGroup.
 */
import type { SigInfo, SigSet } from '@troupe/abi';
import type { SignalFile, SignalSource } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { ProcessGroup } from '../task/process-group.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { sendSignal } from './send.js';

export class Signals implements SignalSource {
  readonly signalFiles = new Set<SignalFile>();

  constructor(readonly kernel: Kernel) {}

  /** Thread-directed signal (tgkill, SIGPIPE, faults, timers with a thread id). 0 or -EAGAIN. */
  sendToTask(task: Task, info: SigInfo): number {
    return sendSignal(task, info, false);
  }

  /** Process-directed signal (kill, SIGCHLD, terminal). 0 or -EAGAIN. */
  sendToGroup(group: ThreadGroup, info: SigInfo): number {
    return sendSignal(group.leader, info, true);
  }

  /** To every process of a process group, without permission checks (terminal, hang-up). */
  sendToProcessGroup(processGroup: ProcessGroup, info: SigInfo): void {
    for (const group of [...processGroup.members]) this.sendToGroup(group, info);
  }

  /** SignalSource: takes the next pending signal of the set, the thread's own first. */
  dequeueSignal(tid: number, mask: SigSet): SigInfo | null {
    const task = this.kernel.tasks.byTid(tid);
    if (!task) return null;
    const info = task.pending.dequeue(mask) ?? task.group.pending.dequeue(mask);
    if (info !== null) task.recalcSignalPending();
    return info;
  }

  hasPendingSignal(tid: number, mask: SigSet): boolean {
    const task = this.kernel.tasks.byTid(tid);
    return task !== undefined && ((task.pending.set | task.group.pending.set) & mask) !== 0n;
  }

  addSignalFile(file: SignalFile): void {
    this.signalFiles.add(file);
  }

  removeSignalFile(file: SignalFile): void {
    this.signalFiles.delete(file);
  }
}
