/**
 * Sending: effects that happen at once (stop against continue, SIGKILL), the pending queue, and which
 * thread is told (kill(2), signal(7), tgkill(2)).
 */
import type { SigInfo, SigSet } from '@troupe/abi';
import { Errno, Rlimit, SIGRTMIN, STOP_SIGNALS, Sig, Si, defaultAction, killedBy, sigBit, sigHas } from '@troupe/abi';
import { continueGroup } from '../task/group-stop.js';
import { killGroup } from '../task/kill.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { DEFAULT_ACTION, DEFAULT_HANDLER } from './signal-handlers.js';

/** Queues a signal for the thread, or for its process. 0, or -EAGAIN when a real-time signal exceeds RLIMIT_SIGPENDING. */
export function sendSignal(task: Task, sent: SigInfo, toGroup: boolean): number {
  const { group } = task;
  const info = asSeenBy(task, sent);
  const { signo } = info;
  if (isImmune(task, sent, info) || !prepare(task, signo)) return 0;
  if (signo === Sig.KILL) {
    killGroup(group, killedBy(Sig.KILL));
    return 0;
  }
  const queue = toGroup ? group.pending : task.pending;
  if (isOverLimit(group, info)) {
    if (signo >= SIGRTMIN && info.code !== Si.USER) return -Errno.EAGAIN;
    queue.markPending(signo);
  } else if (!queue.enqueue(info)) return 0;
  group.signalWaiters.wake(0, Infinity);
  for (const file of task.kernel.signals.signalFiles) file.onSignal(signo);
  notify(task, signo, toGroup);
  return 0;
}

/** Sender's ids in the namespaces of the receiver; queued ones (sigqueue(3)) stay as the sender wrote them. */
function asSeenBy({ creds, group }: Task, info: SigInfo): SigInfo {
  const isKernelMade = info.code === Si.USER || info.code === Si.TKILL || info.code === Si.MESGQ || info.signo === Sig.CHLD;
  if (info.pid === undefined || !isKernelMade || (group.pidNamespace.isFirst && creds.userNamespace.isFirst)) return info;
  return { ...info, pid: group.pidNamespace.shown(info.pid), ...(info.uid === undefined ? {} : { uid: creds.userNamespace.shownUid(info.uid) }) };
}

/** The init of a PID namespace: only SIGKILL and SIGSTOP from outside have their default effect (pid_namespaces(7)). */
function isImmune({ group, sigMask }: Task, sent: SigInfo, seen: SigInfo): boolean {
  const { signo } = sent;
  if (!group.isNamespaceInit || sigHas(sigMask, signo) || group.handlers.get(signo).handler !== DEFAULT_HANDLER) return false;
  const isFromOutside = sent.pid === undefined || seen.pid === 0;
  return !(isFromOutside && (signo === Sig.KILL || signo === Sig.STOP)) && signo !== Sig.CONT;
}

/** Effects on other pending signals; false when the signal is not even queued. */
function prepare(task: Task, signo: number): boolean {
  const { group } = task;
  if (group.isZombie || group.exitStatus !== null) return false;
  if (sigHas(STOP_SIGNALS, signo)) discardPending(group, sigBit(Sig.CONT));
  else if (signo === Sig.CONT) {
    discardPending(group, STOP_SIGNALS);
    continueGroup(group);
  }
  return !isIgnored(task, signo);
}

/** An ignored signal is dropped, unless it is blocked or waited for: its disposition may change until then. Tracers see all. */
function isIgnored(task: Task, signo: number): boolean {
  if (task.tracing !== null || sigHas(task.sigMask | task.sigWaitSet, signo)) return false;
  return task.group.handlers.ignores(signo);
}

export function discardPending(group: ThreadGroup, mask: SigSet): void {
  group.pending.discard(mask);
  for (const task of group.tasks) {
    task.pending.discard(mask);
    // What is gone makes nobody pending: who else may take the signals of the group has not been told.
    if (task.isAlive && task.signalPending) task.recalcSignalPending();
  }
}

function isOverLimit(group: ThreadGroup, info: SigInfo): boolean {
  if (info.code === Si.KERNEL || (info.code > 0 && info.signo < SIGRTMIN)) return false;
  let count = group.pending.count;
  for (const task of group.tasks) count += task.pending.count;
  return count >= group.limits.soft(Rlimit.SIGPENDING);
}

/** A wait that only a kill ends: a signal that would end the process is one (Linux TASK_KILLABLE). */
function isDeadlyAtOnce({ group, parked, tracing }: Task, signo: number): boolean {
  return parked?.wait.uninterruptible === true && tracing === null && group.handlers.get(signo).handler === DEFAULT_HANDLER && defaultAction(signo) === 'term';
}

/** Marks the thread that should take the signal and interrupts what it does. */
function notify(task: Task, signo: number, toGroup: boolean): void {
  const target = toGroup ? chooseTarget(task.group, signo) : task;
  if (!target || !target.isAlive) return;
  if (isDeadlyAtOnce(target, signo)) return killGroup(target.group, killedBy(signo));
  target.recalcSignalPending();
  if (target.signalPending) target.kernel.runner.attend(target);
}

/** The leader if it does not block the signal, else the first thread that does not; none: it stays pending. */
function chooseTarget(group: ThreadGroup, signo: number): Task | null {
  const wants = (task: Task): boolean => task.isAlive && task.killStatus === null && !sigHas(task.sigMask | task.sigWaitSet, signo);
  if (wants(group.leader) && !group.leader.signalPending) return group.leader;
  let fallback: Task | null = null;
  for (const task of group.tasks) {
    if (!wants(task)) continue;
    if (!task.signalPending) return task;
    fallback ??= task;
  }
  return fallback;
}

/**
 * A signal the thread cannot refuse (faults, broken frames): blocked or ignored, it is unblocked and
 * its disposition goes back to the default.
 */
export function forceSignal(task: Task, info: SigInfo, toDefault = false): void {
  const { signo } = info;
  const { handlers } = task.group;
  const isBlocked = sigHas(task.sigMask, signo);
  if (isBlocked || toDefault || handlers.ignores(signo)) handlers.set(signo, DEFAULT_ACTION);
  if (handlers.get(signo).handler === DEFAULT_HANDLER && isBlocked) task.sigMask &= ~sigBit(signo);
  task.pending.discard(sigBit(signo));
  task.pending.enqueue(info);
  task.recalcSignalPending();
}

/** All threads look again at what is pending (a disposition, mask or wait set changed). */
export function recalcGroup(group: ThreadGroup): void {
  for (const task of group.tasks) {
    if (!task.isAlive) continue;
    task.recalcSignalPending();
    if (task.signalPending) task.kernel.runner.attend(task);
  }
}
