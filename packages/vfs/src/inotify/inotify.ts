/**
 * inotify instances (inotify(7)).
 *
 * Owns:    its watches (also listed in Inode.watches) and the queue of unread events.
 * Borrows: notify.ts watchCount, so that the VFS skips its hooks while nobody watches.
 */
import {
  EPOLLIN, EPOLLRDNORM, Errno, IN_DELETE_SELF, IN_ISDIR, IN_MOVE_SELF, O_RDONLY,
} from '@troupe/abi';
import { newAnonymousNode } from '../anonymous.js';
import { FileDescription } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { InodeWatch } from '../types.js';
import { watchCount } from '../watch-count.js';

export const IN_ALL_EVENTS = 0xfff;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x0100_0000;
export const IN_DONT_FOLLOW = 0x0200_0000;
export const IN_EXCL_UNLINK = 0x0400_0000;
export const IN_MASK_CREATE = 0x1000_0000;
export const IN_MASK_ADD = 0x2000_0000;
export const IN_ONESHOT = 0x8000_0000;

/** struct inotify_event without its name; names are padded to a multiple of it. */
const HEADER_BYTES = 16;
/** /proc/sys/fs/inotify/max_queued_events. */
const MAX_QUEUED = 16384;

interface InotifyEvent {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string | null;
}

export class Watch implements InodeWatch {
  constructor(readonly inotify: Inotify, readonly wd: number, readonly inode: Inode, public mask: number) {}

  onEvent(mask: number, cookie: number, name: string | null): void {
    this.inotify.report(this, mask, cookie, name);
  }
}

export class Inotify extends FileDescription {
  private readonly _byWd = new Map<number, Watch>();
  private readonly _byInode = new Map<Inode, Watch>();
  private _events: InotifyEvent[] = [];
  private _lastWd = 0;

  constructor(flags: number) {
    super(newAnonymousNode('inotify'), O_RDONLY | flags);
  }

  /** inotify_add_watch(2): the watch descriptor, or -EEXIST with IN_MASK_CREATE. */
  addWatch(inode: Inode, mask: number): number {
    const bits = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
    const existing = this._byInode.get(inode);
    if (existing) {
      if ((mask & IN_MASK_CREATE) !== 0) return -Errno.EEXIST;
      existing.mask = (mask & IN_MASK_ADD) !== 0 ? existing.mask | bits : bits;
      return existing.wd;
    }
    const watch = new Watch(this, ++this._lastWd, inode, bits);
    this._byWd.set(watch.wd, watch);
    this._byInode.set(inode, watch);
    (inode.watches ??= new Set()).add(watch);
    watchCount.value++;
    return watch.wd;
  }

  /** inotify_rm_watch(2). */
  removeWatch(wd: number): number {
    const watch = this._byWd.get(wd);
    if (!watch) return -Errno.EINVAL;
    this._drop(watch);
    this._queue({ wd, mask: IN_IGNORED, cookie: 0, name: null });
    return 0;
  }

  report(watch: Watch, mask: number, cookie: number, name: string | null): void {
    const events = mask & IN_ALL_EVENTS & watch.mask;
    if (events !== 0) {
      const isSelf = (mask & (IN_DELETE_SELF | IN_MOVE_SELF)) !== 0;
      this._queue({ wd: watch.wd, mask: events | (isSelf ? 0 : mask & IN_ISDIR), cookie, name });
    }
    const ends = (mask & IN_DELETE_SELF) !== 0 || (events !== 0 && (watch.mask & IN_ONESHOT) !== 0);
    if (ends && this._byWd.has(watch.wd)) this.removeWatch(watch.wd);
  }

  override read(dst: Uint8Array): number {
    let at = 0;
    while (this._events.length > 0) {
      const bytes = encodeEvent(this._events[0]!);
      if (at + bytes.length > dst.length) return at === 0 ? -Errno.EINVAL : at;
      dst.set(bytes, at);
      at += bytes.length;
      this._events.shift();
    }
    return at === 0 ? -Errno.EAGAIN : at;
  }

  override write(): number {
    return -Errno.EBADF;
  }

  override poll(): number {
    return this._events.length > 0 ? EPOLLIN | EPOLLRDNORM : 0;
  }

  override bytesReadable(): number {
    return this._events.reduce((sum, event) => sum + HEADER_BYTES + nameBytes(event.name), 0);
  }

  override fdInfo(): string {
    return [...this._byWd.values()].map(({ inode, mask, wd }) =>
      `inotify wd:${wd.toString(16)} ino:${inode.ino.toString(16)} sdev:${inode.fs.dev.toString(16)} mask:${(mask >>> 0).toString(16)} ignored_mask:0\n`).join('');
  }

  protected override release(): void {
    for (const watch of [...this._byWd.values()]) this._drop(watch);
    this._events = [];
  }

  private _drop(watch: Watch): void {
    this._byWd.delete(watch.wd);
    this._byInode.delete(watch.inode);
    watch.inode.watches?.delete(watch);
    watchCount.value--;
  }

  /** An event equal to the last unread one is dropped. */
  private _queue(event: InotifyEvent): void {
    const last = this._events.at(-1);
    if (last && last.wd === event.wd && last.mask === event.mask && last.cookie === event.cookie && last.name === event.name) return;
    if (this._events.length < MAX_QUEUED) this._events.push(event);
    else if (last?.mask !== IN_Q_OVERFLOW) this._events.push({ wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: null });
    this.waiters.wake(EPOLLIN | EPOLLRDNORM);
  }
}

function nameBytes(name: string | null): number {
  return name === null ? 0 : Math.ceil((name.length + 1) / HEADER_BYTES) * HEADER_BYTES;
}

function encodeEvent({ cookie, mask, name, wd }: InotifyEvent): Uint8Array {
  const length = nameBytes(name);
  const bytes = new Uint8Array(HEADER_BYTES + length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, wd, true);
  view.setUint32(4, mask, true);
  view.setUint32(8, cookie, true);
  view.setUint32(12, length, true);
  if (name !== null) bytes.set(Buffer.from(name, 'latin1'), HEADER_BYTES);
  return bytes;
}
