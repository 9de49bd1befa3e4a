/**
 * Ids and keys of the System V objects of one kind in one IPC namespace (sysvipc(7)).
 *
 * Owns: the numbers. An id is an index plus 32768 times a sequence number that grows when an index is
 * used again, so that ids of removed objects stay invalid for long.
 */
import { Errno, IPC_PRIVATE, IpcFlag } from '@troupe/abi';
import type { Task } from '../task/task.js';
import { checkIpcAccess, type IpcPermission } from './permission.js';

const INDEX_BITS = 15;
const INDEX_MASK = (1 << INDEX_BITS) - 1;
const SEQUENCES = 0x8000;
const MIN_CYCLE = 64;

export interface IpcObject {
  /** IPC_PRIVATE: found by its id only. */
  key: number;
  readonly id: number;
  readonly permission: IpcPermission;
  /** Seconds since the epoch of the last change of owner or mode. */
  changedAt: number;
}

export class ObjectTable<T extends IpcObject> {
  private readonly _slots: (T | undefined)[] = [];
  private _sequence = 0;
  private _lastIndex = -1;

  constructor(public maxObjects: number) {}

  get count(): number {
    return this.all().length;
  }

  all(): T[] {
    return this._slots.filter((slot): slot is T => slot !== undefined);
  }

  /** Largest index in use, 0 without objects (the answer of IPC_INFO). */
  get maxIndex(): number {
    return Math.max(0, this._slots.findLastIndex((slot) => slot !== undefined));
  }

  /** The id the next object gets; -ENOSPC when the namespace is full. Reserves nothing. */
  nextId(): number {
    if (this.count >= this.maxObjects) return -Errno.ENOSPC;
    const index = this._freeIndex();
    const sequence = index <= this._lastIndex ? (this._sequence + 1) % SEQUENCES : this._sequence;
    return (sequence << INDEX_BITS) | index;
  }

  /** Indexes are used in turn, so that an id comes back late: the next free one after the last, within one and a half times what is in use. */
  private _freeIndex(): number {
    const end = Math.max(MIN_CYCLE, Math.floor((this.count * 3) / 2));
    for (let index = this._lastIndex + 1; index < end; index++) if (this._slots[index] === undefined) return index;
    for (let index = 0; ; index++) if (this._slots[index] === undefined) return index;
  }

  add(object: T): void {
    const index = object.id & INDEX_MASK;
    this._slots[index] = object;
    this._sequence = object.id >>> INDEX_BITS;
    this._lastIndex = index;
  }

  remove(object: T): void {
    this._slots[object.id & INDEX_MASK] = undefined;
  }

  /** The object, or -EINVAL for an id nobody has (any more). */
  byId(id: number): T | number {
    if (id < 0) return -Errno.EINVAL;
    const object = this._slots[id & INDEX_MASK];
    return object?.id === id ? object : -Errno.EINVAL;
  }

  /** SHM_STAT, SEM_STAT, MSG_STAT: the object at an index. */
  byIndex(index: number): T | number {
    return (index < 0 ? undefined : this._slots[index]) ?? -Errno.EINVAL;
  }

  byKey(key: number): T | undefined {
    return this._slots.find((slot) => slot !== undefined && slot.key === key);
  }

  /**
   * shmget, semget, msgget: the id of the object with the key, made if the flags say so.
   * `check` refuses an existing object that does not fit; `make` gives a new one or -errno.
   */
  get(task: Task, key: number, flags: number, check: (object: T) => number, make: () => T | number): number {
    const existing = key === IPC_PRIVATE ? undefined : this.byKey(key);
    if (existing === undefined) {
      if (key !== IPC_PRIVATE && (flags & IpcFlag.CREAT) === 0) return -Errno.ENOENT;
      const made = make();
      if (typeof made === 'number') return made;
      this.add(made);
      return made.id;
    }
    if ((flags & IpcFlag.CREAT) !== 0 && (flags & IpcFlag.EXCL) !== 0) return -Errno.EEXIST;
    return check(existing) || checkIpcAccess(task, existing.permission, flags & 0o777) || existing.id;
  }
}
