/**
 * What a traced task knows of its tracer (ptrace(2)).
 *
 * Owns:    Task.tracing and Task.resume of the tracee, Task.tracees of the tracer; kernel thread only.
 * Order:   a tracee is in a ptrace-stop exactly while `stop` is set; a request that resumes it clears
 *          `stop` and sets Task.resume, and the task goes on from drain(), never inside the request.
 * Saved:   plain data and references to tasks.
 */
import type { SigInfo } from '@troupe/abi';
import { PtraceOption } from '@troupe/abi';
import type { Task } from '../task/task.js';
import { DebugRegisters } from './debug-registers.js';

/**
 * Where a stopped task goes on:
 *   signal        act on the signal the tracer chose, then return to user mode
 *   user          return to user mode (group-stop, PTRACE_EVENT_STOP, step into a handler)
 *   syscall-enter seccomp, then run the call of orig_rax
 *   seccomp       run the call of orig_rax
 *   retry         run the handler of the call again (an event in the middle of vfork)
 *   leave         the rest of the way out of a system call
 *   exit          end the task
 */
export type ResumePoint = 'signal' | 'user' | 'syscall-enter' | 'seccomp' | 'retry' | 'leave' | 'exit';

export type StopKind = 'signal' | 'group' | 'syscall-enter' | 'syscall-exit' | 'event';

export interface PtraceStop {
  readonly kind: StopKind;
  readonly resumeAt: ResumePoint;
  /** Status word without the low 0x7f, shifted down: signal, | 0x80 for system calls, | event << 8. */
  readonly code: number;
  /** PTRACE_GETSIGINFO; null in a group-stop of a task that was not seized. */
  info: SigInfo | null;
  /** wait(2) has told the tracer. */
  isReported: boolean;
}

/** Where a resumed task goes on, and the signal the tracer chose for it. */
export interface Resume {
  readonly at: ResumePoint;
  readonly signal: SigInfo | null;
}

/** How the tracee was resumed last. */
export type ResumeMode = 'cont' | 'syscall' | 'step' | 'sysemu' | 'sysemu-step';

export class Tracing {
  options = 0;
  mode: ResumeMode = 'cont';
  stop: PtraceStop | null = null;
  /** PTRACE_GETEVENTMSG. */
  eventMessage = 0;
  /** Events that wait for the task to leave its system call, oldest first. */
  readonly events: { readonly event: number; readonly message: number }[] = [];
  /** PTRACE_INTERRUPT, or the first stop of a task attached as the child of a seized one. */
  trapRequested = false;
  /** Resumed by the tracer while the group stop of its process lasts. */
  leftGroupStop = false;
  /** PTRACE_LISTEN: stopped, but not for requests. */
  isListening = false;
  /** The call at whose entry the task stopped is not made (PTRACE_SYSEMU). */
  skipsCall = false;
  /** RFLAGS.TF was set by PTRACE_SINGLESTEP or for debug registers, and not by the program. */
  forcedTrapFlag = false;

  /** Gone with the program that they were set for. */
  debug = new DebugRegisters();

  constructor(readonly tracer: Task, readonly isSeized: boolean) {}

  has(option: number): boolean {
    return (this.options & option) !== 0;
  }

  get stopsAtSyscalls(): boolean {
    return this.mode === 'syscall' || this.emulates;
  }

  get emulates(): boolean {
    return this.mode === 'sysemu' || this.mode === 'sysemu-step';
  }

  get steps(): boolean {
    return this.mode === 'step' || this.mode === 'sysemu-step';
  }

  /** The event is asked for by its option. */
  wants(event: number): boolean {
    return this.has(1 << event);
  }

  get syscallBit(): number {
    return this.has(PtraceOption.TRACESYSGOOD) ? 0x80 : 0;
  }
}
