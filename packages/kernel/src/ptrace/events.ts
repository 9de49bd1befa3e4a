/** PTRACE_EVENT_* of system calls: reported when the task leaves the call, or before it waits (ptrace(2)). */
import { Clone, PtraceEvent, Si, Sig, type CloneArgs } from '@troupe/abi';
import { sendSignal } from '../signal/send.js';
import { shownPid } from '../namespace/id-view.js';
import type { Task } from '../task/task.js';
import { linkChild } from './link.js';

function cloneEvent(args: CloneArgs): number {
  if ((args.flags & Clone.VFORK) !== 0) return PtraceEvent.VFORK;
  return args.exitSignal === Sig.CHLD ? PtraceEvent.FORK : PtraceEvent.CLONE;
}

/** A traced task made a child: the child is traced too, the tracer is told. */
export function traceClone(parent: Task, child: Task, args: CloneArgs): void {
  const tracing = parent.tracing!;
  const event = cloneEvent(args);
  const isWanted = tracing.wants(event);
  if (isWanted || (args.flags & Clone.PTRACE) !== 0) linkChild(parent, child);
  if (isWanted) tracing.events.push({ event, message: shownPid(tracing.tracer, child.tid) });
}

export function reportVforkDone(parent: Task, childTid: number): void {
  const { tracing } = parent;
  if (tracing?.wants(PtraceEvent.VFORK_DONE)) tracing.events.push({ event: PtraceEvent.VFORK_DONE, message: shownPid(tracing.tracer, childTid) });
}

/** Without the option, a task that was not seized gets a SIGTRAP after execve. */
export function reportExec(task: Task, formerTid: number): void {
  const tracing = task.tracing!;
  if (tracing.wants(PtraceEvent.EXEC)) tracing.events.push({ event: PtraceEvent.EXEC, message: shownPid(tracing.tracer, formerTid) });
  else if (!tracing.isSeized) sendSignal(task, { signo: Sig.TRAP, code: Si.USER, pid: task.group.tgid, uid: task.creds.uid }, false);
}
