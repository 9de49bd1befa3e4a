/** How a traced task goes on after a ptrace-stop, and its way in and out of system calls (ptrace(2)). */
import type { SigInfo } from '@troupe/abi';
import { Errno, Reg, Si, Sig, sigHas } from '@troupe/abi';
import { shownPid, shownUid } from '../namespace/id-view.js';
import { Pass, passSeccomp } from '../seccomp/enter.js';
import { act } from '../signal/delivery.js';
import { forceSignal, sendSignal } from '../signal/send.js';
import { exitTask } from '../task/exit.js';
import type { Task } from '../task/task.js';
import { updateStepping } from './debug-registers.js';
import { endStop, stopAtSyscall, stopForEvent } from './stop.js';
import type { PtraceStop, Resume, ResumeMode } from './tracing.js';

/** A traced or filtered task entered with a system call; its number is orig_rax. */
export function enterSyscall(task: Task): void {
  const { tracing } = task;
  if (tracing === null || !tracing.stopsAtSyscalls) return afterEnterStop(task);
  tracing.skipsCall = tracing.emulates;
  task.setReg(Reg.RAX, BigInt(-Errno.ENOSYS));
  stopAtSyscall(task, 'syscall-enter');
}

function afterEnterStop(task: Task): void {
  const skips = task.tracing?.skipsCall === true;
  if (task.tracing !== null) task.tracing.skipsCall = false;
  if (skips) return task.kernel.runner.resumeUser(task);
  checkCall(task, false);
}

/** Seccomp decides; then the call runs or is over. */
function checkCall(task: Task, isRecheck: boolean): void {
  const pass = passSeccomp(task, isRecheck);
  if (pass === Pass.RUN) runCall(task);
  else if (pass === Pass.SKIP) leaveSyscall(task);
}

/** Runs the call of orig_rax; -1: none, rax is what the tracer put there. */
function runCall(task: Task): void {
  if (task.origRax === -1) leaveSyscall(task);
  else task.kernel.dispatcher.begin(task, task.origRax);
}

/** An event is due before the call waits (vfork). */
export function stopsBeforeWait(task: Task): boolean {
  const due = task.tracing?.events.shift();
  if (due === undefined) return false;
  stopForEvent(task, due.event, due.message, 'retry');
  return true;
}

/** The call is over: events, the exit stop, the step over the call, then user mode. */
export function leaveSyscall(task: Task): void {
  const { tracing } = task;
  if (tracing?.debug.isArmed === true) updateStepping(task);
  const due = tracing?.events.shift();
  if (due !== undefined) return stopForEvent(task, due.event, due.message, 'leave');
  if (tracing?.mode === 'syscall') return stopAtSyscall(task, 'syscall-exit');
  if (tracing?.steps) forceSignal(task, { signo: Sig.TRAP, code: Si.TRAP_BRKPT, addr: task.rip });
  task.kernel.runner.resumeUser(task);
}

/** Ends the ptrace-stop as the tracer asked. Preconditions: in a stop. */
export function resumeTracee(task: Task, mode: ResumeMode, signo: number): void {
  const tracing = task.tracing!;
  const stop = tracing.stop!;
  tracing.mode = mode;
  updateStepping(task);
  if (stop.kind === 'group') tracing.leftGroupStop = true;
  if (signo !== 0 && (stop.kind === 'syscall-enter' || stop.kind === 'syscall-exit')) sendSignal(task, { signo, code: Si.KERNEL, pid: 0, uid: 0 }, false);
  endStop(task, stop.kind === 'signal' ? chosenSignal(task, stop, signo) : null);
}

function chosenSignal(task: Task, stop: PtraceStop, signo: number): SigInfo | null {
  if (signo === 0) return null;
  if (stop.info?.signo === signo) return stop.info;
  const { tracer } = task.tracing!;
  return { signo, code: Si.USER, pid: shownPid(task, tracer.group.tgid), uid: shownUid(task, tracer.creds.uid) };
}

/** The runner took the task out of its stop. Preconditions: state running. */
export function continueFrom(task: Task, { at, signal }: Resume): void {
  const { runner, dispatcher } = task.kernel;
  switch (at) {
    case 'signal':
      if (signal !== null && sigHas(task.sigMask, signal.signo)) sendSignal(task, signal, false);
      else if (signal !== null) act(task, signal);
      return runner.resumeUser(task);
    case 'user':
      return runner.resumeUser(task);
    case 'syscall-enter':
      return afterEnterStop(task);
    case 'seccomp':
      return task.origRax === -1 ? leaveSyscall(task) : checkCall(task, true);
    case 'retry':
      return dispatcher.retry(task);
    case 'leave':
      return leaveSyscall(task);
    case 'exit':
      return exitTask(task, task.exitStatus!);
  }
}
