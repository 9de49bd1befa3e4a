/**
 * Timers actor: deadlines on the monotonic clock (kernel.go timers over the Timekeeper).
 *
 * Owns:      the armed deadlines.
 * Accepts:   Timers.Expire → how many expired. Arming and cancelling are direct calls.
 * May ask:   TaskSet, Signals (expiries of interval and POSIX timers).
 * Order:     deadlines expire in time order, equal ones in arming order; an expiry runs to its end
 *            before the next one. The host loop sleeps no longer than until `nextNs`.
 * Saved as:  Timers 1 (time left of each deadline).
 */
import type { Actor, Body, MessageType, Reply } from '@troupe/abi';
import { TimerQueue } from '@troupe/time';
import type { Kernel } from './kernel.js';

export class Timers extends TimerQueue implements Actor {
  readonly actorName = 'Timers';

  constructor(readonly kernel: Kernel) {
    super(kernel.timekeeper.monotonicClock, () => kernel.host.kick());
  }

  /** Host loop: handles everything due. */
  override expire(nowNs: number): number {
    return this.nextNs > nowNs ? 0 : this.kernel.actors.ask('Timers.Expire', { nowNs });
  }

  receive<T extends MessageType>(_type: T, body: Body<T>): Reply<T> {
    return super.expire((body as Body<'Timers.Expire'>).nowNs) as Reply<T>;
  }
}
