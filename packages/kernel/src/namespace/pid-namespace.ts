/**
 * Process ids as the processes of one namespace see them (pid_namespaces(7); PIDNamespace of the seed).
 * The rest of the kernel uses the ids of the first namespace; they are translated where they meet
 * programs (id-view.ts) and where /proc shows them.
 *
 * Owns: the numbers of nested namespaces. They live as long as the id they stand for (TaskSet tells).
 */
import { Errno, ROOT_NAMESPACE_INODES, type UserNamespace } from '@troupe/abi';
import type { SyntheticFileSystem } from '@troupe/vfs';
import type { Task } from '../task/task.js';
import type { TaskSet } from '../task/task-set.js';
import type { ThreadGroup } from '../task/thread-group.js';

/** Largest id + 1, and the first one tried again after a wrap-around, as in the first namespace. */
const PID_MAX = 32768;
const RESERVED_PIDS = 300;
export const MAX_PID_NAMESPACE_DEPTH = 32;

export class PidNamespace {
  readonly kind = 'pid';
  readonly level: number;
  private readonly _inside = new Map<number, number>();
  private readonly _outside = new Map<number, number>();
  lastId = 0;
  /** The process with id 1; null before it is made. Nothing can be made in the namespace after its end. */
  init: ThreadGroup | null = null;

  /** The procfs that shows it; null before the first mount. */
  procFs: SyntheticFileSystem | null = null;

  /** Without a parent: the first namespace, whose ids are the kernel's own. */
  constructor(readonly tasks: TaskSet, readonly userNamespace: UserNamespace, readonly parent: PidNamespace | null = null, readonly inode: number = ROOT_NAMESPACE_INODES.pid) {
    this.level = parent === null ? 0 : parent.level + 1;
  }

  get isFirst(): boolean {
    return this.parent === null;
  }

  /** The namespace itself or one below it. */
  contains(other: PidNamespace): boolean {
    for (let at: PidNamespace | null = other; at !== null; at = at.parent) if (at === this) return true;
    return false;
  }

  /** A number for a new kernel id, or -errno. `wanted` asks for one (clone3 set_tid). Not for the first namespace. */
  adopt(kernelId: number, wanted = 0): number {
    const id = wanted === 0 ? this._nextFree() : this._outside.has(wanted) ? -Errno.EEXIST : wanted;
    if (id < 0) return id;
    this._inside.set(kernelId, id);
    this._outside.set(id, kernelId);
    return id;
  }

  private _nextFree(): number {
    for (let tries = 0; tries < PID_MAX; tries++) {
      this.lastId = this.lastId + 1 < PID_MAX ? this.lastId + 1 : RESERVED_PIDS;
      if (!this._outside.has(this.lastId)) return this.lastId;
    }
    return -Errno.EAGAIN;
  }

  forget(kernelId: number): void {
    const id = this._inside.get(kernelId);
    this._inside.delete(kernelId);
    if (id !== undefined) this._outside.delete(id);
  }

  /** The kernel's id as the namespace shows it; 0 = not visible. */
  shown(kernelId: number): number {
    return this.isFirst ? kernelId : this._inside.get(kernelId) ?? 0;
  }

  /** The kernel's id behind a number of the namespace; 0 = none. */
  kernelId(id: number): number {
    return this.isFirst ? id : this._outside.get(id) ?? 0;
  }

  /** Tid of the task here; 0 = not visible. */
  idOfTask(task: Task): number {
    return this.tasks.byTid(task.tid) === task ? this.shown(task.tid) : 0;
  }

  /** Tgid of the group here; 0 = not visible. */
  idOfThreadGroup(group: ThreadGroup): number {
    return this.tasks.groups.has(group) ? this.shown(group.tgid) : 0;
  }

  taskWithId(tid: number): Task | undefined {
    return this.tasks.byTid(this.kernelId(tid));
  }

  threadGroupWithId(tgid: number): ThreadGroup | undefined {
    return this.tasks.groupByTgid(this.kernelId(tgid));
  }

  /** Live processes of the namespace and those below it. */
  members(): ThreadGroup[] {
    return [...this.tasks.groups].filter((group) => !group.isReaped && this.contains(group.pidNamespace));
  }
}
