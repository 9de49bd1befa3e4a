/** Ptrace-stops: what a traced task does when it enters one (ptrace(2), "Stopped states"). */
import type { ExitStatus, SigInfo } from '@troupe/abi';
import { Flag, PTRACE_EVENTMSG_SYSCALL_ENTRY, PTRACE_EVENTMSG_SYSCALL_EXIT, PtraceEvent, Sa, Si, Sig, TCB, waitStatus } from '@troupe/abi';
import { shownPid, shownUid } from '../namespace/id-view.js';
import { childInfo } from '../task/child-info.js';
import type { Task } from '../task/task.js';
import type { PtraceStop, ResumePoint } from './tracing.js';

/** SIGTRAP of a stop that no signal caused: the code tells which (ptrace_notify). */
export function stopInfo(task: Task, signo: number, code: number): SigInfo {
  return { signo, code, pid: shownPid(task, task.tid), uid: shownUid(task, task.creds.uid) };
}

/** Stops the task for its tracer. Preconditions: traced; state running. */
export function enterStop(task: Task, stop: Omit<PtraceStop, 'isReported'>, why: number = Si.CLD_TRAPPED): void {
  const tracing = task.tracing!;
  tracing.stop = { ...stop, isReported: false };
  tracing.isListening = false;
  task.kernel.runner.stop(task);
  notifyTracer(task, why, stop.code & 0x7f);
}

/** SIGCHLD to the tracer's process, and a wake-up of its waits. */
export function notifyTracer(task: Task, code: number, status: number): void {
  const { group } = task.tracing!.tracer;
  const isExit = code !== Si.CLD_TRAPPED && code !== Si.CLD_STOPPED;
  const action = group.handlers.get(Sig.CHLD);
  if (isExit || (!group.handlers.ignores(Sig.CHLD) && (action.flags & Sa.NOCLDSTOP) === 0)) {
    task.kernel.signals.sendToGroup(group, { ...childInfo(task.group, code, status), pid: task.tid });
  }
  group.childWaiters.wake(0, Infinity);
}

export function stopForEvent(task: Task, event: number, message: number, resumeAt: ResumePoint): void {
  const code = Sig.TRAP | (event << 8);
  task.tracing!.eventMessage = message;
  enterStop(task, { kind: 'event', resumeAt, code, info: stopInfo(task, Sig.TRAP, code) });
}

/** Signal-delivery-stop: the tracer decides what becomes of the signal. */
export function stopForSignal(task: Task, info: SigInfo): void {
  enterStop(task, { kind: 'signal', resumeAt: 'signal', code: info.signo, info });
}

/** Group-stop of a traced task; of a seized one with PTRACE_EVENT_STOP. */
export function stopForGroup(task: Task): void {
  const tracing = task.tracing!;
  const signo = task.group.stopSignal;
  tracing.trapRequested = false;
  const code = tracing.isSeized ? signo | (PtraceEvent.STOP << 8) : signo;
  enterStop(task, { kind: 'group', resumeAt: 'user', code, info: tracing.isSeized ? stopInfo(task, signo, code) : null }, Si.CLD_STOPPED);
}

/** PTRACE_INTERRUPT, the first stop of an attached child, the end of a group stop that was listened to. */
export function stopForTrap(task: Task): void {
  const code = Sig.TRAP | (PtraceEvent.STOP << 8);
  task.tracing!.trapRequested = false;
  task.recalcSignalPending();
  enterStop(task, { kind: 'event', resumeAt: 'user', code, info: stopInfo(task, Sig.TRAP, code) }, Si.CLD_STOPPED);
}

/** After a handler frame was made while stepping: at the first instruction of the handler. */
export function stopAtHandler(task: Task): void {
  enterStop(task, { kind: 'event', resumeAt: 'user', code: Sig.TRAP, info: stopInfo(task, Sig.TRAP, Sig.TRAP) });
}

/** Before a call is made, or after it. */
export function stopAtSyscall(task: Task, kind: 'syscall-enter' | 'syscall-exit'): void {
  const tracing = task.tracing!;
  const code = Sig.TRAP | tracing.syscallBit;
  tracing.eventMessage = kind === 'syscall-enter' ? PTRACE_EVENTMSG_SYSCALL_ENTRY : PTRACE_EVENTMSG_SYSCALL_EXIT;
  enterStop(task, { kind, resumeAt: kind === 'syscall-enter' ? 'syscall-enter' : 'user', code, info: stopInfo(task, Sig.TRAP, code) });
}

/** The task stops before it ends (PTRACE_O_TRACEEXIT). False: it is not traced for that, or has stopped already. */
export function stopsForExit(task: Task, status: ExitStatus): boolean {
  if (task.exitStatus !== null || !task.tracing?.wants(PtraceEvent.EXIT)) return false;
  task.exitStatus = status;
  stopForEvent(task, PtraceEvent.EXIT, waitStatus(status), 'exit');
  return true;
}

/** PTRACE_SINGLESTEP sets RFLAGS.TF, hidden from GETREGS; every other way to resume takes it away. */
export function setStepping(task: Task, isOn: boolean): void {
  const tracing = task.tracing!;
  const { u32 } = task.shared;
  const at = (task.tcb + TCB.off.flagsRest) >> 2;
  if (isOn && (u32[at]! & Flag.TF) === 0) {
    u32[at]! |= Flag.TF;
    tracing.forcedTrapFlag = true;
  } else if (!isOn && tracing.forcedTrapFlag) {
    u32[at]! &= ~Flag.TF;
    tracing.forcedTrapFlag = false;
  }
}

/** The stop is over; the task goes on when the runner looks at it. */
export function endStop(task: Task, signal: SigInfo | null): void {
  const tracing = task.tracing!;
  task.resume = { at: tracing.stop!.resumeAt, signal };
  tracing.stop = null;
  tracing.isListening = false;
  task.recalcSignalPending();
  task.kernel.runner.attend(task);
}
