/** Reading and setting clocks, and sleeping. */
import { Cap, ClockId, CLOCK_TICK_NS, Errno, hasCap, NS_PER_SEC, Restart, TIMER_ABSTIME } from '@troupe/abi';
import type { Task } from '../../task/task.js';
import { type CallDeadline, monotonicDeadlineNs, waitUntil } from '../../time/call-deadline.js';
import { groupCpuNs } from '../../time/cpu-clocks.js';
import { clockOf } from '../../time/group-timers.js';
import { setRealtime } from '../../time/set-realtime.js';
import { addr, flags, inBuf, int, outBuf, type SyscallResult, type SyscallRow, choice } from '../row.js';
import { readTimespecNs, readTimevalNs, writeTimespecNs, writeTimevalNs } from '../timespec.js';

const CLOCKS = Object.entries(ClockId).map(([name, value]) => [`CLOCK_${name}`, value] as const);

function nowOf(task: Task, id: number): number | bigint | undefined {
  const found = clockOf(task.kernel, task.group, task.tid, id);
  return found?.isRealtime ? task.kernel.realtimeNs() : found?.clock.nowNs();
}

function sysClockGettime(task: Task, id: number, ts: number): number {
  const now = nowOf(task, id);
  if (now === undefined) return -Errno.EINVAL;
  writeTimespecNs(task.mm, ts, now);
  return 0;
}

function sysClockGetres(task: Task, id: number, ts: number): number {
  if (nowOf(task, id) === undefined) return -Errno.EINVAL;
  const isCoarse = id === ClockId.REALTIME_COARSE || id === ClockId.MONOTONIC_COARSE;
  if (ts !== 0) writeTimespecNs(task.mm, ts, isCoarse ? 4_000_000 : 1);
  return 0;
}

function sysClockSettime(task: Task, id: number, ts: number): number {
  if (id !== ClockId.REALTIME) return -Errno.EINVAL;
  const ns = readTimespecNs(task.mm, ts);
  if (!hasCap(task.creds, Cap.SYS_TIME)) return -Errno.EPERM;
  setRealtime(task.kernel, ns);
  return 0;
}

function sysGettimeofday(task: Task, tv: number, tz: number): number {
  if (tv !== 0) writeTimevalNs(task.mm, tv, task.kernel.realtimeNs());
  if (tz !== 0) task.mm.writeU64(tz, 0n);
  return 0;
}

function sysSettimeofday(task: Task, tv: number, tz: number): number {
  if (tv === 0) return tz === 0 ? 0 : -Errno.EPERM;
  const ns = readTimevalNs(task.mm, tv);
  if (!hasCap(task.creds, Cap.SYS_TIME)) return -Errno.EPERM;
  setRealtime(task.kernel, ns);
  return 0;
}

function sysTime(task: Task, addrOut: number): number {
  const seconds = Number(task.kernel.realtimeNs() / BigInt(NS_PER_SEC));
  if (addrOut !== 0) task.mm.writeU64(addrOut, BigInt(seconds));
  return seconds;
}

/** struct tms: utime, stime, cutime, cstime in clock ticks. */
function sysTimes(task: Task, buf: number): number {
  const ticks = (ns: number): bigint => BigInt(Math.floor(ns / CLOCK_TICK_NS));
  if (buf !== 0) {
    task.mm.writeU64(buf, ticks(groupCpuNs(task.group)));
    task.mm.writeU64(buf + 8, 0n);
    task.mm.writeU64(buf + 16, ticks(task.group.childUsage.cpuTimeNs));
    task.mm.writeU64(buf + 24, 0n);
  }
  return Math.floor(task.kernel.monotonicNs() / CLOCK_TICK_NS);
}

/** Continuation of a sleep: when it ends, and where the rest goes. */
interface SleepData {
  readonly deadline: CallDeadline;
  readonly isAbsolute: boolean;
  readonly remAddr: number;
}

function sleep(task: Task, start: () => SleepData): SyscallResult {
  const state = task.syscall!;
  state.data ??= start();
  const { deadline } = state.data as SleepData;
  if (state.timedOut || task.kernel.monotonicNs() >= monotonicDeadlineNs(task.kernel, deadline)) return 0;
  return waitUntil(task.kernel, [], deadline);
}

/** nanosleep(2) EINTR: the time that is left is stored for relative sleeps. */
function interruptedSleep(task: Task): number {
  const data = task.syscall!.data as SleepData;
  if (data.isAbsolute) return -Restart.ERESTARTNOHAND;
  if (data.remAddr !== 0) writeTimespecNs(task.mm, data.remAddr, Math.max(0, data.deadline.atNs - task.kernel.monotonicNs()));
  task.restartBlock = { ...task.syscall!, resumed: true, timedOut: false };
  return -Restart.ERESTART_RESTARTBLOCK;
}

const after = (task: Task, ns: number): CallDeadline => ({ atNs: task.kernel.monotonicNs() + ns, isRealtime: false });

function sysNanosleep(task: Task, req: number, rem: number): SyscallResult {
  return sleep(task, () => ({ deadline: after(task, readTimespecNs(task.mm, req)), isAbsolute: false, remAddr: rem }));
}

function sysClockNanosleep(task: Task, id: number, flagBits: number, req: number, rem: number): SyscallResult {
  const found = clockOf(task.kernel, task.group, task.tid, id);
  if (!found || id === ClockId.THREAD_CPUTIME) return -Errno.EINVAL;
  const isAbsolute = (flagBits & TIMER_ABSTIME) !== 0;
  return sleep(task, () => {
    const ns = readTimespecNs(task.mm, req);
    if (!isAbsolute) return { deadline: after(task, ns), isAbsolute, remAddr: rem };
    const deadline = found.isRealtime ? { atNs: ns, isRealtime: true } : after(task, ns - found.clock.nowNs());
    return { deadline, isAbsolute, remAddr: rem };
  });
}

const TIMEX_BYTES = 208;
const ADJ_READ_ONLY = 0x8000;

/** adjtimex(2): reading only; a clock that is set correctly (TIME_OK). */
function adjtimex(task: Task, buf: number): number {
  const modes = task.mm.readU32(buf);
  if (modes !== 0 && modes !== ADJ_READ_ONLY) return -Errno.EPERM;
  task.mm.zeroOut(buf + 8, TIMEX_BYTES - 8);
  task.mm.writeU64(buf + 16, 0n);
  writeTimevalNs(task.mm, buf + 72, task.kernel.realtimeNs());
  task.mm.writeU64(buf + 88, 10_000n);
  return 0;
}

export const rows: readonly SyscallRow[] = [
  { nr: 228, name: 'clock_gettime', args: [choice('clockid', CLOCKS), outBuf('tp', 16)], groups: ['%time'], support: 'full', man: 'clock_gettime(2)', handler: sysClockGettime },
  { nr: 229, name: 'clock_getres', args: [choice('clockid', CLOCKS), outBuf('res', 16)], groups: ['%time'], support: 'full', man: 'clock_getres(2)', handler: sysClockGetres },
  { nr: 227, name: 'clock_settime', args: [choice('clockid', CLOCKS), inBuf('tp', 16)], groups: ['%time'], support: 'full', man: 'clock_settime(2)', handler: sysClockSettime },
  { nr: 96, name: 'gettimeofday', args: [outBuf('tv', 16), outBuf('tz', 8)], groups: ['%time'], support: 'full', man: 'gettimeofday(2)', handler: sysGettimeofday },
  { nr: 164, name: 'settimeofday', args: [inBuf('tv', 16), inBuf('tz', 8)], groups: ['%time'], support: { partial: 'no time zone' }, man: 'settimeofday(2)', handler: sysSettimeofday },
  { nr: 201, name: 'time', args: [addr('tloc')], groups: ['%time'], support: 'full', man: 'time(2)', handler: sysTime },
  { nr: 100, name: 'times', args: [outBuf('buf', 32)], groups: ['%time'], support: { partial: 'all CPU time counts as user time' }, man: 'times(2)', handler: sysTimes },
  { nr: 35, name: 'nanosleep', args: [inBuf('req', 16), outBuf('rem', 16)], groups: ['%time'], restart: 'ERESTART_RESTARTBLOCK', support: 'full', man: 'nanosleep(2)', handler: sysNanosleep, interrupted: interruptedSleep },
  { nr: 230, name: 'clock_nanosleep', args: [choice('clockid', CLOCKS), flags('flags', [['TIMER_ABSTIME', 1]]), inBuf('req', 16), outBuf('rem', 16)], groups: ['%time'], restart: 'ERESTART_RESTARTBLOCK', support: 'full', man: 'clock_nanosleep(2)', handler: sysClockNanosleep, interrupted: interruptedSleep },
  { nr: 159, name: 'adjtimex', args: [addr('buf')], groups: ['%time'], support: { partial: 'reading only' }, man: 'adjtimex(2)', handler: adjtimex },
  { nr: 305, name: 'clock_adjtime', args: [int('clk_id'), addr('buf')], groups: ['%time'], support: { partial: 'reading only' }, man: 'clock_adjtime(2)', handler: (task: Task, id: number, buf: number) => (nowOf(task, id) === undefined ? -Errno.EINVAL : id === ClockId.REALTIME ? adjtimex(task, buf) : -Errno.EOPNOTSUPP) },
];
