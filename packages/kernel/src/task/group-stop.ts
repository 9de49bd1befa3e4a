/** Job control stops: all tasks of a thread group park, the parent is told (signal(7), wait(2)). */
import { Sa, Si, Sig } from '@troupe/abi';
import { endStop, stopForGroup } from '../ptrace/stop.js';
import { childInfo } from './child-info.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** A stop signal takes effect: every task is told to park. */
export function beginGroupStop(group: ThreadGroup, signo: number): void {
  if (group.isExiting) return;
  if (group.stopRequested && ![...group.tasks].some((task) => task.tracing?.leftGroupStop)) return;
  group.stopRequested = true;
  group.jobReport = null;
  group.stopSignal = signo;
  for (const task of group.tasks) if (task.tracing !== null) task.tracing.leftGroupStop = false;
  for (const task of group.tasks) {
    if (!task.isAlive) continue;
    task.recalcSignalPending();
    task.kernel.runner.attend(task);
  }
}

/** The task arrived at the stop; the last one reports to the parent. */
export function parkForStop(task: Task): void {
  if (task.tracing !== null) stopForGroup(task);
  else task.kernel.runner.stop(task);
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
    if (task.tracing !== null) endTracedStop(task);
    task.recalcSignalPending();
    if (task.state === 'stopped') task.kernel.runner.attend(task);
  }
  if (!wasStopped) return;
  group.jobReport = { kind: 'continued' };
  notifyParentOfJob(group, Si.CLD_CONTINUED, Sig.CONT);
}

/** A seized task reports the end of the stop by another one; one that its tracer left listening does so at once. */
function endTracedStop(task: Task): void {
  const tracing = task.tracing!;
  tracing.leftGroupStop = false;
  if (!tracing.isSeized || tracing.stop?.kind !== 'group') return;
  tracing.trapRequested = true;
  if (tracing.isListening) endStop(task, null);
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
