/**
 * Events for system calls the kernel does not have (kernel.go EmitUnimplementedEvent).
 *
 * Owns:   the listeners, the rate limit.
 * Order:  registers are copied before a listener is told; a listener that is not there costs nothing.
 */
import { TCB } from '@troupe/abi';
import type { Clock } from '@troupe/time';
import type { Task } from '../task/task.js';
import { RateLimiter } from './rate-limiter.js';

/** Events per second, and at once. */
export const UNIMPLEMENTED_MAX_RATE = 100;
export const UNIMPLEMENTED_BURST = 1000;
const GPR_COUNT = 16;

/** unimplemented_syscall.proto: who called what. */
export interface UnimplementedSyscall {
  readonly tid: number;
  readonly nr: number;
  /** General registers in Intel's order (rax rcx rdx rbx rsp rbp rsi rdi r8 …). */
  readonly registers: readonly bigint[];
  readonly rip: bigint;
}

export type UnimplementedListener = (event: UnimplementedSyscall) => void;

export class UnimplementedEvents {
  private readonly _listeners = new Set<UnimplementedListener>();
  private readonly _limiter: RateLimiter;

  constructor(clock: Clock) {
    this._limiter = new RateLimiter(clock, UNIMPLEMENTED_MAX_RATE, UNIMPLEMENTED_BURST);
  }

  /** Events that fell to the rate limit. */
  get dropped(): number {
    return this._limiter.refused;
  }

  /** Returns the end of the subscription. */
  subscribe(listener: UnimplementedListener): () => void {
    this._listeners.add(listener);
    return () => void this._listeners.delete(listener);
  }

  emit(task: Task, nr: number): void {
    if (this._listeners.size === 0 || !this._limiter.take()) return;
    const gpr = (task.tcb + TCB.off.gpr) / 8;
    const event = { tid: task.tid, nr, rip: task.rip, registers: [...task.shared.u64.subarray(gpr, gpr + GPR_COUNT)] };
    for (const listener of this._listeners) listener(event);
  }
}
