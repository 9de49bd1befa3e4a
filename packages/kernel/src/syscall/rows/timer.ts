/** alarm, interval timers and POSIX timers. */
import { Errno, NSIG, SigevNotify, TIMER_ABSTIME } from '@troupe/abi';
import { DISABLED, type Setting } from '@troupe/time';
import { taskWithPid } from '../../namespace/id-view.js';
import type { Task } from '../../task/task.js';
import { clockOf, timersOf, type Notification, type ProcessTimer } from '../../time/group-timers.js';
import { addr, flags, inBuf, int, outBuf, uint, type SyscallRow, choice } from '../row.js';
import { readTimespecNs, readTimevalNs, writeTimespecNs, writeTimevalNs } from '../timespec.js';

const WHICH = [['ITIMER_REAL', 0], ['ITIMER_VIRTUAL', 1], ['ITIMER_PROF', 2]] as const;
const NS = 1e9;

function remainingNs(timer: ProcessTimer, setting: Setting): number {
  return setting.enabled ? Math.max(1, setting.nextNs - timer.clock.nowNs()) : 0;
}

function sysAlarm(task: Task, seconds: number): number {
  const timer = timersOf(task.group).itimer(0);
  const old = timer.swap(seconds === 0 ? DISABLED : { enabled: true, nextNs: timer.clock.nowNs() + seconds * NS, periodNs: 0 });
  return Math.ceil(remainingNs(timer, old) / NS);
}

function writeItimerval(task: Task, at: number, timer: ProcessTimer, setting: Setting): void {
  writeTimevalNs(task.mm, at, setting.periodNs);
  writeTimevalNs(task.mm, at + 16, Math.max(remainingNs(timer, setting), setting.enabled ? 1000 : 0));
}

function sysGetitimer(task: Task, which: number, out: number): number {
  if (which < 0 || which > 2) return -Errno.EINVAL;
  const timer = timersOf(task.group).itimer(which);
  writeItimerval(task, out, timer, timer.get());
  return 0;
}

function sysSetitimer(task: Task, which: number, value: number, oldOut: number): number {
  if (which < 0 || which > 2) return -Errno.EINVAL;
  const timer = timersOf(task.group).itimer(which);
  const periodNs = value === 0 ? 0 : readTimevalNs(task.mm, value);
  const firstNs = value === 0 ? 0 : readTimevalNs(task.mm, value + 16);
  const old = timer.swap(firstNs === 0 ? DISABLED : { enabled: true, nextNs: timer.clock.nowNs() + firstNs, periodNs });
  if (oldOut !== 0) writeItimerval(task, oldOut, timer, old);
  return 0;
}

/** struct sigevent: value at 0, signo at 8, notify at 12, tid at 16. */
function readSigevent(task: Task, at: number, id: number): Notification | null {
  if (at === 0) return { notify: SigevNotify.SIGNAL, signo: 14, value: BigInt(id), tid: 0 };
  const event = { value: task.mm.readU64(at), signo: task.mm.readI32(at + 8), notify: task.mm.readI32(at + 12), tid: 0 };
  if (event.notify === SigevNotify.NONE) return event;
  if (event.signo < 1 || event.signo > NSIG) return null;
  if (event.notify === SigevNotify.SIGNAL || event.notify === SigevNotify.THREAD) return event;
  if (event.notify !== SigevNotify.THREAD_ID) return null;
  const tid = task.mm.readI32(at + 16);
  const target = taskWithPid(task, tid);
  return target?.group === task.group ? { ...event, tid: target.tid } : null;
}

function sysTimerCreate(task: Task, clockId: number, event: number, idOut: number): number {
  const found = clockOf(task.kernel, task.group, task.tid, clockId);
  if (!found) return -Errno.EINVAL;
  const timers = timersOf(task.group);
  const notification = readSigevent(task, event, timers.posix.size);
  if (!notification) return -Errno.EINVAL;
  task.mm.writeU32(idOut, 0);
  task.mm.writeU32(idOut, timers.create(found.clock, found.isCpuClock, notification).id);
  return 0;
}

function writeItimerspec(task: Task, at: number, periodNs: number, leftNs: number): void {
  writeTimespecNs(task.mm, at, periodNs);
  writeTimespecNs(task.mm, at + 16, leftNs);
}

function sysTimerSettime(task: Task, id: number, flagBits: number, value: number, oldOut: number): number {
  const timer = timersOf(task.group).posix.get(id);
  if (!timer || value === 0) return -Errno.EINVAL;
  const periodNs = readTimespecNs(task.mm, value);
  const firstNs = readTimespecNs(task.mm, value + 16);
  const isAbsolute = (flagBits & TIMER_ABSTIME) !== 0;
  const old = timer.get();
  const oldLeftNs = remainingNs(timer, old);
  timer.rebase(isAbsolute ? 'clock' : 'elapsed');
  const baseNs = isAbsolute ? 0 : timer.clock.nowNs();
  timer.swap(firstNs === 0 ? DISABLED : { enabled: true, nextNs: baseNs + firstNs, periodNs });
  if (oldOut !== 0) writeItimerspec(task, oldOut, old.periodNs, oldLeftNs);
  return 0;
}

function sysTimerGettime(task: Task, id: number, out: number): number {
  const timer = timersOf(task.group).posix.get(id);
  if (!timer) return -Errno.EINVAL;
  const setting = timer.get();
  writeItimerspec(task, out, setting.periodNs, remainingNs(timer, setting));
  return 0;
}

function sysTimerGetoverrun(task: Task, id: number): number {
  return timersOf(task.group).posix.get(id)?.overrun ?? -Errno.EINVAL;
}

function sysTimerDelete(task: Task, id: number): number {
  return timersOf(task.group).delete(id) ? 0 : -Errno.EINVAL;
}

export const rows: readonly SyscallRow[] = [
  { nr: 37, name: 'alarm', args: [uint('seconds')], groups: ['%time'], support: 'full', man: 'alarm(2)', handler: sysAlarm },
  { nr: 36, name: 'getitimer', args: [choice('which', WHICH), outBuf('curr_value', 32)], groups: ['%time'], support: 'full', man: 'getitimer(2)', handler: sysGetitimer },
  { nr: 38, name: 'setitimer', args: [choice('which', WHICH), inBuf('new_value', 32), outBuf('old_value', 32)], groups: ['%time'], support: { partial: 'CPU timers have 10 ms resolution' }, man: 'setitimer(2)', handler: sysSetitimer },
  { nr: 222, name: 'timer_create', args: [int('clockid'), inBuf('sevp', 64), outBuf('timerid', 4)], groups: ['%time'], support: 'full', man: 'timer_create(2)', handler: sysTimerCreate },
  { nr: 223, name: 'timer_settime', args: [int('timerid'), flags('flags', [['TIMER_ABSTIME', 1]]), inBuf('new_value', 32), addr('old_value')], groups: ['%time'], support: 'full', man: 'timer_settime(2)', handler: sysTimerSettime },
  { nr: 224, name: 'timer_gettime', args: [int('timerid'), outBuf('curr_value', 32)], groups: ['%time'], support: 'full', man: 'timer_gettime(2)', handler: sysTimerGettime },
  { nr: 225, name: 'timer_getoverrun', args: [int('timerid')], groups: ['%time'], support: 'full', man: 'timer_getoverrun(2)', handler: sysTimerGetoverrun },
  { nr: 226, name: 'timer_delete', args: [int('timerid')], groups: ['%time'], support: 'full', man: 'timer_delete(2)', handler: sysTimerDelete },
];
