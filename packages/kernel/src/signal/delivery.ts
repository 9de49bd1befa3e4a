/**
 * Signal delivery on the way back to user mode (signal(7)): pending signals one after the other, then
 * restart of an interrupted call and restoration of a swapped mask.
 */
import type { DefaultAction, SigInfo } from '@troupe/abi';
import { Sa, Sig, defaultAction, killedBy, sigBit } from '@troupe/abi';
import { exitGroup } from '../task/exit.js';
import { isOrphaned } from '../task/job-control.js';
import { beginGroupStop, parkForStop } from '../task/group-stop.js';
import { updateStepping } from '../ptrace/debug-registers.js';
import { setStepping, stopAtHandler, stopForSignal, stopForTrap } from '../ptrace/stop.js';
import { abortSection } from '../task/rseq.js';
import type { Task } from '../task/task.js';
import { pushFrame } from './frame.js';
import { restartForHandler, restartWithoutHandler } from './restart.js';
import { forceSignal } from './send.js';
import { DEFAULT_HANDLER, IGNORE_HANDLER, type SigAction } from './signal-handlers.js';

/** True when the task may go on in user mode; false when it stopped or exited. */
export function prepareUserReturn(task: Task): boolean {
  do {
    if (!deliverPending(task)) return false;
    restartWithoutHandler(task);
    restoreMask(task);
  } while (task.signalPending);
  return true;
}

function deliverPending(task: Task): boolean {
  while (task.signalPending) {
    if (task.mustStop) {
      parkForStop(task);
      return false;
    }
    if (task.tracing?.trapRequested) {
      stopForTrap(task);
      return false;
    }
    const info = dequeueSignal(task);
    if (info === null) return true;
    if (task.tracing !== null && info.signo !== Sig.KILL) stopForSignal(task, info);
    else act(task, info);
    if (task.state !== 'running') return false;
  }
  return true;
}

/** The mask swapped by setTemporaryMask comes back; that may make signals deliverable. */
export function restoreMask(task: Task): void {
  if (task.savedSigMask === null) return;
  const mask = task.savedSigMask;
  task.savedSigMask = null;
  task.sigMask = mask;
}

/** Next deliverable signal: the thread's own first, synchronous before others, then the process's. */
export function dequeueSignal(task: Task): SigInfo | null {
  const unblocked = ~(task.sigMask | task.sigWaitSet);
  const info = task.pending.dequeue(unblocked) ?? task.group.pending.dequeue(unblocked);
  task.recalcSignalPending();
  return info;
}

/** What the disposition says. */
export function act(task: Task, info: SigInfo): void {
  task.kernel.onSignal?.(task, info);
  const action = task.group.handlers.get(info.signo);
  if (action.handler === IGNORE_HANDLER) return;
  if (action.handler !== DEFAULT_HANDLER) return runHandler(task, info, action);
  actByDefault(task, info, defaultAction(info.signo));
}

/** No core is ever written, so that 'core' is 'term' for the parent too (core(5), wait(2) WCOREDUMP). */
function actByDefault(task: Task, info: SigInfo, kind: DefaultAction): void {
  if (kind === 'ignore' || kind === 'continue') return;
  if (kind === 'stop') return stopByDefault(task, info);
  if (kind === 'core') task.kernel.processEvents.dumped(task);
  exitGroup(task, killedBy(info.signo));
}

/** SIGTSTP, SIGTTIN and SIGTTOU do nothing in an orphaned process group (POSIX 2.4.3). */
function stopByDefault(task: Task, info: SigInfo): void {
  if (info.signo !== Sig.STOP && isOrphaned(task.group.processGroup)) return;
  beginGroupStop(task.group, info.signo);
}

function runHandler(task: Task, info: SigInfo, action: SigAction): void {
  restartForHandler(task, action);
  task.syscall = null;
  if (task.tracing !== null) setStepping(task, false);
  if (!abortSection(task)) return;
  if (!pushFrame(task, info, action)) {
    forceSignal(task, { signo: Sig.SEGV, code: 0x80 }, info.signo === Sig.SEGV);
    return;
  }
  if ((action.flags & Sa.RESETHAND) !== 0) task.group.handlers.set(info.signo, { ...action, handler: DEFAULT_HANDLER });
  task.savedSigMask = null;
  const own = (action.flags & Sa.NODEFER) !== 0 ? 0n : sigBit(info.signo);
  task.sigMask |= action.mask | own;
  if (task.tracing !== null) updateStepping(task);
  if (task.tracing?.steps) stopAtHandler(task);
}
