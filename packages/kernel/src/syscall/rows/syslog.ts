/** The kernel log (syslog(2)). */
import { Cap, Errno, hasCap } from '@troupe/abi';
import { LOG_BUFFER_BYTES, LogLevel } from '../../log/kernel-log.js';
import type { Task } from '../../task/task.js';
import { choice, int, outBuf, waitOn, type SyscallResult, type SyscallRow } from '../row.js';

const Action = { CLOSE: 0, OPEN: 1, READ: 2, READ_ALL: 3, READ_CLEAR: 4, CLEAR: 5, CONSOLE_OFF: 6, CONSOLE_ON: 7, CONSOLE_LEVEL: 8, SIZE_UNREAD: 9, SIZE_BUFFER: 10 } as const;
const ACTIONS = Object.entries(Action).map(([name, value]) => [`SYSLOG_ACTION_${name}`, value] as const);
/** Allowed to everyone while /proc/sys/kernel/dmesg_restrict is 0. */
const UNPRIVILEGED: readonly number[] = [Action.READ_ALL, Action.SIZE_BUFFER];

function sysSyslog(task: Task, action: number, buf: number, sizeBytes: number): SyscallResult {
  const { syslog } = task.kernel;
  if (action < Action.CLOSE || action > Action.SIZE_BUFFER) return -Errno.EINVAL;
  if (!UNPRIVILEGED.includes(action) && !hasCap(task.creds, Cap.SYSLOG) && !hasCap(task.creds, Cap.SYS_ADMIN)) return -Errno.EPERM;
  switch (action) {
    case Action.READ: case Action.READ_ALL: case Action.READ_CLEAR:
      return readLog(task, action, buf, sizeBytes);
    case Action.CLEAR:
      syslog.clear();
      return 0;
    case Action.CONSOLE_LEVEL:
      return sizeBytes >= LogLevel.ALERT && sizeBytes <= LogLevel.DEBUG + 1 ? 0 : -Errno.EINVAL;
    case Action.SIZE_UNREAD:
      return syslog.unreadBytes;
    case Action.SIZE_BUFFER:
      return LOG_BUFFER_BYTES;
    default:
      return 0;
  }
}

function readLog(task: Task, action: number, buf: number, sizeBytes: number): SyscallResult {
  const { syslog } = task.kernel;
  if (buf === 0 || sizeBytes < 0) return -Errno.EINVAL;
  if (sizeBytes === 0) return 0;
  if (action === Action.READ && syslog.unreadBytes === 0) return waitOn(syslog.waiters, 0);
  const text = action === Action.READ ? syslog.take(sizeBytes) : syslog.readAll(sizeBytes);
  task.mm.copyOut(buf, Buffer.from(text, 'latin1'));
  if (action === Action.READ_CLEAR) syslog.clear();
  return text.length;
}

export const rows: readonly SyscallRow[] = [
  {
    nr: 103, name: 'syslog', args: [choice('type', ACTIONS), outBuf('buf', 'return'), int('len')], groups: ['%system'], restart: 'ERESTARTSYS',
    support: { partial: 'no console levels' }, man: 'syslog(2)', handler: sysSyslog,
  },
];
