/** Waiting for children and tracees (wait(2), wait4(2), waitid(2), ptrace(2)): choosing one and what it has to report. */
import { CONTINUED_STATUS, Si, Sig, Wait, stopStatus, waitStatus } from '@troupe/abi';
import { shownPid, shownUid } from '../namespace/id-view.js';
import { isTracedByParent } from '../ptrace/link.js';
import { endTracedZombie, exitCode } from './exit.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import { Usage } from './usage-counts.js';
import { groupUsage, taskUsage } from './usage.js';

/** Which children a wait is about. */
export interface WaitTarget {
  /** Asked of the leaders of children, and of tracees. */
  readonly matches: (task: Task) => boolean;
  /** Wait options. EXITED | STOPPED | CONTINUED choose the events. */
  readonly options: number;
}

/** What a child reported. */
export interface WaitReport {
  /** Ids as the waiting task sees them. */
  readonly pid: number;
  readonly uid: number;
  /** Status word of wait4. */
  readonly status: number;
  /** si_code and si_status of waitid. */
  readonly code: number;
  readonly value: number;
  readonly usage: Usage;
}

/** 'none': no child fits (ECHILD); 'later': children fit, but none has anything to report. */
export function waitForChild(task: Task, target: WaitTarget): WaitReport | 'none' | 'later' {
  let anyFits = false;
  for (const child of task.group.children) {
    if (!fits(task, child, target)) continue;
    anyFits = true;
    const report = reportOf(task, child, target.options);
    if (report !== null) return report;
  }
  for (const tracee of traceesOf(task, target.options)) {
    if (!target.matches(tracee)) continue;
    anyFits = true;
    const report = traceeReport(task, tracee, target.options);
    if (report !== null) return report;
  }
  return anyFits ? 'later' : 'none';
}

function* traceesOf(task: Task, options: number): Iterable<Task> {
  if ((options & Wait.NOTHREAD) !== 0) return yield* task.tracees;
  for (const thread of task.group.tasks) yield* thread.tracees;
}

/** Ptrace-stops are reported whether the wait asks for stops or not. */
function traceeReport(task: Task, tracee: Task, options: number): WaitReport | null {
  const keeps = (options & Wait.NOWAIT) !== 0;
  const { stop, isListening } = tracee.tracing!;
  const isEnded = tracee.isLeader ? tracee.group.isZombie : !tracee.isAlive;
  if (isEnded) return (options & Wait.EXITED) !== 0 ? traceeExit(task, tracee, keeps) : null;
  if (stop === null || stop.isReported || isListening) return null;
  if (!keeps) stop.isReported = true;
  return { pid: shownPid(task, tracee.tid), uid: shownUid(task, tracee.creds.uid), status: stopStatus(stop.code), code: Si.CLD_TRAPPED, value: stop.code, usage: taskUsage(tracee) };
}

function traceeExit(task: Task, tracee: Task, keeps: boolean): WaitReport {
  if (tracee.isLeader && isTracedByParent(tracee)) return exitReport(task, tracee.group, keeps);
  const status = tracee.group.exitStatus ?? tracee.exitStatus!;
  const value = status.signo === 0 ? status.code : status.signo;
  const result = { pid: shownPid(task, tracee.tid), uid: shownUid(task, tracee.creds.uid), status: waitStatus(status), code: exitCode(status), value, usage: taskUsage(tracee) };
  if (!keeps) endTracedZombie(tracee);
  return result;
}

function fits(task: Task, child: ThreadGroup, target: WaitTarget): boolean {
  const { options } = target;
  if (!target.matches(child.leader)) return false;
  if ((options & Wait.NOTHREAD) !== 0 && child.parentTask !== task) return false;
  if ((options & Wait.ALL) !== 0) return true;
  return (child.exitSignal !== Sig.CHLD) === ((options & Wait.CLONE) !== 0);
}

function reportOf(task: Task, child: ThreadGroup, options: number): WaitReport | null {
  const keeps = (options & Wait.NOWAIT) !== 0;
  // A tracer hears of it first; when that is the parent, as of a tracee.
  if (child.leader.tracing !== null && (child.isZombie || isTracedByParent(child.leader))) return null;
  if (child.isZombie) return (options & Wait.EXITED) !== 0 ? exitReport(task, child, keeps) : null;
  const { jobReport } = child;
  if (jobReport?.kind === 'stopped' && (options & Wait.STOPPED) !== 0) {
    if (!keeps) child.jobReport = null;
    return report(task, child, stopStatus(jobReport.signo), Si.CLD_STOPPED, jobReport.signo);
  }
  if (jobReport?.kind === 'continued' && (options & Wait.CONTINUED) !== 0) {
    if (!keeps) child.jobReport = null;
    return report(task, child, CONTINUED_STATUS, Si.CLD_CONTINUED, Sig.CONT);
  }
  return null;
}

function exitReport(task: Task, child: ThreadGroup, keeps: boolean): WaitReport {
  const status = child.exitStatus!;
  const result = report(task, child, waitStatus(status), exitCode(status), status.signo === 0 ? status.code : status.signo);
  if (!keeps) child.kernel.actors.ask('TaskSet.Reap', { tgid: child.tgid });
  return result;
}

function report(task: Task, child: ThreadGroup, status: number, code: number, value: number): WaitReport {
  const usage = new Usage();
  usage.add(groupUsage(child));
  usage.add(child.childUsage);
  return { pid: shownPid(task, child.tgid), uid: shownUid(task, child.leader.creds.uid), status, code, value, usage };
}
