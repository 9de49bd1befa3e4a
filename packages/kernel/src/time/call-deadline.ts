/** When a waiting call gives up, on the clock its caller named. Deadlines on the realtime clock move when that clock is set. */
import type { Kernel } from '../kernel.js';
import { block, type Block } from '../syscall/row.js';

/** Plain data: part of a call's continuation. */
export interface CallDeadline {
  /** ns on the clock; Infinity = none. */
  readonly atNs: number;
  readonly isRealtime: boolean;
}

export const NO_DEADLINE: CallDeadline = { atNs: Infinity, isRealtime: false };

/** The deadline on the monotonic clock, as things are now. */
export function monotonicDeadlineNs(kernel: Kernel, { atNs, isRealtime }: CallDeadline): number {
  return isRealtime ? kernel.monotonicNs() + (atNs - Number(kernel.realtimeNs())) : atNs;
}

/** Waits for the queues until the deadline; runs again early when the clock of the deadline is set. */
export function waitUntil(kernel: Kernel, queues: Block['queues'], deadline: CallDeadline): Block {
  if (deadline.atNs === Infinity) return block(queues);
  const all = deadline.isRealtime ? [...queues, { queue: kernel.timekeeper.realtimeSet, events: 0 }] : queues;
  return block(all, monotonicDeadlineNs(kernel, deadline));
}
