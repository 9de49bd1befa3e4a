/** Waiting for children (wait(2), wait4(2), waitid(2)): choosing a child and what it has to report. */
import { CONTINUED_STATUS, Si, Sig, Wait, stopStatus, waitStatus } from '@troupe/abi';
import { shownPid, shownUid } from '../namespace/id-view.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import { Usage } from './usage-counts.js';
import { groupUsage } from './usage.js';

/** Which children a wait is about. */
export interface WaitTarget {
  readonly matches: (child: ThreadGroup) => boolean;
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
  return anyFits ? 'later' : 'none';
}

function fits(task: Task, child: ThreadGroup, target: WaitTarget): boolean {
  const { options } = target;
  if (!target.matches(child)) return false;
  if ((options & Wait.NOTHREAD) !== 0 && child.parentTask !== task) return false;
  if ((options & Wait.ALL) !== 0) return true;
  return (child.exitSignal !== Sig.CHLD) === ((options & Wait.CLONE) !== 0);
}

function reportOf(task: Task, child: ThreadGroup, options: number): WaitReport | null {
  const keeps = (options & Wait.NOWAIT) !== 0;
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
  const code = status.signo === 0 ? Si.CLD_EXITED : status.coreDumped ? Si.CLD_DUMPED : Si.CLD_KILLED;
  const result = report(task, child, waitStatus(status), code, status.signo === 0 ? status.code : status.signo);
  if (!keeps) child.kernel.actors.ask('TaskSet.Reap', { tgid: child.tgid });
  return result;
}

function report(task: Task, child: ThreadGroup, status: number, code: number, value: number): WaitReport {
  const usage = new Usage();
  usage.add(groupUsage(child));
  usage.add(child.childUsage);
  return { pid: shownPid(task, child.tgid), uid: shownUid(task, child.leader.creds.uid), status, code, value, usage };
}
