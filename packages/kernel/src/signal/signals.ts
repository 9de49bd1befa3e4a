/**
 * Signals actor: permission, choice of the target, pending queues (signal(7), kill(2)).
 *
 * Owns:      pending sets of tasks and groups, Task.signalPending, signalfd listeners.
 * Borrows:   TCB.interrupt (set), TCB.sigMask (read), dispositions (read).
 * Accepts:   Signals.SendToTask, SendToGroup, SendToProcessGroup, SendToContainer → 0 or -errno.
 * May ask:   nobody; it marks tasks and sends Signals.SendToGroup to itself for SIGCHLD of a continued job.
 * Order:     a signal is queued before its target is woken; stop signals discard pending SIGCONT and
 *            the reverse before the new one is queued (kill(2)).
 * Saved as:  part of Task and ThreadGroup.
 */
import type { Actor, Body, MessageType, Reply, SigInfo, SigSet } from '@troupe/abi';
import { Errno } from '@troupe/abi';
import type { SignalFile, SignalSource } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { ProcessGroup } from '../task/process-group.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { sendSignal } from './send.js';

export class Signals implements SignalSource, Actor {
  readonly actorName = 'Signals';
  readonly signalFiles = new Set<SignalFile>();

  constructor(readonly kernel: Kernel) {}

  receive<T extends MessageType>(type: T, body: Body<T>): Reply<T> {
    return this._handle(type, body as never) as Reply<T>;
  }

  private _handle(type: MessageType, body: Body<'Signals.SendToTask'> & Body<'Signals.SendToGroup'> & Body<'Signals.SendToProcessGroup'> & Body<'Signals.SendToContainer'>): number {
    const { tasks } = this.kernel;
    switch (type) {
      case 'Signals.SendToTask': {
        const task = tasks.byTid(body.tid);
        return task ? sendSignal(task, body.info, false) : -Errno.ESRCH;
      }
      case 'Signals.SendToGroup': {
        const group = tasks.groupByTgid(body.tgid);
        return group ? sendSignal(group.leader, body.info, true) : -Errno.ESRCH;
      }
      case 'Signals.SendToProcessGroup':
        return this._sendToMany(tasks.processGroups.get(body.pgid)?.members ?? [], body.info);
      default:
        return this._sendToMany([...tasks.groups].filter((group) => group.containerId === body.containerId), body.info);
    }
  }

  private _sendToMany(groups: Iterable<ThreadGroup>, info: SigInfo): number {
    let lastError = 0;
    for (const group of [...groups]) {
      if (group.isZombie) continue;
      const result = sendSignal(group.leader, info, true);
      if (result < 0) lastError = result;
    }
    return lastError;
  }

  /** Thread-directed signal (tgkill, SIGPIPE, timers with a thread id). 0, -ESRCH or -EAGAIN. */
  sendToTask(task: Task, info: SigInfo): number {
    return this._send('Signals.SendToTask', { tid: task.tid, info });
  }

  /** Process-directed signal (kill, SIGCHLD, terminal). 0, -ESRCH or -EAGAIN. */
  sendToGroup(group: ThreadGroup, info: SigInfo): number {
    return this._send('Signals.SendToGroup', { tgid: group.tgid, info });
  }

  /** To every process of a process group, without permission checks (terminal, hang-up). */
  sendToProcessGroup(processGroup: ProcessGroup, info: SigInfo): void {
    this._send('Signals.SendToProcessGroup', { pgid: processGroup.pgid, info });
  }

  /** A signal that follows from the handling of another one (SIGIO of a signalfd) comes after it. */
  private _send<T extends 'Signals.SendToTask' | 'Signals.SendToGroup' | 'Signals.SendToProcessGroup'>(type: T, body: Body<T>): number {
    if (this.kernel.actors.mayAsk('Signals')) return this.kernel.actors.ask<MessageType>(type, body) as number;
    this.kernel.actors.send(type, body);
    return 0;
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
