/** timerfd_create(2). */
import { Errno, Nr, O_CLOEXEC, O_NONBLOCK } from '@troupe/abi';
import { type TimerBase, TimerFile } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import type { Task } from '../../task/task.js';
import { fd, flags, inBuf, int, outBuf, type SyscallRow } from '../row.js';
import { readTimespecNs, writeTimespecNs } from '../timespec.js';

const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
const CLOCK_REALTIME_ALARM = 8;
const CLOCK_BOOTTIME_ALARM = 9;
const CLOCKS: readonly (readonly [string, number])[] = [
  ['CLOCK_REALTIME', CLOCK_REALTIME], ['CLOCK_MONOTONIC', CLOCK_MONOTONIC], ['CLOCK_BOOTTIME', CLOCK_BOOTTIME],
  ['CLOCK_REALTIME_ALARM', CLOCK_REALTIME_ALARM], ['CLOCK_BOOTTIME_ALARM', CLOCK_BOOTTIME_ALARM],
];
/** struct itimerspec: it_interval, it_value. */
const ITIMERSPEC_BYTES = 32;
const VALUE_OFF = 16;

const isRealtime = (clockId: number): boolean => clockId === CLOCK_REALTIME || clockId === CLOCK_REALTIME_ALARM;

function sysTimerfdCreate(task: Task, clockId: number, createFlags: number): number {
  if ((createFlags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0 || !CLOCKS.some(([, id]) => id === clockId)) return -Errno.EINVAL;
  return installFile(task, new TimerFile(clockId, task.kernel.timers, task.kernel.timekeeper, createFlags & O_NONBLOCK), (createFlags & O_CLOEXEC) !== 0);
}

function timerFile(task: Task, fdNo: number): TimerFile | number {
  const file = task.fds.getOpen(fdNo);
  if (!file) return -Errno.EBADF;
  return file instanceof TimerFile ? file : -Errno.EINVAL;
}

/** Absolute times count on the timer's clock. */
function baseOf({ clockId }: TimerFile, timerFlags: number): TimerBase {
  if ((timerFlags & TFD_TIMER_ABSTIME) === 0) return 'now';
  if (!isRealtime(clockId)) return 'monotonic';
  return (timerFlags & TFD_TIMER_CANCEL_ON_SET) === 0 ? 'realtime' : 'cancelled-realtime';
}

function writeSetting(task: Task, file: TimerFile, at: number): void {
  const { intervalNs, valueNs } = file.setting;
  writeTimespecNs(task.mm, at, intervalNs);
  writeTimespecNs(task.mm, at + VALUE_OFF, valueNs);
}

function sysTimerfdSettime(task: Task, fdNo: number, timerFlags: number, newAddr: number, oldAddr: number): number {
  if ((timerFlags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0) return -Errno.EINVAL;
  const intervalNs = readTimespecNs(task.mm, newAddr);
  const valueNs = readTimespecNs(task.mm, newAddr + VALUE_OFF);
  const file = timerFile(task, fdNo);
  if (typeof file === 'number') return file;
  if (oldAddr !== 0) writeSetting(task, file, oldAddr);
  return file.set(valueNs, intervalNs, baseOf(file, timerFlags));
}

function sysTimerfdGettime(task: Task, fdNo: number, currAddr: number): number {
  const file = timerFile(task, fdNo);
  if (typeof file === 'number') return file;
  writeSetting(task, file, currAddr);
  return 0;
}

export const rows: readonly SyscallRow[] = [
  {
    nr: Nr.timerfd_create, name: 'timerfd_create', args: [int('clockid'), flags('flags', [['TFD_CLOEXEC', O_CLOEXEC], ['TFD_NONBLOCK', O_NONBLOCK]])],
    groups: ['%desc'], support: 'full', man: 'timerfd_create(2)', handler: sysTimerfdCreate,
  },
  {
    nr: Nr.timerfd_settime, name: 'timerfd_settime', groups: ['%desc'], support: 'full', man: 'timerfd_create(2)', handler: sysTimerfdSettime,
    args: [fd(), flags('flags', [['TFD_TIMER_ABSTIME', TFD_TIMER_ABSTIME], ['TFD_TIMER_CANCEL_ON_SET', TFD_TIMER_CANCEL_ON_SET]]), inBuf('new_value', ITIMERSPEC_BYTES), outBuf('old_value', ITIMERSPEC_BYTES)],
  },
  {
    nr: Nr.timerfd_gettime, name: 'timerfd_gettime', args: [fd(), outBuf('curr_value', ITIMERSPEC_BYTES)], groups: ['%desc'],
    support: 'full', man: 'timerfd_create(2)', handler: sysTimerfdGettime,
  },
];
