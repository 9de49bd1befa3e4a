/**
 * POSIX message queues (mq_overview(7)): inodes of the mqueue file system.
 *
 * Owns:  messages in order of priority and age, who wants to be notified.
 * Order: a blocked receiver comes before a notification (mq_notify(3)).
 */
import { EPOLLIN, EPOLLOUT, Errno, S_IFREG, WaitQueue } from '@troupe/abi';
import type { FileDescription } from '../../file-description.js';
import { Inode } from '../../inode.js';
import type { PathNode } from '../../mount.js';
import type { AttrChange, NewInode, Stat } from '../../types.js';
import { MessageQueueFile } from './message-queue-file.js';
import type { MessageQueueFileSystem } from './message-queue-file-system.js';

/** Length of the status line, as st_size of every queue shows it. */
const STATUS_BYTES = 80;

export interface QueuedMessage {
  readonly priority: number;
  readonly bytes: Uint8Array;
}

/** A registration of mq_notify(3). `owner` is the kernel's process object. */
export interface QueueNotification {
  readonly owner: unknown;
  readonly ownerPid: number;
  /** SIGEV_SIGNAL, SIGEV_THREAD or SIGEV_NONE. */
  readonly notify: number;
  readonly signo: number;
  readonly value: bigint;
  /** SIGEV_THREAD: the kernel's netlink socket that gets the bytes. */
  readonly socket?: unknown;
  readonly cookie?: Uint8Array;
}

export class MessageQueueInode extends Inode {
  readonly messages: QueuedMessage[] = [];
  /** Waits of mq_timedreceive and mq_timedsend. */
  readonly receivers = new WaitQueue();
  readonly senders = new WaitQueue();
  /** Descriptions that poll. */
  readonly files = new Set<MessageQueueFile>();
  notification: QueueNotification | null = null;
  usedBytes = 0;
  isLinked = true;
  private _timesNs: bigint;

  constructor(readonly queues: MessageQueueFileSystem, ino: number, init: NewInode, readonly maxMessages: number, readonly messageBytes: number) {
    super(queues, ino, S_IFREG | (init.mode & 0o7777), init.uid, init.gid);
    this._timesNs = queues.realtimeNs();
  }

  override stat(): Stat {
    const timeNs = this._timesNs;
    return {
      dev: this.fs.dev, ino: this.ino, mode: this.mode, nlink: this.isLinked ? 1 : 0, uid: this.uid, gid: this.gid, rdev: 0, sizeBytes: STATUS_BYTES, blockBytes: 4096, blocks: 0,
      atimeNs: timeNs, mtimeNs: timeNs, ctimeNs: timeNs, btimeNs: 0n,
    };
  }

  override get sizeBytes(): number {
    return STATUS_BYTES;
  }

  override setAttr(change: AttrChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & ~0o7777) | change.mode;
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    return 0;
  }

  override truncate(): number {
    return 0;
  }

  override open(node: PathNode, flags: number): FileDescription {
    return new MessageQueueFile(node, flags, this);
  }

  get isFull(): boolean {
    return this.messages.length >= this.maxMessages;
  }

  get readiness(): number {
    return (this.messages.length > 0 ? EPOLLIN : 0) | (this.isFull ? 0 : EPOLLOUT);
  }

  /**
   * Queues a message behind those of the same priority. Gives the notification that is due: the queue was
   * empty and nobody waits. Preconditions: not full.
   */
  send(message: QueuedMessage): QueueNotification | null {
    const wasEmpty = this.messages.length === 0;
    const at = this.messages.findIndex(({ priority }) => priority < message.priority);
    this.messages.splice(at < 0 ? this.messages.length : at, 0, message);
    this.usedBytes += message.bytes.length;
    this._touch(EPOLLIN);
    if (this.receivers.size > 0) {
      this.receivers.wake(0, Infinity);
      return null;
    }
    if (!wasEmpty) return null;
    const due = this.notification;
    this.notification = null;
    return due;
  }

  /** The oldest message of the highest priority, or -EAGAIN. */
  receive(): QueuedMessage | number {
    const message = this.messages.shift();
    if (message === undefined) return -Errno.EAGAIN;
    this.usedBytes -= message.bytes.length;
    this._touch(EPOLLOUT);
    this.senders.wake(0, Infinity);
    return message;
  }

  private _touch(events: number): void {
    this._timesNs = this.queues.realtimeNs();
    for (const file of [...this.files]) file.waiters.wake(events, Infinity);
  }

  /** What read(2) shows. */
  statusText(): string {
    const { notification } = this;
    const field = (name: string, value: number, width: number): string => `${name}:${String(value).padEnd(width)}`;
    return `${field('QSIZE', this.usedBytes, 10)} ${field('NOTIFY', notification?.notify ?? 0, 5)} ${field('SIGNO', notification?.notify === 0 ? notification.signo : 0, 5)} ${field('NOTIFY_PID', notification?.ownerPid ?? 0, 6)}\n`;
  }
}
