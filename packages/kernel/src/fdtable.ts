/**
 * Descriptor table of a process (seed FDTable): descriptor number → open file description and its
 * close-on-exec flag. Shared by tasks cloned with CLONE_FILES, copied by fork.
 *
 * Owns:      the slots, one reference on each file in them, the POSIX locks and F_NOTIFY watches taken through this table.
 * Borrows:   Inode.locks (released when a descriptor of the inode is closed, fcntl(2)).
 * Order:     a slot is emptied before its file is flushed and released, so that whatever the release wakes
 *            no longer sees the descriptor.
 */
import { Errno, O_PATH, Rlimit } from '@troupe/abi';
import { existingLocksOf, type FileDescription, type LockOwner } from '@troupe/vfs';
import { dropDirectoryWatch } from './ipc/directory-notify.js';
import type { Task } from './task/task.js';

interface Slot {
  readonly file: FileDescription;
  closeOnExec: boolean;
}

export class FdTable implements LockOwner {
  private readonly _slots: (Slot | undefined)[] = [];
  /** No free slot below this number. */
  private _firstMaybeFree = 0;
  private _users = 1;
  waitsForLockOf: LockOwner | null = null;

  /** `uid` is unique in the kernel (Kernel fdMapUids). */
  constructor(readonly uid: number) {}

  /** CLONE_FILES: one more task uses this table. */
  share(): this {
    this._users++;
    return this;
  }

  get isShared(): boolean {
    return this._users > 1;
  }

  /** fork: a new table with the same files. Slots from `endFd` on are left out (close_range(2) UNSHARE). */
  copy(uid: number, endFd = Infinity): FdTable {
    const table = new FdTable(uid);
    for (const [fd, slot] of this.entries()) if (fd < endFd) table._put(fd, slot.file, slot.closeOnExec);
    return table;
  }

  /** A task stops using the table; the last one closes every descriptor. */
  release(): void {
    if (--this._users > 0) return;
    this.closeRange(0, Infinity);
  }

  /** The file behind a descriptor, or null (EBADF). The caller borrows the table's reference. */
  get(fd: number): FileDescription | null {
    return this._slots[fd]?.file ?? null;
  }

  /** Like get, but null for O_PATH descriptors, which only name a place (open(2)). */
  getOpen(fd: number): FileDescription | null {
    const file = this.get(fd);
    return file !== null && (file.flags & O_PATH) === 0 ? file : null;
  }

  /** True when a number below the limit is free: accept(2) asks before it takes a connection. */
  hasRoom(limit: number): boolean {
    let fd = this._firstMaybeFree;
    while (this._slots[fd] !== undefined) fd++;
    this._firstMaybeFree = fd;
    return fd < limit;
  }

  /** Puts the file at the lowest free number from `minFd` on, and takes a reference. -EMFILE at the limit. */
  install(file: FileDescription, closeOnExec: boolean, limit: number, minFd = 0): number {
    let fd = Math.max(minFd, this._firstMaybeFree);
    while (this._slots[fd] !== undefined) fd++;
    if (fd >= limit) return -Errno.EMFILE;
    this._put(fd, file, closeOnExec);
    if (minFd <= this._firstMaybeFree) this._firstMaybeFree = fd + 1;
    return fd;
  }

  /** Puts the file at exactly `fd` (dup2(2)), closing what was there. Precondition: fd is below the limit. */
  replace(fd: number, file: FileDescription, closeOnExec: boolean): void {
    file.incRef();
    this.close(fd);
    this._put(fd, file, closeOnExec);
    file.decRef();
  }

  /** close(2): 0, -EBADF, or the error of the flush; the descriptor is gone in any case. */
  close(fd: number): number {
    const slot = this._slots[fd];
    if (!slot) return -Errno.EBADF;
    this._slots[fd] = undefined;
    this._firstMaybeFree = Math.min(this._firstMaybeFree, fd);
    return this._drop(slot.file);
  }

  closeOnExec(): void {
    for (const [fd, slot] of this.entries()) if (slot.closeOnExec) this.close(fd);
  }

  /** Closes the descriptors from `firstFd` to `lastFd`, both included (close_range(2)). */
  closeRange(firstFd: number, lastFd: number): void {
    const end = Math.min(lastFd, this._slots.length - 1);
    for (let fd = firstFd; fd <= end; fd++) this.close(fd);
  }

  setCloseOnExecRange(firstFd: number, lastFd: number): void {
    const end = Math.min(lastFd, this._slots.length - 1);
    for (let fd = firstFd; fd <= end; fd++) this.setCloseOnExec(fd, true);
  }

  isCloseOnExec(fd: number): boolean {
    return this._slots[fd]?.closeOnExec ?? false;
  }

  setCloseOnExec(fd: number, closeOnExec: boolean): void {
    const slot = this._slots[fd];
    if (slot) slot.closeOnExec = closeOnExec;
  }

  /** Open descriptors in ascending order; safe against changes while iterating. */
  *entries(): IterableIterator<[number, Readonly<Slot>]> {
    for (let fd = 0; fd < this._slots.length; fd++) {
      const slot = this._slots[fd];
      if (slot) yield [fd, slot];
    }
  }

  /** Open descriptor numbers, ascending. */
  numbers(): number[] {
    return [...this.entries()].map(([fd]) => fd);
  }

  get openCount(): number {
    return this.numbers().length;
  }

  /** One more than the highest number ever used: FDSize of /proc/pid/status rounds it up. */
  get sizeSlots(): number {
    return this._slots.length;
  }

  private _put(fd: number, file: FileDescription, closeOnExec: boolean): void {
    while (this._slots.length < fd) this._slots.push(undefined);
    this._slots[fd] = { file: file.incRef(), closeOnExec };
  }

  private _drop(file: FileDescription): number {
    if ((file.flags & O_PATH) === 0) {
      existingLocksOf(file.inode)?.ranges.releaseAll(this);
    }
    dropDirectoryWatch(file, this);
    const result = file.flush();
    file.decRef();
    return result;
  }
}

/** Installs a file for a task under its RLIMIT_NOFILE; on -EMFILE the file is released if nobody else holds it. */
export function installFile(task: Task, file: FileDescription, closeOnExec: boolean, minFd = 0): number {
  file.incRef();
  const fd = task.fds.install(file, closeOnExec, task.group.limits.soft(Rlimit.NOFILE), minFd);
  file.decRef();
  return fd;
}
