/** eventfd(2). */
import { Errno, Nr, O_CLOEXEC, O_NONBLOCK } from '@troupe/abi';
import { EFD_SEMAPHORE, EventFile } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import type { Task } from '../../task/task.js';
import { flags, uint, type SyscallRow } from '../row.js';

const SYMBOLS = [['EFD_CLOEXEC', O_CLOEXEC], ['EFD_NONBLOCK', O_NONBLOCK], ['EFD_SEMAPHORE', EFD_SEMAPHORE]] as const;

function sysEventfd2(task: Task, initial: number, eventFlags: number): number {
  if ((eventFlags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE)) !== 0) return -Errno.EINVAL;
  const file = new EventFile(BigInt(initial), (eventFlags & EFD_SEMAPHORE) !== 0, eventFlags & O_NONBLOCK);
  return installFile(task, file, (eventFlags & O_CLOEXEC) !== 0);
}

export const rows: readonly SyscallRow[] = [
  { nr: Nr.eventfd, name: 'eventfd', args: [uint('initval')], groups: ['%desc'], support: 'full', man: 'eventfd(2)', handler: (task: Task, initial: number) => sysEventfd2(task, initial, 0) },
  { nr: Nr.eventfd2, name: 'eventfd2', args: [uint('initval'), flags('flags', SYMBOLS)], groups: ['%desc'], support: 'full', man: 'eventfd(2)', handler: sysEventfd2 },
];
