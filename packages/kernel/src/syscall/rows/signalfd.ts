/** signalfd(2). */
import { Errno, Nr, O_CLOEXEC, O_NONBLOCK, UNBLOCKABLE } from '@troupe/abi';
import { SignalFile } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import type { Task } from '../../task/task.js';
import { fd, flags, inBuf, size, type SyscallRow } from '../row.js';

const SIGSET_BYTES = 8;
const SYMBOLS = [['SFD_CLOEXEC', O_CLOEXEC], ['SFD_NONBLOCK', O_NONBLOCK]] as const;

function sysSignalfd4(task: Task, fdNo: number, maskAddr: number, maskBytes: number, createFlags: number): number {
  if ((createFlags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0 || maskBytes !== SIGSET_BYTES) return -Errno.EINVAL;
  const mask = task.mm.readU64(maskAddr) & ~UNBLOCKABLE;
  if (fdNo === -1) {
    const file = new SignalFile(mask, task.kernel.signals, task.tid, createFlags & O_NONBLOCK);
    return installFile(task, file, (createFlags & O_CLOEXEC) !== 0);
  }
  const file = task.fds.getOpen(fdNo);
  if (!file) return -Errno.EBADF;
  if (!(file instanceof SignalFile)) return -Errno.EINVAL;
  file.setMask(mask);
  return fdNo;
}

const ARGS = [fd(), inBuf('mask', SIGSET_BYTES), size('sizemask')] as const;

export const rows: readonly SyscallRow[] = [
  { nr: Nr.signalfd, name: 'signalfd', args: ARGS, groups: ['%desc', '%signal'], support: 'full', man: 'signalfd(2)', handler: (task: Task, fdNo: number, at: number, bytes: number) => sysSignalfd4(task, fdNo, at, bytes, 0) },
  { nr: Nr.signalfd4, name: 'signalfd4', args: [...ARGS, flags('flags', SYMBOLS)], groups: ['%desc', '%signal'], support: 'full', man: 'signalfd(2)', handler: sysSignalfd4 },
];
