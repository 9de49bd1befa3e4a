/** pipe(2), pipe2(2). */
import { Errno, Nr, O_CLOEXEC, O_DIRECT, O_NONBLOCK } from '@troupe/abi';
import { createPipe } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { contextOf } from '../../ipc/caller.js';
import type { Task } from '../../task/task.js';
import { flags, outBuf, type SyscallRow } from '../row.js';

const SYMBOLS = [['O_CLOEXEC', O_CLOEXEC], ['O_NONBLOCK', O_NONBLOCK], ['O_DIRECT', O_DIRECT]] as const;

function sysPipe2(task: Task, fdsAddr: number, pipeFlags: number): number {
  if ((pipeFlags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) !== 0) return -Errno.EINVAL;
  const { reader, writer } = createPipe(contextOf(task), pipeFlags);
  const closeOnExec = (pipeFlags & O_CLOEXEC) !== 0;
  reader.incRef();
  writer.incRef();
  try {
    return installBoth(task, fdsAddr, installFile(task, reader, closeOnExec), installFile(task, writer, closeOnExec));
  } finally {
    reader.decRef();
    writer.decRef();
  }
}

/** Writes both numbers to the guest, or takes the descriptors back. */
function installBoth(task: Task, fdsAddr: number, readFd: number, writeFd: number): number {
  const isInstalled = readFd >= 0 && writeFd >= 0;
  const isWritten = isInstalled && task.mm.copyOutPartial(fdsAddr, new Uint8Array(new Int32Array([readFd, writeFd]).buffer)) === 8;
  if (isWritten) return 0;
  if (readFd >= 0) task.fds.close(readFd);
  if (writeFd >= 0) task.fds.close(writeFd);
  return isInstalled ? -Errno.EFAULT : -Errno.EMFILE;
}

export const rows: readonly SyscallRow[] = [
  { nr: Nr.pipe, name: 'pipe', args: [outBuf('pipefd', 8)], groups: ['%desc'], support: 'full', man: 'pipe(2)', handler: (task: Task, at: number) => sysPipe2(task, at, 0) },
  { nr: Nr.pipe2, name: 'pipe2', args: [outBuf('pipefd', 8), flags('flags', SYMBOLS)], groups: ['%desc'], support: 'full', man: 'pipe(2)', handler: sysPipe2 },
];
