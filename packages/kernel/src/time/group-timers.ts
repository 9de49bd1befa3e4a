/**
 * Timers of a process: ITIMER_REAL/VIRTUAL/PROF and POSIX timers (setitimer(2), timer_create(2)).
 *
 *   Owns:  the timers of one thread group
 *   Sends: Signals.sendToGroup / sendToTask at expirations
 *
 * Timers on CPU clocks are looked at on every tick of the kernel's CPU clock (10 ms), as on Linux
 * without high-resolution CPU timers.
 */
import { ClockId, Si, Sig, SigevNotify, type Waiter } from '@troupe/abi';
import { DISABLED, settingAt, Timer, type Clock, type Setting, type TimerListener } from '@troupe/time';
import type { Kernel } from '../kernel.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { GroupCpuClock, TaskCpuClock } from './cpu-clocks.js';
import { checkCpuLimit } from './cpu-limit.js';

/** What an expiration does (struct sigevent). */
export interface Notification {
  readonly notify: number;
  readonly signo: number;
  readonly value: bigint;
  /** Target of SIGEV_THREAD_ID; 0 = the process. */
  readonly tid: number;
}

/** A timer over wall or CPU time that notifies a process. */
export class ProcessTimer implements TimerListener, Waiter {
  readonly events = 0;
  /** Expirations since the last delivered signal, less one (timer_getoverrun(2)). */
  overrun = 0;
  private _wall: Timer | null;
  /** Setting of a CPU-clock timer; wall timers keep theirs in #wall. */
  private _cpuSetting: Setting = DISABLED;

  constructor(readonly group: ThreadGroup, readonly id: number, readonly namedClock: Clock, readonly isCpuClock: boolean, readonly notification: Notification | null, readonly signo: number) {
    this._wall = isCpuClock ? null : new Timer(namedClock, group.kernel.timers, this);
    if (this._isRealtime) group.kernel.timekeeper.realtimeSet.add(this);
  }

  get(): Setting {
    if (this._wall) return this._wall.get();
    this.checkCpu();
    return this._cpuSetting;
  }

  swap(setting: Setting): Setting {
    this.overrun = 0;
    if (this._wall) return this._wall.swap(setting);
    const old = this.get();
    this._cpuSetting = setting;
    return old;
  }

  /** Follows its clock when that is set. */
  private get _isRealtime(): boolean {
    return this.namedClock === this.group.kernel.realtimeClock;
  }

  /** The clock that settings count on. */
  get clock(): Clock {
    return this._wall?.clock ?? this.namedClock;
  }

  /** Disarms; settings then count on the timer's clock, or on time that passes, which does not follow when that clock is set. */
  rebase(base: 'clock' | 'elapsed'): void {
    if (!this._isRealtime) return;
    this._wall?.destroy();
    this._wall = new Timer(base === 'clock' ? this.namedClock : this.group.kernel.monotonicClock, this.group.kernel.timers, this);
  }

  onWake(): void {
    this._wall?.onClockSet();
  }

  destroy(): void {
    this._wall?.destroy();
    this.group.kernel.timekeeper.realtimeSet.remove(this);
    this._cpuSetting = DISABLED;
  }

  /** Called on every CPU clock tick. */
  checkCpu(): void {
    if (!this._cpuSetting.enabled) return;
    const { setting, expirations } = settingAt(this._cpuSetting, this.clock.nowNs());
    this._cpuSetting = setting;
    if (expirations > 0) this.notifyTimer(expirations);
  }

  notifyTimer(expirations: number): void {
    this.overrun = Math.min(expirations - 1, 0x7fff_ffff);
    const { kernel } = this.group;
    if (!this.notification) {
      kernel.signals.sendToGroup(this.group, { signo: this.signo, code: Si.KERNEL, pid: 0, uid: 0 });
      return;
    }
    if (this.notification.notify === SigevNotify.NONE) return;
    const info = { signo: this.notification.signo, code: Si.TIMER, timerId: this.id, overrun: this.overrun, value: this.notification.value };
    const target = this.notification.tid !== 0 ? kernel.tasks.byTid(this.notification.tid) : undefined;
    if (target) kernel.signals.sendToTask(target, info);
    else kernel.signals.sendToGroup(this.group, info);
  }
}

const ITIMER_SIGNALS = [Sig.ALRM, Sig.VTALRM, Sig.PROF];

export class GroupTimers {
  private readonly _itimers: (ProcessTimer | undefined)[] = [];
  readonly posix = new Map<number, ProcessTimer>();
  private _nextId = 0;

  constructor(readonly group: ThreadGroup) {}

  itimer(which: number): ProcessTimer {
    return (this._itimers[which] ??= new ProcessTimer(
      this.group, -1, which === 0 ? this.group.kernel.monotonicClock : new GroupCpuClock(this.group), which !== 0, null, ITIMER_SIGNALS[which]!,
    ));
  }

  create(clock: Clock, isCpuClock: boolean, notification: Notification): ProcessTimer {
    const timer = new ProcessTimer(this.group, this._nextId++, clock, isCpuClock, notification, notification.signo);
    this.posix.set(timer.id, timer);
    return timer;
  }

  delete(id: number): boolean {
    const timer = this.posix.get(id);
    timer?.destroy();
    return this.posix.delete(id);
  }

  checkCpuTimers(): void {
    for (const timer of this._itimers) if (timer?.isCpuClock) timer.checkCpu();
    for (const timer of this.posix.values()) if (timer.isCpuClock) timer.checkCpu();
  }

  /** execve: POSIX timers go, interval timers stay (execve(2)). */
  dropForExec(): void {
    for (const id of [...this.posix.keys()]) this.delete(id);
  }

  /** Process exit. */
  destroy(): void {
    this.dropForExec();
    for (const timer of this._itimers) timer?.destroy();
  }
}

export function timersOf(group: ThreadGroup): GroupTimers {
  group.timers ??= new GroupTimers(group);
  return group.timers as GroupTimers;
}

/** Connects CPU-time timers and limits to the kernel's CPU clock ticks. */
export function watchCpuTimers(kernel: Kernel): void {
  kernel.running.onTick = () => {
    for (const group of kernel.tasks.groups) {
      if (group.timers) (group.timers as GroupTimers).checkCpuTimers();
      checkCpuLimit(group);
    }
  };
}

/** The clock of a clockid for a caller; undefined = EINVAL. Per-process ids use ~pid << 3 (clock_getcpuclockid(3)). */
export function clockOf(kernel: Kernel, group: ThreadGroup, tid: number, id: number): { readonly clock: Clock; readonly isCpuClock: boolean; readonly isRealtime: boolean } | undefined {
  if (id < 0) return dynamicClock(kernel, group, tid, id);
  switch (id) {
    case ClockId.REALTIME: case ClockId.REALTIME_COARSE: case ClockId.REALTIME_ALARM: case ClockId.TAI:
      return { clock: kernel.realtimeClock, isCpuClock: false, isRealtime: true };
    case ClockId.MONOTONIC: case ClockId.MONOTONIC_RAW: case ClockId.MONOTONIC_COARSE: case ClockId.BOOTTIME: case ClockId.BOOTTIME_ALARM:
      return { clock: kernel.monotonicClock, isCpuClock: false, isRealtime: false };
    case ClockId.PROCESS_CPUTIME:
      return { clock: new GroupCpuClock(group), isCpuClock: true, isRealtime: false };
    case ClockId.THREAD_CPUTIME: {
      const task = kernel.tasks.byTid(tid);
      return task && { clock: new TaskCpuClock(task), isCpuClock: true, isRealtime: false };
    }
    default:
      return undefined;
  }
}

/** Id 0 is the caller; clocks of threads of other processes are out of reach (Linux pid_for_clock). */
function dynamicClock(kernel: Kernel, group: ThreadGroup, tid: number, id: number): ReturnType<typeof clockOf> {
  const pid = ~(id >> 3);
  const task = pid === 0 ? kernel.tasks.byTid(tid) : group.pidNamespace.taskWithId(pid);
  const isOfThread = (id & 4) !== 0;
  if (!task || (id & 3) === 3 || (isOfThread && task.group !== group)) return undefined;
  return { clock: isOfThread ? new TaskCpuClock(task) : new GroupCpuClock(task.group), isCpuClock: true, isRealtime: false };
}
