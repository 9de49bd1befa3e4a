/**
 * Open file description (open(2)): what descriptors refer to. Subclasses are regular files, directories,
 * pipes, sockets, epoll instances, terminals …
 *
 * Reading and writing: the count of bytes or a negative errno. -EAGAIN = would block; the system-call layer
 * then waits on `waiters` unless O_NONBLOCK is set.
 */
import { ALWAYS_READY, Errno, O_ACCMODE, O_APPEND, O_CREATION_MASK, O_FOR_EXEC, O_NO_EVENTS, O_NONBLOCK, O_PATH, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_SET, WaitQueue } from '@troupe/abi';
import type { Inode } from './inode.js';
import type { LockOwner } from './lock/range-locks.js';
import type { PathNode } from './mount.js';
import { notifyOpen } from './notify.js';
import type { DirEntry, IoctlCaller, Mappable, NegativeErrno, VfsContext } from './types.js';

/** Something that must let go of a file with its last reference. */
export interface ReleaseListener {
  onFileReleased(file: FileDescription): void;
}

export abstract class FileDescription {
  /** Access mode and status flags (F_GETFL). */
  flags: number;
  /** File position. */
  offBytes = 0;
  /** Woken with EPOLL* bits at every change of readiness. */
  readonly waiters = new WaitQueue();
  private _refs = 0;
  /** Told when the last reference goes: epoll interest lists, flock and OFD locks. */
  releaseListeners: Set<ReleaseListener> | null = null;
  /** Open file descriptions own flock and OFD locks; they never wait for POSIX locks. */
  waitsForLockOf: LockOwner | null = null;
  /** F_SETOWN, F_SETSIG. */
  owner = 0;
  ownerSignal = 0;

  constructor(
    /** The object and its name; pipes and the like have a node on the anonymous mount. */
    readonly node: PathNode,
    flags: number,
  ) {
    this.flags = flags & ~(O_CREATION_MASK | O_FOR_EXEC);
  }

  get inode(): Inode {
    return this.node.dentry.inode!;
  }

  get readable(): boolean {
    return (this.flags & O_PATH) === 0 && (this.flags & O_ACCMODE) !== O_WRONLY;
  }

  get writable(): boolean {
    return (this.flags & O_PATH) === 0 && (this.flags & O_ACCMODE) !== O_RDONLY;
  }

  get nonBlocking(): boolean {
    return (this.flags & O_NONBLOCK) !== 0;
  }

  get append(): boolean {
    return (this.flags & O_APPEND) !== 0;
  }

  /** Reads at `offBytes`, or at the file position (and moves it) when -1. */
  abstract read(dst: Uint8Array, offBytes: number, ctx: VfsContext): number;
  abstract write(src: Uint8Array, offBytes: number, ctx: VfsContext): number;

  /** Ready now: EPOLL* mask. */
  poll(): number {
    return ALWAYS_READY;
  }

  /** epoll refuses files that are always ready (EPERM): regular files and directories. */
  get pollable(): boolean {
    return true;
  }

  /** True while a FIFO open waits for the other end. */
  openPending(): boolean {
    return false;
  }

  /** False: pread, pwrite and lseek answer ESPIPE. */
  get seekable(): boolean {
    return false;
  }

  seek(offBytes: number, whence: number): number {
    if (!this.seekable) return -Errno.ESPIPE;
    const next = whence === SEEK_SET ? offBytes : whence === SEEK_CUR ? this.offBytes + offBytes : -1;
    if (next < 0) return -Errno.EINVAL;
    this.offBytes = next;
    return next;
  }

  ioctl(_request: number, _arg: number, _caller: IoctlCaller): number {
    return -Errno.ENOTTY;
  }

  /** Bytes that a read would give now (FIONREAD), or -ENOTTY. */
  bytesReadable(): number {
    return -Errno.ENOTTY;
  }

  /** The object mmap(2) maps, or -ENODEV. A shared mapping of /dev/zero gets a fresh object. */
  mapping(_shared: boolean): Mappable | NegativeErrno {
    return -Errno.ENODEV;
  }

  sync(): number {
    return -Errno.EINVAL;
  }

  /** Next directory entries from the file position: calls `take` until it says false (no room). */
  readDirectory(_ctx: VfsContext, _take: (entry: DirEntry, nextOff: number) => boolean): number {
    return -Errno.ENOTDIR;
  }

  /** F_SETFL changed `flags`. */
  onFlagsChanged(_oldFlags: number): void {}

  /** Each close(2) of a descriptor, before the reference is dropped (POSIX locks, flush). */
  flush(): number {
    return 0;
  }

  /** Extra lines of /proc/pid/fdinfo/N. */
  fdInfo(): string {
    return '';
  }

  incRef(): this {
    if (this._refs++ === 0) this.node.dentry.holders++;
    return this;
  }

  /** Drops a reference; the last one releases the file. */
  decRef(): void {
    if (--this._refs > 0) return;
    this.node.dentry.holders--;
    if (this.releaseListeners !== null) for (const listener of [...this.releaseListeners]) listener.onFileReleased(this);
    this.release();
  }

  get refs(): number {
    return this._refs;
  }

  /** Something was done with the file (IN_*). */
  protected notify(events: number): void {
    if ((this.flags & O_NO_EVENTS) === 0) notifyOpen(this.node, events);
  }

  /** The last reference is gone. Idempotence is not required. */
  protected release(): void {}
}
