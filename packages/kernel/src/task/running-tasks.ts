/**
 * runningTasks and the CPU clock (kernel.go incRunningTasks, decRunningTasks, kernelCPUClockTicker).
 *
 * Owns:      runningTasks and cpuClock of KernelHeader, the ticker's setting while it is disabled.
 * Accepts:   inc (a task starts to run), dec (it blocks, stops or exits), ticks of the timer.
 * May ask:   Timers.
 * Order:     the missed ticks are added before runningTasks becomes 1, so that every task sees a valid
 *            cpuClock; the ticker is armed again after that.
 */
import type { SharedMemory } from '@troupe/abi';
import { Invariant, KERNEL_HEADER, KernelHeader, headerWord } from '@troupe/abi';
import type { Clock, Setting, TimerListener, TimerQueue } from '@troupe/time';
import { Timer, settingAt } from '@troupe/time';

/** linux.ClockTick. */
export const CLOCK_TICK_NS = 10_000_000;

const RUNNING = headerWord('runningTasks');
const CPU_CLOCK = (KERNEL_HEADER + KernelHeader.off.cpuClock) / 8;

export class RunningTasks implements TimerListener {
  private readonly _ticker: Timer;
  private _tickerDisabled = false;
  /** Setting at the moment the ticker was disabled; valid while #tickerDisabled. */
  private _tickerSetting: Setting | null = null;
  /** Told about every tick, for CPU-time timers and RLIMIT_CPU. */
  onTick: (() => void) | null = null;

  constructor(readonly shared: SharedMemory, readonly clock: Clock, timers: TimerQueue) {
    this._ticker = new Timer(clock, timers, this);
  }

  get count(): number {
    return Atomics.load(this.shared.i32, RUNNING);
  }

  get isTickerDisabled(): boolean {
    return this._tickerDisabled;
  }

  cpuClockNow(): bigint {
    return Atomics.load(this.shared.u64, CPU_CLOCK);
  }

  startTicker(): void {
    this._ticker.swap({ enabled: true, nextNs: this.clock.nowNs() + CLOCK_TICK_NS, periodNs: CLOCK_TICK_NS });
  }

  pause(): void {
    this._ticker.pause();
  }

  resume(): void {
    this._ticker.resume();
  }

  inc(): void {
    const { i32, u64 } = this.shared;
    if (Atomics.load(i32, RUNNING) !== 0 || !this._tickerDisabled) {
      Atomics.add(i32, RUNNING, 1);
      return;
    }
    const { setting, expirations } = settingAt(this._tickerSetting!, this.clock.nowNs());
    if (expirations > 0) Atomics.add(u64, CPU_CLOCK, BigInt(expirations));
    Atomics.store(i32, RUNNING, 1);
    this._tickerDisabled = false;
    this._ticker.swap(setting);
  }

  dec(): void {
    const before = Atomics.sub(this.shared.i32, RUNNING, 1);
    if (before <= 0) throw new Invariant(`Invalid running count ${before - 1}`);
  }

  /** kernelCPUClockTicker.Notify: one tick however many periods passed; stops when nothing runs. */
  notifyTimer(): void {
    Atomics.add(this.shared.u64, CPU_CLOCK, 1n);
    this.onTick?.();
    if (this.count === 0) this._disable();
  }

  private _disable(): void {
    this._tickerSetting = this._ticker.get();
    this._tickerDisabled = true;
    this._ticker.destroy();
  }
}
