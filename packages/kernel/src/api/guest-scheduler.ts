import type { Expiry, TimerHandle, TimerQueue } from '@troupe/time';
import { Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';

/** A piece of work that waits for its time in a kernel. */
export class GuestAction<T> extends Subscription implements SchedulerAction<T>, Expiry {
  /** Armed while the work waits. */
  timer: TimerHandle | undefined;
  private _state: T | undefined;

  constructor(readonly scheduler: GuestScheduler, readonly work: (this: SchedulerAction<T>, state?: T) => void) {
    super(() => scheduler.timers.cancel(this.timer));
  }

  schedule(state?: T, delayMs = 0): Subscription {
    if (this.closed) return this;
    const { timers } = this.scheduler;
    this._state = state;
    timers.cancel(this.timer);
    this.timer = timers.arm(timers.clock.nowNs() + Math.max(0, delayMs) * 1e6, this);
    this.scheduler.onArmed();
    return this;
  }

  /** The work may call the kernel, so it waits until the kernel is done with the timers that are due. */
  onExpire(): void {
    queueMicrotask(() => {
      if (!this.closed) this.work(this._state);
    });
  }
}

/** rxjs scheduler of a kernel's monotonic time: `timer(3_600_000, kernel.scheduler)` fires when an hour has passed in the guest. */
export class GuestScheduler implements SchedulerLike {
  constructor(readonly timers: TimerQueue, readonly realtimeNs: () => bigint, readonly onArmed: () => void) {}

  /** Milliseconds since the epoch, as the guest sees them. */
  now(): number {
    return Number(this.realtimeNs() / 1_000_000n);
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delayMs = 0, state?: T): Subscription {
    return new GuestAction(this, work).schedule(state, delayMs);
  }
}
