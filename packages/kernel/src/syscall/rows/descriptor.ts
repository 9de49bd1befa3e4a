/** Descriptors: close dup fcntl (close(2), dup(2), fcntl(2), close_range(2)). */
import {
  CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, Errno, F_OWNER_EX, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, FD_CLOEXEC, Fcntl, NSIG, Nr, O_CLOEXEC, O_LARGEFILE, O_NO_EVENTS, O_PATH, O_SETFL_MASK, Rlimit, hasCap, Cap,
} from '@troupe/abi';
import { PipeFile, isAnonymous, type FileDescription } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { cancelRecordLockWait, getRecordLock, setRecordLock } from '../../ipc/record-lock.js';
import { notifyOfDirectory } from '../../ipc/directory-notify.js';
import { changeStatusFlags, ownerOf, setOwner } from '../../ipc/signal-io.js';
import type { Task } from '../../task/task.js';
import { addr, choice, fd, flags, int, uint, type SyscallResult, type SyscallRow } from '../row.js';

type Handler = (task: Task, file: FileDescription, arg: number, fdNo: number) => SyscallResult;

function sysClose(task: Task, fdNo: number): number {
  return task.fds.close(fdNo);
}

function sysDup(task: Task, oldFd: number): number {
  const file = task.fds.get(oldFd);
  return file ? installFile(task, file, false) : -Errno.EBADF;
}

function doDup(task: Task, oldFd: number, newFd: number, closeOnExec: boolean): number {
  const file = task.fds.get(oldFd);
  if (!file || newFd < 0 || newFd >= task.group.limits.soft(Rlimit.NOFILE)) return -Errno.EBADF;
  task.fds.replace(newFd, file, closeOnExec);
  return newFd;
}

function sysDup2(task: Task, oldFd: number, newFd: number): number {
  if (oldFd === newFd) return task.fds.get(oldFd) ? newFd : -Errno.EBADF;
  return doDup(task, oldFd, newFd, false);
}

function sysDup3(task: Task, oldFd: number, newFd: number, dupFlags: number): number {
  if ((dupFlags & ~O_CLOEXEC) !== 0 || oldFd === newFd) return -Errno.EINVAL;
  return doDup(task, oldFd, newFd, dupFlags !== 0);
}

function sysCloseRange(task: Task, first: number, last: number, rangeFlags: number): number {
  if ((rangeFlags & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE)) !== 0 || first > last) return -Errno.EINVAL;
  if ((rangeFlags & CLOSE_RANGE_UNSHARE) !== 0 && task.fds.isShared) unshareTable(task);
  if ((rangeFlags & CLOSE_RANGE_CLOEXEC) !== 0) task.fds.setCloseOnExecRange(first, last);
  else task.fds.closeRange(first, last);
  return 0;
}

function unshareTable(task: Task): void {
  const shared = task.fds;
  task.fds = shared.copy(task.kernel.uniqueId());
  shared.release();
}

function duplicateFrom(task: Task, file: FileDescription, minFd: number, closeOnExec: boolean): number {
  if (minFd >= task.group.limits.soft(Rlimit.NOFILE)) return -Errno.EINVAL;
  return installFile(task, file, closeOnExec, minFd);
}

function setOwnerEx(task: Task, file: FileDescription, at: number): number {
  const view = new DataView(task.mm.copyIn(at, F_OWNER_EX.sizeBytes).buffer);
  const type = view.getInt32(F_OWNER_EX.off.type, true);
  const pid = view.getInt32(F_OWNER_EX.off.pid, true);
  if (type !== F_OWNER_TID && type !== F_OWNER_PID && type !== F_OWNER_PGRP) return -Errno.EINVAL;
  setOwner(task, file, type === F_OWNER_PGRP ? -pid : pid);
  return 0;
}

function getOwnerEx(task: Task, file: FileDescription, at: number): number {
  task.mm.writeU32(at, file.owner < 0 ? F_OWNER_PGRP : F_OWNER_PID);
  task.mm.writeU32(at + 4, Math.abs(ownerOf(task, file)));
  return 0;
}

function setPipeSize(task: Task, file: FileDescription, sizeBytes: number): number {
  if (!(file instanceof PipeFile)) return -Errno.EBADF;
  return file.pipe.setCapacity(sizeBytes, hasCap(task.creds, Cap.SYS_RESOURCE));
}

function setStatusFlags(task: Task, file: FileDescription, arg: number, fdNo: number): number {
  changeStatusFlags(task.kernel, file, fdNo, O_SETFL_MASK, arg);
  return 0;
}

function setOwnerSignal(_task: Task, file: FileDescription, arg: number): number {
  if (arg < 0 || arg > NSIG) return -Errno.EINVAL;
  file.ownerSignal = arg;
  return 0;
}

/** Commands that O_PATH descriptors allow too (open(2) O_PATH). */
const ON_ANY_DESCRIPTOR: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [Fcntl.F_DUPFD, (task, file, arg) => duplicateFrom(task, file, arg >>> 0, false)],
  [Fcntl.F_DUPFD_CLOEXEC, (task, file, arg) => duplicateFrom(task, file, arg >>> 0, true)],
  [Fcntl.F_GETFD, (task, _file, _arg, fdNo) => (task.fds.isCloseOnExec(fdNo) ? FD_CLOEXEC : 0)],
  [Fcntl.F_SETFD, (task, _file, arg, fdNo) => (task.fds.setCloseOnExec(fdNo, (arg & FD_CLOEXEC) !== 0), 0)],
  [Fcntl.F_GETFL, (_task, file) => (file.flags & ~O_NO_EVENTS) | (isAnonymous(file.node) || (file.flags & O_PATH) !== 0 ? 0 : O_LARGEFILE)],
]);

const ON_OPEN_FILES: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [Fcntl.F_SETFL, setStatusFlags],
  [Fcntl.F_GETLK, (task, file, arg) => getRecordLock(task, file, arg, 'posix')],
  [Fcntl.F_SETLK, (task, file, arg) => setRecordLock(task, file, arg, 'posix', 'try')],
  [Fcntl.F_SETLKW, (task, file, arg) => setRecordLock(task, file, arg, 'posix', 'wait')],
  [Fcntl.F_OFD_GETLK, (task, file, arg) => getRecordLock(task, file, arg, 'ofd')],
  [Fcntl.F_OFD_SETLK, (task, file, arg) => setRecordLock(task, file, arg, 'ofd', 'try')],
  [Fcntl.F_OFD_SETLKW, (task, file, arg) => setRecordLock(task, file, arg, 'ofd', 'wait')],
  [Fcntl.F_SETOWN, (task, file, arg) => setOwner(task, file, arg | 0)],
  [Fcntl.F_GETOWN, ownerOf],
  [Fcntl.F_SETOWN_EX, setOwnerEx],
  [Fcntl.F_GETOWN_EX, getOwnerEx],
  [Fcntl.F_SETSIG, setOwnerSignal],
  [Fcntl.F_GETSIG, (_task, file) => file.ownerSignal],
  [Fcntl.F_SETPIPE_SZ, setPipeSize],
  [Fcntl.F_GETPIPE_SZ, (_task, file) => (file instanceof PipeFile ? file.pipe.capacity : -Errno.EBADF)],
  [Fcntl.F_ADD_SEALS, (_task, file, arg) => (file.writable ? file.inode.addSeals(arg | 0) : -Errno.EPERM)],
  [Fcntl.F_GET_SEALS, (_task, file) => file.inode.seals],
  [Fcntl.F_GETLEASE, () => 2],
  [Fcntl.F_NOTIFY, notifyOfDirectory],
]);

function sysFcntl(task: Task, fdNo: number, command: number, arg: number): SyscallResult {
  const file = task.fds.get(fdNo);
  if (!file) return -Errno.EBADF;
  const always = ON_ANY_DESCRIPTOR.get(command);
  if (always) return always(task, file, arg, fdNo);
  if ((file.flags & O_PATH) !== 0) return -Errno.EBADF;
  return ON_OPEN_FILES.get(command)?.(task, file, arg, fdNo) ?? -Errno.EINVAL;
}

function interruptFcntl(task: Task): undefined {
  cancelRecordLockWait(task);
}

const COMMANDS = Object.entries(Fcntl);

export const rows: readonly SyscallRow[] = [
  { nr: Nr.close, name: 'close', args: [fd()], groups: ['%desc'], support: 'full', man: 'close(2)', handler: sysClose },
  { nr: Nr.dup, name: 'dup', args: [fd('oldfd')], groups: ['%desc'], support: 'full', man: 'dup(2)', handler: sysDup },
  { nr: Nr.dup2, name: 'dup2', args: [fd('oldfd'), fd('newfd')], groups: ['%desc'], support: 'full', man: 'dup(2)', handler: sysDup2 },
  { nr: Nr.dup3, name: 'dup3', args: [fd('oldfd'), fd('newfd'), flags('flags', [['O_CLOEXEC', O_CLOEXEC]])], groups: ['%desc'], support: 'full', man: 'dup(2)', handler: sysDup3 },
  {
    nr: Nr.fcntl, name: 'fcntl', args: [fd(), choice('op', COMMANDS), addr('arg')], groups: ['%desc'], restart: 'ERESTARTSYS',
    support: { partial: 'no leases' }, man: 'fcntl(2)', handler: sysFcntl, interrupted: interruptFcntl,
  },
  {
    nr: Nr.close_range, name: 'close_range', args: [uint('first'), uint('last'), int('flags')], groups: ['%desc'],
    support: 'full', man: 'close_range(2)', handler: sysCloseRange,
  },
];
