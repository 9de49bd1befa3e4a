import type { Clock } from './clock.js';
import { DISABLED, type Setting, settingAt } from './setting.js';
import type { Expiry, TimerHandle, TimerQueue } from './timer-queue.js';

/** Receives expirations of a Timer (ktime.TimerListener of the seed). */
export interface TimerListener {
  /** `expirations` periods passed since the last notification. */
  notifyTimer(expirations: number, nowNs: number): void;
}

/**
 * An interval timer over a clock whose deadlines a TimerQueue watches (ktime.Timer of the seed).
 * Used by itimers, POSIX timers, timerfd and the CPU clock ticker.
 */
export class Timer implements Expiry {
  private _setting: Setting = DISABLED;
  private _handle: TimerHandle | undefined;
  private _paused = false;

  constructor(readonly clock: Clock, readonly queue: TimerQueue, readonly listener: TimerListener) {}

  /** Current setting, with expirations up to now delivered first. */
  get(): Setting {
    this._advance(this.clock.nowNs());
    return this._setting;
  }

  /** Installs a setting and returns the previous one. */
  swap(setting: Setting): Setting {
    const previous = this.get();
    this._setting = setting;
    this._rearm();
    return previous;
  }

  /** Stops expirations until resume (kernel.go pauseTimeLocked); idempotent. */
  pause(): void {
    this._paused = true;
    this.queue.cancel(this._handle);
  }

  resume(): void {
    if (!this._paused) return;
    this._paused = false;
    this._rearm();
  }

  destroy(): void {
    this._setting = DISABLED;
    this.queue.cancel(this._handle);
  }

  /** The clock was set: the next expiration stays where it is on the clock. */
  onClockSet(): void {
    this._rearm();
  }

  onExpire(): void {
    this._advance(this.clock.nowNs());
    this._rearm();
  }

  private _advance(nowNs: number): void {
    const { setting, expirations } = settingAt(this._setting, nowNs);
    this._setting = setting;
    if (expirations > 0) this.listener.notifyTimer(expirations, nowNs);
  }

  private _rearm(): void {
    this.queue.cancel(this._handle);
    this._handle = undefined;
    if (!this._setting.enabled || this._paused) return;
    const waitNs = this._setting.nextNs - this.clock.nowNs();
    this._handle = this.queue.arm(this.queue.clock.nowNs() + waitNs, this);
  }
}
