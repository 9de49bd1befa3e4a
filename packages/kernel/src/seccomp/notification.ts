/** The waiting side of a notified system call, and the requests of its supervisor (seccomp_unotify(2)). */
import {
  EPOLLIN, EPOLLOUT, Errno, O_CLOEXEC, Rlimit, SECCOMP_NOTIF_ADDFD_BYTES, SECCOMP_NOTIF_BYTES, SECCOMP_NOTIF_RESP_BYTES, SECCOMP_USER_NOTIF_FLAG_CONTINUE, SeccompAddFd, SeccompIoctl,
} from '@troupe/abi';
import { shownPid } from '../namespace/id-view.js';
import { waitOn, type Block, type SyscallResult, type SyscallRow } from '../syscall/row.js';
import type { Task } from '../task/task.js';
import { seccompData, type SeccompFilter } from './filter.js';
import type { Answer, Notification, SeccompListener } from './listener.js';

interface WaitData {
  readonly listener: SeccompListener;
  readonly notification: Notification;
}

function waitHandler(task: Task): SyscallResult {
  const { listener, notification } = task.syscall!.data as WaitData;
  const { answer } = notification;
  if (answer === null) {
    const isUninterruptible = listener.waitsKillable && notification.wasReceived;
    return { ...waitOn(notification.waiters, 0), uninterruptible: isUninterruptible } satisfies Block;
  }
  return 'result' in answer ? answer.result : { block: false };
}

/** Stands in for the row of the call while its supervisor decides. */
export const WAIT_ROW: SyscallRow = {
  nr: -1, name: 'seccomp_notification', args: [], groups: [], restart: 'ERESTARTSYS', support: 'full', man: 'seccomp_unotify(2)', handler: waitHandler,
  interrupted: (task) => {
    const { listener, notification } = task.syscall!.data as WaitData;
    listener.drop(notification);
    return undefined;
  },
};

/** False when nobody listens. */
export function waitForReply(task: Task, { listener }: SeccompFilter): boolean {
  if (listener === null || listener.isClosed) return false;
  const notification = listener.add(task, seccompData(task));
  task.kernel.dispatcher.beginWith(task, WAIT_ROW, { listener, notification } satisfies WaitData);
  return true;
}

export function listenerIoctl(task: Task, listener: SeccompListener, request: number, arg: number): SyscallResult {
  switch (request) {
    case SeccompIoctl.RECV:
      return receive(task, listener, arg);
    case SeccompIoctl.SEND:
      return send(task, listener, arg);
    case SeccompIoctl.ID_VALID:
    case SeccompIoctl.ID_VALID_WRONG_DIRECTION:
      return listener.byId(task.mm.readU64(arg))?.wasReceived ? 0 : -Errno.ENOENT;
    case SeccompIoctl.ADDFD:
      return addFd(task, listener, arg);
    default:
      return -Errno.EINVAL;
  }
}

/** struct seccomp_notif: u64 id, u32 pid, u32 flags, struct seccomp_data. */
function receive(task: Task, listener: SeccompListener, at: number): SyscallResult {
  if (task.mm.copyIn(at, SECCOMP_NOTIF_BYTES).some((byte) => byte !== 0)) return -Errno.EINVAL;
  const notification = listener.next;
  if (notification === undefined) return waitOn(listener.waiters, EPOLLIN);
  const bytes = new Uint8Array(SECCOMP_NOTIF_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, notification.id, true);
  view.setUint32(8, shownPid(task, notification.task.tid), true);
  bytes.set(notification.data, 16);
  task.mm.copyOut(at, bytes);
  notification.wasReceived = true;
  notification.waiters.wake(0, Infinity);
  listener.waiters.wake(EPOLLOUT, Infinity);
  return 0;
}

/** struct seccomp_notif_resp: u64 id, s64 val, s32 error, u32 flags. */
function send(task: Task, listener: SeccompListener, at: number): number {
  const bytes = task.mm.copyIn(at, SECCOMP_NOTIF_RESP_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [value, error, flags] = [view.getBigInt64(8, true), view.getInt32(16, true), view.getUint32(20, true)];
  const continues = (flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) !== 0;
  if ((flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE) !== 0 || (continues && (error !== 0 || value !== 0n))) return -Errno.EINVAL;
  const notification = listener.byId(view.getBigUint64(0, true));
  if (notification === undefined) return -Errno.ENOENT;
  if (!notification.wasReceived) return -Errno.EINPROGRESS;
  const answer: Answer = continues ? { proceeds: true } : { result: error !== 0 ? error : Number(value) };
  listener.answer(notification, answer);
  return 0;
}

/** struct seccomp_notif_addfd: u64 id, u32 flags, u32 srcfd, u32 newfd, u32 newfd_flags. The descriptor in the target. */
function addFd(task: Task, listener: SeccompListener, at: number): number {
  const bytes = task.mm.copyIn(at, SECCOMP_NOTIF_ADDFD_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [flags, source, wanted, fdFlags] = [8, 12, 16, 20].map((offset) => view.getUint32(offset, true)) as [number, number, number, number];
  const sets = (flags & SeccompAddFd.SETFD) !== 0;
  if ((fdFlags & ~O_CLOEXEC) !== 0 || (flags & ~(SeccompAddFd.SETFD | SeccompAddFd.SEND)) !== 0 || (wanted !== 0 && !sets)) return -Errno.EINVAL;
  const file = task.fds.get(source | 0);
  if (file === null) return -Errno.EBADF;
  const notification = listener.byId(view.getBigUint64(0, true));
  if (notification === undefined) return -Errno.ENOENT;
  if (!notification.wasReceived) return -Errno.EINPROGRESS;
  const target = notification.task;
  const limit = target.group.limits.soft(Rlimit.NOFILE);
  const closesOnExec = (fdFlags & O_CLOEXEC) !== 0;
  if (sets && wanted >= limit) return -Errno.EBADF;
  if (sets) target.fds.replace(wanted, file, closesOnExec);
  const fd = sets ? wanted : target.fds.install(file, closesOnExec, limit);
  if (fd >= 0 && (flags & SeccompAddFd.SEND) !== 0) listener.answer(notification, { result: fd });
  return fd;
}
