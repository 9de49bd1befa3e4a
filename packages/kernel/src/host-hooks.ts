/** What the kernel needs from the layer that owns threads (host/). */
import type { Command } from './task/exec-image.js';
import type { ThreadGroup } from './task/thread-group.js';

/** Implemented by host/: run queue, cores, doorbell. */
export interface KernelHost {
  /** Pushes a RUNNABLE TCB on the run queue and wakes an idle core. */
  enqueue(tcb: number): void;
  /** TCB.interrupt was set: makes the core that runs the TCB (if any) leave guest code soon. */
  preempt(tcb: number): void;
  /** The task whose trap is being handled does not go on before others that are runnable. */
  reschedule(): void;
  /** Work arrived outside of a trap, or the next deadline moved closer: the kernel loop must look again. */
  kick(): void;
  /** The process is about to run the program. */
  executed(group: ThreadGroup, command: Command): void;
  /** The process has ended; its usage is final. */
  exited(group: ThreadGroup): void;
}
