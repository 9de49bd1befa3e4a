/** Job control stops: all tasks of a thread group park, the parent is told (signal(7), wait(2)). */
import type { SigInfo } from '@troupe/abi';
import { Sa, Si, Sig } from '@troupe/abi';
import { CLOCK_TICK_NS } from './running-tasks.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import { groupCpuTimeNs } from './usage.js';

/** A stop signal takes effect: every task is told to park. */
export function beginGroupStop(group: ThreadGroup, signo: number): void {
  if (group.stopRequested || group.isExiting) return;
  group.stopRequested = true;
  group.jobReport = null;
  group.stopSignal = signo;
  for (const task of group.tasks) {
    if (!task.isAlive) continue;
    task.recalcSignalPending();
    task.kernel.runner.attend(task);
  }
}

/** The task arrived at the stop; the last one reports to the parent. */
export function parkForStop(task: Task): void {
  task.kernel.runner.stop(task);
  reportCompleteStop(task.group);
}

/** The last task of a stopping group stopped, or ended. */
export function reportCompleteStop(group: ThreadGroup): void {
  if (!group.stopRequested || group.jobReport?.kind === 'stopped') return;
  if (group.liveTasks.some((other) => other.state !== 'stopped')) return;
  group.jobReport = { kind: 'stopped', signo: group.stopSignal };
  notifyParentOfJob(group, Si.CLD_STOPPED, group.stopSignal);
}

/** SIGCONT: a stopped or stopping group goes on, whatever happens to the signal itself. */
export function continueGroup(group: ThreadGroup): void {
  if (!group.stopRequested) return;
  group.stopRequested = false;
  const wasStopped = group.jobReport?.kind === 'stopped' || group.liveTasks.every((task) => task.state === 'stopped');
  for (const task of group.tasks) {
    if (!task.isAlive) continue;
    task.recalcSignalPending();
    if (task.state === 'stopped') task.kernel.runner.attend(task);
  }
  if (!wasStopped) return;
  group.jobReport = { kind: 'continued' };
  notifyParentOfJob(group, Si.CLD_CONTINUED, Sig.CONT);
}

function notifyParentOfJob(group: ThreadGroup, code: number, status: number): void {
  const { parent } = group;
  if (!parent) return;
  const { handlers } = parent;
  if (!handlers.ignores(Sig.CHLD) && (handlers.get(Sig.CHLD).flags & Sa.NOCLDSTOP) === 0) {
    group.kernel.actors.send('Signals.SendToGroup', { tgid: parent.tgid, info: childInfo(group, code, status) });
  }
  parent.childWaiters.wake(0, Infinity);
}

/** siginfo of a SIGCHLD about `group` (sigaction(2)). */
export function childInfo(group: ThreadGroup, code: number, status: number, signo: number = Sig.CHLD): SigInfo {
  const utimeTicks = Math.floor(groupCpuTimeNs(group) / CLOCK_TICK_NS);
  return { signo, code, pid: group.tgid, uid: group.leader.creds.uid, status, utimeTicks, stimeTicks: 0 };
}
