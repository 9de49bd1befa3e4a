/** The part of the kernel's timers that descriptors use: one-shot deadlines on the monotonic clock. */
export interface TimerQueue {
  readonly monotonicNs: () => number;
  arm(deadlineNs: number, target: TimerExpiry): ArmedDeadline;
}

export interface TimerExpiry {
  onExpire(): void;
}

export interface ArmedDeadline {
  cancel(): void;
}
