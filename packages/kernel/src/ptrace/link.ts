/** The bond between tracer and tracee (ptrace(2), "Attaching and detaching"). */
import type { SigInfo } from '@troupe/abi';
import { PtraceOption, Si, Sig, killedBy } from '@troupe/abi';
import { killGroup } from '../task/kill.js';
import { publishInCore } from '../task/in-core-state.js';
import type { Task } from '../task/task.js';
import { endStop, setStepping } from './stop.js';
import { Tracing } from './tracing.js';

export function link(tracee: Task, tracer: Task, isSeized: boolean): Tracing {
  const tracing = new Tracing(tracer, isSeized);
  tracee.tracing = tracing;
  publishInCore(tracee);
  tracer.tracees.add(tracee);
  return tracing;
}

/** The tracee goes on untraced; one in a stop, or resumed and not gone on yet, goes on as `endStop` said. */
export function unlink(tracee: Task): void {
  const tracing = tracee.tracing!;
  tracing.tracer.tracees.delete(tracee);
  if (tracee.isAlive) {
    if (tracing.stop !== null) {
      setStepping(tracee, false);
      endStop(tracee, lostSignal(tracee));
    } else tracee.hasStaleTrapFlag = tracing.forcedTrapFlag;
  }
  tracee.tracing = null;
  if (tracee.isAlive) tracee.recalcSignalPending();
}

/** A signal whose stop nobody has waited for is delivered after all. */
function lostSignal(tracee: Task): SigInfo | null {
  const stop = tracee.tracing!.stop!;
  return stop.kind === 'signal' && !stop.isReported ? stop.info : null;
}

/** The tracer's process is the tracee's parent: one exit, reported once. */
export function isTracedByParent(task: Task): boolean {
  return task.tracing?.tracer.group === task.group.parent;
}

/** A tracer ends: its tracees go on, or die with it (PTRACE_O_EXITKILL). Returns the dead ones nobody waited for. */
export function releaseTracees(tracer: Task): Task[] {
  const dead: Task[] = [];
  for (const tracee of [...tracer.tracees]) {
    const kills = tracee.tracing!.has(PtraceOption.EXITKILL);
    if (!tracee.isAlive) dead.push(tracee);
    unlink(tracee);
    if (kills && tracee.isAlive) killGroup(tracee.group, killedBy(Sig.KILL));
  }
  return dead;
}

/** A new task of a traced one is traced as well, when the options or CLONE_PTRACE ask for it. */
export function linkChild(parent: Task, child: Task): void {
  const from = parent.tracing!;
  const tracing = link(child, from.tracer, from.isSeized);
  tracing.options = from.options;
  if (from.isSeized) tracing.trapRequested = true;
  else child.pending.enqueue({ signo: Sig.STOP, code: Si.USER, pid: 0, uid: 0 });
  child.recalcSignalPending();
}
