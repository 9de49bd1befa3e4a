/**
 * Signal-driven I/O (fcntl(2) F_SETOWN, F_SETSIG, O_ASYNC): a file whose readiness changes sends SIGIO to its owner.
 */
import {
  EPOLLIN, EPOLLMSG, EPOLLOUT, EPOLLRDNORM, EPOLLWRBAND, EPOLLWRNORM, O_ASYNC, Si, Sig, type SigInfo, type Waiter,
} from '@troupe/abi';
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

/** si_band by si_code. */
const BANDS: Readonly<Record<number, number>> = {
  [Si.POLL_IN]: EPOLLIN | EPOLLRDNORM, [Si.POLL_OUT]: EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND, [Si.POLL_MSG]: EPOLLIN | EPOLLRDNORM | EPOLLMSG,
};
/** Signals that have other meanings for positive codes. */
const HAS_OWN_CODES: ReadonlySet<number> = new Set([Sig.ILL, Sig.FPE, Sig.SEGV, Sig.BUS, Sig.TRAP, Sig.CHLD, Sig.SYS]);

function send(kernel: Kernel, owner: number, info: SigInfo): number {
  if (owner < 0) {
    const group = kernel.tasks.processGroups.get(-owner);
    if (group) kernel.signals.sendToProcessGroup(group, info);
    return 0;
  }
  const task = kernel.tasks.byTid(owner);
  return task?.isAlive ? kernel.signals.sendToGroup(task.group, info) : 0;
}

/** Tells the owner of a file what happened: `reason` is one of Si.POLL_*. Only a signal of F_SETSIG names the descriptor, while there is room for it. */
export function signalOwner(kernel: Kernel, file: FileDescription, fd: number, reason: number): void {
  const { owner, ownerSignal: signo } = file;
  if (owner === 0) return;
  const code = HAS_OWN_CODES.has(signo) ? Si.SIGIO : reason;
  if (signo !== 0 && send(kernel, owner, { signo, code, fd, band: BANDS[reason]! }) === 0) return;
  send(kernel, owner, { signo: Sig.IO, code: Si.KERNEL });
}

export class AsyncOwner implements Waiter, ReleaseListener {
  readonly events = EPOLLIN | EPOLLOUT;

  /** `fd` is the descriptor that O_ASYNC was set through. */
  constructor(readonly kernel: Kernel, readonly file: FileDescription, readonly fd: number) {}

  onWake(events: number): void {
    signalOwner(this.kernel, this.file, this.fd, (events & EPOLLIN) !== 0 ? Si.POLL_IN : Si.POLL_OUT);
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
function updateSignalIo(kernel: Kernel, file: FileDescription, fd: number): void {
  const current = asyncOwnerOf(file);
  const isWanted = (file.flags & O_ASYNC) !== 0;
  if (!isWanted) current?.onFileReleased(file);
  if (!isWanted || current) return;
  const owner = new AsyncOwner(kernel, file, fd);
  file.waiters.add(owner);
  (file.releaseListeners ??= new Set()).add(owner);
}

/** F_SETFL and FIONBIO, FIOASYNC: replaces the bits of `mask`. */
export function changeStatusFlags(kernel: Kernel, file: FileDescription, fd: number, mask: number, value: number): void {
  const old = file.flags;
  file.flags = (old & ~mask) | (value & mask);
  if (file.flags === old) return;
  file.onFlagsChanged(old);
  if (((file.flags ^ old) & O_ASYNC) !== 0) updateSignalIo(kernel, file, fd);
}
