/** flock(2). Record locks are fcntl(2) commands. */
import { Errno, LockOp, Nr } from '@troupe/abi';
import { locksOf } from '@troupe/vfs';
import { releaseLocksWith } from '../../ipc/record-lock.js';
import type { Task } from '../../task/task.js';
import { fd, flags, waitOn, type SyscallResult, type SyscallRow } from '../row.js';

const SYMBOLS = Object.entries(LockOp).map(([name, value]) => [`LOCK_${name}`, value] as const);

function sysFlock(task: Task, fdNo: number, operation: number): SyscallResult {
  const file = task.fds.getOpen(fdNo);
  if (!file) return -Errno.EBADF;
  const kind = operation & ~LockOp.NB;
  const { flock } = locksOf(file.inode);
  if (kind === LockOp.UN) {
    flock.release(file);
    return 0;
  }
  if (kind !== LockOp.SH && kind !== LockOp.EX) return -Errno.EINVAL;
  const result = flock.acquire(file, kind === LockOp.EX ? 'exclusive' : 'shared');
  if (result === 0) releaseLocksWith(file);
  return result === -Errno.EAGAIN && (operation & LockOp.NB) === 0 ? waitOn(flock.waiters, 0) : result;
}

export const rows: readonly SyscallRow[] = [
  { nr: Nr.flock, name: 'flock', args: [fd(), flags('op', SYMBOLS)], groups: ['%desc'], restart: 'ERESTARTSYS', support: 'full', man: 'flock(2)', handler: sysFlock },
];
