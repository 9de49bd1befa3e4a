import { WaitQueue } from '@troupe/abi';
import type { Clock, TimeSource } from './clock.js';
import { VirtualTimeSource } from './virtual-time.js';

/**
 * Timekeeper of one kernel (kernel.go Timekeeper): monotonic time since kernel start, realtime, and
 * the offsets that keep both continuous across pauses and restores.
 *
 * Monotonic nanoseconds are numbers: exact for 104 days of uptime.
 */
export class Timekeeper {
  /** Source time that corresponds to monotonic 0. */
  private _bootNs: bigint;
  /** Added to the source's realtime (clock_settime). */
  private _realtimeOffsetNs = 0n;
  /** Monotonic time at which updates were paused, or undefined while running. */
  private _pausedAtNs: bigint | undefined;
  /** Woken when realtime moved and monotonic time did not: it was set, or went on during a pause. */
  readonly realtimeSet = new WaitQueue();

  constructor(readonly source: TimeSource, startNs = 0n) {
    this._bootNs = source.monotonicNs() - startNs;
  }

  /** ns since kernel start; stands still while updates are paused. */
  monotonicNs(): number {
    return Number(this._pausedAtNs ?? this.source.monotonicNs() - this._bootNs);
  }

  /** ns since the epoch. */
  realtimeNs(): bigint {
    return this.source.realtimeNs() + this._realtimeOffsetNs;
  }

  setRealtimeNs(valueNs: bigint): void {
    this._realtimeOffsetNs += valueNs - this.realtimeNs();
    this.realtimeSet.wake(0);
  }

  /** Realtime less monotonic time. */
  get realtimeOffsetNs(): bigint {
    return this.realtimeNs() - BigInt(this.monotonicNs());
  }

  /** Stops monotonic time (kernel.go pauseTimeLocked); idempotent. */
  pauseUpdates(): void {
    this._pausedAtNs ??= this.source.monotonicNs() - this._bootNs;
  }

  get isPaused(): boolean {
    return this._pausedAtNs !== undefined;
  }

  /** Goes on where pauseUpdates stopped; idempotent. */
  resumeUpdates(): void {
    if (this._pausedAtNs === undefined) return;
    this._bootNs = this.source.monotonicNs() - this._pausedAtNs;
    this._pausedAtNs = undefined;
    this.realtimeSet.wake(0);
  }

  /** Host milliseconds until the monotonic clock shows `deadlineNs`; Infinity when it stands still. */
  hostMsUntil(deadlineNs: number): number {
    const leftNs = deadlineNs - this.monotonicNs();
    return (this.source instanceof VirtualTimeSource ? this.source.hostNsFor(leftNs) : Math.max(0, leftNs)) / 1e6;
  }

  /** The clocks move with the host's: 1 ns per ns. */
  get isSteady(): boolean {
    return !(this.source instanceof VirtualTimeSource) || this.source.flow.rate === 1;
  }

  /** Source time of monotonic 0, for the vDSO parameter page. */
  get bootSourceNs(): bigint {
    return this._bootNs;
  }

  readonly monotonicClock: Clock = { nowNs: () => this.monotonicNs() };
  /** Realtime as a number: 256 ns granularity, good enough for deadlines. */
  readonly realtimeClock: Clock = { nowNs: () => Number(this.realtimeNs()) };
}
