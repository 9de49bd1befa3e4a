/** Timers read as descriptors (timerfd_create(2)). */
import { EPOLLIN, Errno, O_RDWR, type Waiter } from '@troupe/abi';
import type { Expiry, Timekeeper, TimerHandle, TimerQueue } from '@troupe/time';
import { newAnonymousNode } from './anonymous.js';
import { FileDescription } from './file-description.js';

const BYTES = 8;

/** Time left and period; 0 = disarmed, not periodic. */
export interface TimerSetting {
  readonly valueNs: number;
  readonly intervalNs: number;
}

/** What the deadline of timerfd_settime(2) counts on. `cancelled-realtime`: TFD_TIMER_CANCEL_ON_SET. */
export type TimerBase = 'now' | 'monotonic' | 'realtime' | 'cancelled-realtime';

export class TimerFile extends FileDescription implements Expiry, Waiter {
  readonly events = 0;
  /** Next expiry on the monotonic clock; Infinity = disarmed. */
  private _nextNs = Infinity;
  private _intervalNs = 0;
  /** The deadline passed and nobody read it; a periodic timer rests until then, as Linux does. */
  private _hasExpired = false;
  private _wasClockSet = false;
  private _armed: TimerHandle | undefined;
  private _base: TimerBase = 'now';
  /** Realtime less monotonic time when the deadline was computed. */
  private _realtimeOffsetNs = 0n;

  constructor(readonly clockId: number, readonly timers: TimerQueue, readonly timekeeper: Timekeeper, flags: number) {
    super(newAnonymousNode('[timerfd]'), O_RDWR | flags);
  }

  /** timerfd_settime(2): `valueNs` on the base; 0 disarms. -ECANCELED, but armed, when nobody read that the clock was set. */
  set(valueNs: number, intervalNs: number, base: TimerBase): number {
    const wasClockSet = this._wasClockSet;
    this.timers.cancel(this._armed);
    this._armed = undefined;
    this._hasExpired = false;
    this._wasClockSet = false;
    this._intervalNs = intervalNs;
    this._base = base;
    this._realtimeOffsetNs = this.timekeeper.realtimeOffsetNs;
    this.timekeeper.realtimeSet.remove(this);
    if (this._followsRealtime) this.timekeeper.realtimeSet.add(this);
    this._nextNs = valueNs === 0 ? Infinity : this._monotonicNs(valueNs);
    this._arm();
    return wasClockSet && valueNs !== 0 ? -Errno.ECANCELED : 0;
  }

  private get _followsRealtime(): boolean {
    return this._base === 'realtime' || this._base === 'cancelled-realtime';
  }

  private _monotonicNs(valueNs: number): number {
    if (this._base === 'now') return this.timers.clock.nowNs() + valueNs;
    return this._base === 'monotonic' ? valueNs : Number(BigInt(valueNs) - this._realtimeOffsetNs);
  }

  /** timerfd_gettime(2): time to the next expiry, counting the periods that passed unread. */
  get setting(): TimerSetting {
    if (this._nextNs === Infinity) return { valueNs: 0, intervalNs: this._intervalNs };
    const nowNs = this.timers.clock.nowNs();
    const leftNs = this._nextNs - nowNs;
    if (leftNs > 0) return { valueNs: leftNs, intervalNs: this._intervalNs };
    if (this._intervalNs === 0) return { valueNs: 0, intervalNs: 0 };
    return { valueNs: this._intervalNs - (-leftNs % this._intervalNs), intervalNs: this._intervalNs };
  }

  onExpire(): void {
    this._armed = undefined;
    this._hasExpired = true;
    this.waiters.wake(EPOLLIN);
  }

  /** The realtime clock was set. */
  onWake(): void {
    const offsetNs = this.timekeeper.realtimeOffsetNs;
    this._nextNs += Number(this._realtimeOffsetNs - offsetNs);
    this._realtimeOffsetNs = offsetNs;
    if (this._armed) {
      this.timers.cancel(this._armed);
      this._arm();
    }
    if (this._base !== 'cancelled-realtime') return;
    this._wasClockSet = true;
    this.waiters.wake(EPOLLIN);
  }

  override read(dst: Uint8Array): number {
    if (dst.length < BYTES) return -Errno.EINVAL;
    if (this._wasClockSet) {
      this._wasClockSet = false;
      this._hasExpired = false;
      return -Errno.ECANCELED;
    }
    if (!this._hasExpired) return -Errno.EAGAIN;
    this._hasExpired = false;
    new DataView(dst.buffer, dst.byteOffset).setBigUint64(0, BigInt(this._takeTicks()), true);
    return BYTES;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override poll(): number {
    return this._hasExpired || this._wasClockSet ? EPOLLIN : 0;
  }

  override fdInfo(): string {
    const { valueNs, intervalNs } = this.setting;
    const pair = (ns: number) => `(${Math.floor(ns / 1e9)}, ${Math.floor(ns % 1e9)})`;
    return `clockid: ${this.clockId}\nticks: ${this._hasExpired ? 1 : 0}\nsettime flags: 01\nit_value: ${pair(valueNs)}\nit_interval: ${pair(intervalNs)}\n`;
  }

  protected override release(): void {
    this.timekeeper.realtimeSet.remove(this);
    this.timers.cancel(this._armed);
    this._armed = undefined;
  }

  /** Expirations since the last read; the next period starts on the grid of the first. */
  private _takeTicks(): number {
    if (this._intervalNs === 0) {
      this._nextNs = Infinity;
      return 1;
    }
    const ticks = 1 + Math.floor((this.timers.clock.nowNs() - this._nextNs) / this._intervalNs);
    this._nextNs += ticks * this._intervalNs;
    this._arm();
    return ticks;
  }

  private _arm(): void {
    if (this._nextNs !== Infinity) this._armed = this.timers.arm(this._nextNs, this);
  }
}
