/** PTRACE_TRACEME, ATTACH, SEIZE, DETACH, INTERRUPT, LISTEN (ptrace(2)). */
import { Cap, Errno, NSIG, PTRACE_OPTION_MASK, PtraceEvent, PtraceOption, Sig, Si, hasCap } from '@troupe/abi';
import { sendSignal } from '../signal/send.js';
import { mayPtrace } from '../task/permission.js';
import type { Task } from '../task/task.js';
import { link, unlink } from './link.js';
import { endStop, setStepping, stopForGroup } from './stop.js';
import { resumeTracee } from './resume.js';

export function traceMe(task: Task): number {
  if (task.tracing !== null) return -Errno.EPERM;
  const tracer = task.group.parentTask;
  if (tracer === null || !tracer.isAlive) return 0;
  link(task, tracer, false);
  return 0;
}

function checkAttach(task: Task, target: Task): number {
  if (target.group === task.group || !target.isAlive || target.tracing !== null) return -Errno.EPERM;
  return mayPtrace(task, target) ? 0 : -Errno.EPERM;
}

export function attach(task: Task, target: Task): number {
  const refused = checkAttach(task, target);
  if (refused < 0) return refused;
  link(target, task, false);
  task.kernel.processEvents.traced(target, task);
  sendSignal(target, { signo: Sig.STOP, code: Si.KERNEL, pid: 0, uid: 0 }, false);
  takeOverStop(target);
  return 0;
}

export function seize(task: Task, target: Task, addr: number, options: number): number {
  if (addr !== 0 || (options & ~PTRACE_OPTION_MASK) !== 0) return -Errno.EIO;
  const refused = checkOptions(task, options) || checkAttach(task, target);
  if (refused < 0) return refused;
  link(target, task, true).options = options;
  task.kernel.processEvents.traced(target, task);
  takeOverStop(target);
  return 0;
}

/** A task that its process's group stop has parked is in a group-stop of its tracer from now on. */
function takeOverStop(target: Task): void {
  if (target.state !== 'stopped') return;
  target.state = 'running';
  target.kernel.running.inc();
  stopForGroup(target);
}

/** 0, or -errno. Only who could do without filters may suspend those of others. */
export function checkOptions(tracer: Task, options: number): number {
  if ((options & ~PTRACE_OPTION_MASK) !== 0) return -Errno.EINVAL;
  if ((options & PtraceOption.SUSPEND_SECCOMP) === 0) return 0;
  return hasCap(tracer.creds, Cap.SYS_ADMIN) && tracer.seccomp === null ? 0 : -Errno.EPERM;
}

/** Preconditions: in a ptrace-stop. */
export function detach(target: Task, signo: number): number {
  if (signo < 0 || signo > NSIG) return -Errno.EIO;
  resumeTracee(target, 'cont', signo);
  setStepping(target, false);
  unlink(target);
  target.kernel.processEvents.traced(target, null);
  return 0;
}

export function interrupt(target: Task): number {
  const tracing = target.tracing!;
  if (!tracing.isSeized) return -Errno.EIO;
  tracing.trapRequested = true;
  if (tracing.isListening) endStop(target, null);
  else if (tracing.stop === null) {
    target.recalcSignalPending();
    target.kernel.runner.attend(target);
  }
  return 0;
}

/** Preconditions: in a ptrace-stop. */
export function listen(target: Task): number {
  const tracing = target.tracing!;
  if (!tracing.isSeized || tracing.stop!.code >> 8 !== PtraceEvent.STOP) return -Errno.EIO;
  if (tracing.trapRequested) endStop(target, null);
  else tracing.isListening = true;
  return 0;
}
