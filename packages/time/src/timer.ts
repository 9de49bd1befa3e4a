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
  #setting: Setting = DISABLED;
  #handle: TimerHandle | undefined;
  #paused = false;

  constructor(readonly clock: Clock, readonly queue: TimerQueue, readonly listener: TimerListener) {}

  /** Current setting, with expirations up to now delivered first. */
  get(): Setting {
    this.#advance(this.clock.nowNs());
    return this.#setting;
  }

  /** Installs a setting and returns the previous one. */
  swap(setting: Setting): Setting {
    const previous = this.get();
    this.#setting = setting;
    this.#rearm();
    return previous;
  }

  /** Stops expirations until resume (kernel.go pauseTimeLocked); idempotent. */
  pause(): void {
    this.#paused = true;
    this.queue.cancel(this.#handle);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#rearm();
  }

  destroy(): void {
    this.#setting = DISABLED;
    this.queue.cancel(this.#handle);
  }

  onExpire(): void {
    this.#advance(this.clock.nowNs());
    this.#rearm();
  }

  #advance(nowNs: number): void {
    const { setting, expirations } = settingAt(this.#setting, nowNs);
    this.#setting = setting;
    if (expirations > 0) this.listener.notifyTimer(expirations, nowNs);
  }

  #rearm(): void {
    this.queue.cancel(this.#handle);
    this.#handle = undefined;
    if (!this.#setting.enabled || this.#paused) return;
    const waitNs = this.#setting.nextNs - this.clock.nowNs();
    this.#handle = this.queue.arm(this.queue.clock.nowNs() + waitNs, this);
  }
}
