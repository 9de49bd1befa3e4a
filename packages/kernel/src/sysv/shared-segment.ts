/**
 * System V shared memory (shmget(2), shmat(2), shmctl(2)).
 *
 * Owns: the frames (through SharedObject), the number of attaches: each mapping holds one reference, the
 *       namespace one more until the segment is removed.
 */
import { IPC_PRIVATE, PAGE_SIZE, Shm, type FramePool } from '@troupe/abi';
import { SharedObject } from '../mm/shared-object.js';
import type { IpcObject, ObjectTable } from './object-table.js';
import type { IpcPermission } from './permission.js';

export interface SegmentInit {
  readonly table: ObjectTable<SharedSegment>;
  readonly pool: FramePool;
  readonly key: number;
  readonly id: number;
  readonly sizeBytes: number;
  readonly permission: IpcPermission;
  readonly creatorPid: number;
  /** CLOCK_REALTIME, ns since the epoch. */
  readonly realtimeNs: () => bigint;
}

const secondsOf = (realtimeNs: () => bigint): number => Number(realtimeNs() / 1_000_000_000n);
const nameOf = (key: number): string => `/SYSV${(key >>> 0).toString(16).padStart(8, '0')} (deleted)`;

export class SharedSegment extends SharedObject implements IpcObject {
  key: number;
  readonly id: number;
  override readonly ino: number;
  readonly permission: IpcPermission;
  readonly creatorPid: number;
  /** Pid of the last shmat or shmdt; 0 = none yet. */
  lastPid = 0;
  attachCount = 0;
  attachedAt = 0;
  detachedAt = 0;
  changedAt: number;
  private readonly _init: SegmentInit;

  constructor(init: SegmentInit) {
    super(init.pool, Math.ceil(init.sizeBytes / PAGE_SIZE) * PAGE_SIZE, nameOf(init.key));
    this._init = init;
    this.key = init.key;
    this.id = init.id;
    this.ino = init.id;
    this.permission = init.permission;
    this.creatorPid = init.creatorPid;
    this.changedAt = secondsOf(init.realtimeNs);
    super.incRef();
  }

  /** Size as shmget asked for it; mappings are whole pages. */
  get requestedBytes(): number {
    return this._init.sizeBytes;
  }

  get isMarkedForRemoval(): boolean {
    return (this.permission.mode & Shm.DEST) !== 0;
  }

  get residentPages(): number {
    return this.frames.size;
  }

  override incRef(): void {
    super.incRef();
    this.attachCount++;
    this.attachedAt = secondsOf(this._init.realtimeNs);
  }

  /** A mapping goes; the last one of a removed segment frees it. */
  override decRef(): void {
    this.attachCount--;
    this.detachedAt = secondsOf(this._init.realtimeNs);
    super.decRef();
    if (this.attachCount === 0 && this.isMarkedForRemoval) this._destroy();
  }

  /** IPC_RMID: gone at once, or with its last attach. */
  markForRemoval(): void {
    if (this.isMarkedForRemoval) return;
    this.permission.mode |= Shm.DEST;
    this.key = IPC_PRIVATE;
    if (this.attachCount === 0) this._destroy();
  }

  private _destroy(): void {
    this._init.table.remove(this);
    super.decRef();
  }
}
