/** What a trace of the scheduler says. Times: ns since the trace began. Events of different sources are not in order. */
import { Trap } from '@troupe/abi';

export type SchedEvent =
  /** First mention of a task; of a process after execve again, with its new name. */
  | { readonly kind: 'task'; readonly tid: number; readonly tgid: number; readonly name: string; readonly atNs: number }
  /** The task ran guest code. `core`: the emulated CPU; `thread`: whose thread it was, -1 = the kernel's. */
  | { readonly kind: 'slice'; readonly tid: number; readonly core: number; readonly thread: number; readonly startNs: number; readonly endNs: number; readonly end: SliceEnd }
  /** The kernel worked on a trap of the task: the system call, or `fault`, `interrupt`. */
  | { readonly kind: 'kernel'; readonly tid: number; readonly what: string; readonly startNs: number; readonly endNs: number }
  | { readonly kind: 'blocked'; readonly tid: number; readonly what: string; readonly atNs: number }
  /** `by`: the task whose trap woke it, 0 = a timer or the host. */
  | { readonly kind: 'woken'; readonly tid: number; readonly by: number; readonly atNs: number }
  /** It may run, and waits for a core. */
  | { readonly kind: 'ready'; readonly tid: number; readonly atNs: number }
  /** Slices that came faster than they were read. */
  | { readonly kind: 'lost'; readonly slices: number; readonly atNs: number };

/** Why a slice ended. */
export type SliceEnd = 'syscall' | 'exception' | 'interrupt' | 'preempt' | 'error';

const ENDS: Readonly<Record<number, SliceEnd>> = { [Trap.SYSCALL]: 'syscall', [Trap.EXCEPTION]: 'exception', [Trap.INTERRUPT]: 'interrupt', [Trap.PREEMPT]: 'preempt' };

export const sliceEndOf = (trap: number): SliceEnd => ENDS[trap] ?? 'error';
