/**
 * Signal-driven I/O (fcntl(2) F_SETOWN, O_ASYNC): a file whose readiness changes sends SIGIO to its owner.
 */
import { EPOLLIN, EPOLLOUT, O_ASYNC, Si, Sig, type Waiter } from '@troupe/abi';
import type { FileDescription, ReleaseListener } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { kernelPid, shownPid } from '../namespace/id-view.js';
import type { Task } from '../task/task.js';

/** F_SETOWN, FIOSETOWN: `id` > 0 is a process, < 0 a process group, as the task sees them. */
export function setOwner(task: Task, file: FileDescription, id: number): number {
  const kernelId = kernelPid(task, Math.abs(id));
  file.owner = id < 0 ? -kernelId : kernelId;
  return 0;
}

export function ownerOf(task: Task, file: FileDescription): number {
  const id = shownPid(task, Math.abs(file.owner));
  return file.owner < 0 ? -id : id;
}

export class AsyncOwner implements Waiter, ReleaseListener {
  readonly events = EPOLLIN | EPOLLOUT;

  constructor(readonly kernel: Kernel, readonly file: FileDescription) {}

  /** `owner` > 0 is a process, < 0 a process group (fcntl(2) F_SETOWN). */
  onWake(): void {
    const { file, kernel } = this;
    if (file.owner === 0) return;
    const info = { signo: file.ownerSignal || Sig.IO, code: Si.KERNEL };
    if (file.owner < 0) {
      const group = kernel.tasks.processGroups.get(-file.owner);
      if (group) kernel.signals.sendToProcessGroup(group, info);
      return;
    }
    const task = kernel.tasks.byTid(file.owner);
    if (task?.isAlive) kernel.signals.sendToGroup(task.group, info);
  }

  onFileReleased(file: FileDescription): void {
    file.waiters.remove(this);
    file.releaseListeners?.delete(this);
  }
}

function asyncOwnerOf(file: FileDescription): AsyncOwner | undefined {
  for (const listener of file.releaseListeners ?? []) if (listener instanceof AsyncOwner) return listener;
  return undefined;
}

/** Follows O_ASYNC in `file.flags` after fcntl(2) F_SETFL or ioctl(2) FIOASYNC changed it. */
export function updateSignalIo(kernel: Kernel, file: FileDescription): void {
  const current = asyncOwnerOf(file);
  const isWanted = (file.flags & O_ASYNC) !== 0;
  if (!isWanted) current?.onFileReleased(file);
  if (!isWanted || current) return;
  const owner = new AsyncOwner(kernel, file);
  file.waiters.add(owner);
  (file.releaseListeners ??= new Set()).add(owner);
}

/** F_SETFL and FIONBIO, FIOASYNC: replaces the bits of `mask`. */
export function changeStatusFlags(kernel: Kernel, file: FileDescription, mask: number, value: number): void {
  const old = file.flags;
  file.flags = (old & ~mask) | (value & mask);
  if (file.flags === old) return;
  file.onFlagsChanged(old);
  if (((file.flags ^ old) & O_ASYNC) !== 0) updateSignalIo(kernel, file);
}
