/** fcntl(2) record locks: POSIX locks belong to the descriptor table, OFD locks to the open file description. */
import { Errno, F_RDLCK, F_UNLCK, F_WRLCK, FLOCK, SEEK_CUR, SEEK_END, SEEK_SET } from '@troupe/abi';
import { locksOf, wouldDeadlock, type FileDescription, type LockOwner, type RangeLock } from '@troupe/vfs';
import { waitOn, type SyscallResult } from '../syscall/row.js';
import { shownPid } from '../namespace/id-view.js';
import type { Task } from '../task/task.js';

export type RecordLockOwnership = 'posix' | 'ofd';
export type RecordLockWait = 'try' | 'wait';

interface Request {
  readonly type: number;
  readonly lock: RangeLock;
}

function readRequest(task: Task, file: FileDescription, addr: number, ownership: RecordLockOwnership): Request | number {
  const view = new DataView(task.mm.copyIn(addr, FLOCK.sizeBytes).buffer);
  const type = view.getInt16(FLOCK.off.type, true);
  const whence = view.getInt16(FLOCK.off.whence, true);
  const bases: Record<number, () => number> = { [SEEK_SET]: () => 0, [SEEK_CUR]: () => file.offBytes, [SEEK_END]: () => file.inode.sizeBytes };
  const base = bases[whence];
  if (!base || (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK)) return -Errno.EINVAL;
  if (ownership === 'ofd' && view.getInt32(FLOCK.off.pid, true) !== 0) return -Errno.EINVAL;
  const start = base() + Number(view.getBigInt64(FLOCK.off.start, true));
  const len = Number(view.getBigInt64(FLOCK.off.len, true));
  const startBytes = len < 0 ? start + len : start;
  const endBytes = len === 0 ? Infinity : len < 0 ? start : start + len;
  if (startBytes < 0) return -Errno.EINVAL;
  const owner: LockOwner = ownership === 'posix' ? task.fds : file;
  const pid = ownership === 'posix' ? task.group.tgid : -1;
  return { type, lock: { owner, kind: type === F_WRLCK ? 'write' : 'read', startBytes, endBytes, pid } };
}

/** F_GETLK, F_OFD_GETLK: the first lock in the way, or F_UNLCK. */
export function getRecordLock(task: Task, file: FileDescription, addr: number, ownership: RecordLockOwnership): number {
  const request = readRequest(task, file, addr, ownership);
  if (typeof request === 'number') return request;
  if (request.type === F_UNLCK && ownership === 'posix') return -Errno.EINVAL;
  const conflict = locksOf(file.inode).ranges.conflict(request.lock);
  const bytes = task.mm.copyIn(addr, FLOCK.sizeBytes);
  const view = new DataView(bytes.buffer);
  if (!conflict) {
    view.setInt16(FLOCK.off.type, F_UNLCK, true);
  } else {
    view.setInt16(FLOCK.off.type, conflict.kind === 'write' ? F_WRLCK : F_RDLCK, true);
    view.setInt16(FLOCK.off.whence, SEEK_SET, true);
    view.setBigInt64(FLOCK.off.start, BigInt(conflict.startBytes), true);
    view.setBigInt64(FLOCK.off.len, conflict.endBytes === Infinity ? 0n : BigInt(conflict.endBytes - conflict.startBytes), true);
    view.setInt32(FLOCK.off.pid, conflict.pid < 0 ? conflict.pid : shownPid(task, conflict.pid), true);
  }
  task.mm.copyOut(addr, bytes);
  return 0;
}

/** F_SETLK, F_SETLKW and their OFD forms. */
export function setRecordLock(task: Task, file: FileDescription, addr: number, ownership: RecordLockOwnership, wait: RecordLockWait): SyscallResult {
  const request = readRequest(task, file, addr, ownership);
  if (typeof request === 'number') return request;
  const { lock, type } = request;
  const { ranges } = locksOf(file.inode);
  lock.owner.waitsForLockOf = null;
  if (type === F_UNLCK) {
    ranges.release(lock.owner, lock.startBytes, lock.endBytes);
    return 0;
  }
  if (type === F_RDLCK ? !file.readable : !file.writable) return -Errno.EBADF;
  const blocker = ranges.conflict(lock);
  if (!blocker) {
    if (ownership === 'ofd') releaseLocksWith(file);
    ranges.acquire(lock);
    return 0;
  }
  if (wait === 'try') return -Errno.EAGAIN;
  if (ownership === 'posix') {
    if (wouldDeadlock(lock.owner, blocker.owner)) return -Errno.EDEADLK;
    lock.owner.waitsForLockOf = blocker.owner;
  }
  return waitOn(ranges.waiters, 0);
}

/** A wait for a POSIX lock was interrupted. */
export function cancelRecordLockWait(task: Task): void {
  task.fds.waitsForLockOf = null;
}

/** Makes flock and OFD locks of the file end with its last reference. */
export function releaseLocksWith(file: FileDescription): void {
  (file.releaseListeners ??= new Set()).add(locksOf(file.inode));
}
