/**
 * The descriptor through which a supervisor answers system calls of others (seccomp_unotify(2)).
 *
 * Owns:    the notifications of one filter, from the trapped call to its answer.
 * Order:   a notification is PENDING until RECV has shown it, then SENT; SEND or ADDFD with SEND
 *          answers it, which wakes the waiting call. An interrupted call takes its notification away.
 */
import { EPOLLHUP, EPOLLIN, EPOLLOUT, Errno, O_RDWR, WaitQueue } from '@troupe/abi';
import { FileDescription, newAnonymousNode } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { filtersOf } from './filter.js';
import type { Task } from '../task/task.js';

/** `proceeds`: the call is made after all. */
export type Answer = { readonly result: number } | { readonly proceeds: true };

export class Notification {
  wasReceived = false;
  answer: Answer | null = null;
  readonly waiters = new WaitQueue();

  constructor(readonly id: bigint, readonly task: Task, readonly data: Uint8Array) {}
}

export class SeccompListener extends FileDescription {
  /** Unanswered, oldest first. */
  private _open: Notification[] = [];
  private _lastId = 0n;
  isClosed = false;

  /** `waitsKillable`: signals do not interrupt a call whose notification was received. */
  constructor(readonly kernel: Kernel, readonly waitsKillable: boolean) {
    super(newAnonymousNode('seccomp notify'), O_RDWR);
  }

  add(task: Task, data: Uint8Array): Notification {
    const notification = new Notification(++this._lastId, task, data);
    this._open.push(notification);
    this.waiters.wake(EPOLLIN, Infinity);
    return notification;
  }

  /** The oldest that nobody has received. */
  get next(): Notification | undefined {
    return this._open.find((notification) => !notification.wasReceived);
  }

  byId(id: bigint): Notification | undefined {
    return this._open.find((notification) => notification.id === id);
  }

  answer(notification: Notification, answer: Answer): void {
    this.drop(notification);
    notification.answer = answer;
    notification.waiters.wake(0, Infinity);
  }

  /** The call was interrupted or its task ends. */
  drop(notification: Notification): void {
    this._open = this._open.filter((other) => other !== notification);
  }

  /** No task has the filter any more: nothing will come. */
  private _isOrphaned(): boolean {
    for (const task of this.kernel.tasks.all()) if (task.isAlive && this._guards(task)) return false;
    return true;
  }

  private _guards(task: Task): boolean {
    return filtersOf(task.seccomp).some(({ listener }) => listener === this);
  }

  override read(): number {
    return -Errno.EINVAL;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override poll(): number {
    let ready = this._isOrphaned() ? EPOLLHUP : 0;
    if (this.next !== undefined) ready |= EPOLLIN;
    if (this._open.some((notification) => notification.wasReceived)) ready |= EPOLLOUT;
    return ready;
  }

  /** Calls that wait, and those to come, do not exist. */
  protected override release(): void {
    this.isClosed = true;
    for (const notification of [...this._open]) this.answer(notification, { result: -Errno.ENOSYS });
  }
}
