/**
 * The end of tasks and thread groups (exit(2), exit_group(2), wait(2) "zombie").
 *
 * Order: the task gives up memory and files first, so that other processes see the effects of closed
 * pipes and cleared futexes before the parent learns of the exit.
 */
import type { ExitStatus } from '@troupe/abi';
import { EPOLLIN, Sa, Sig, Si, TCB, killedBy } from '@troupe/abi';
import { releaseMountNamespace } from '../namespace/mount-release.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import { isTracedByParent, releaseTracees, unlink } from '../ptrace/link.js';
import { notifyTracer, stopsForExit } from '../ptrace/stop.js';
import { coreOf } from '../net/process-events.js';
import type { GroupTimers } from '../time/group-timers.js';
import { releaseFutexes } from './futex-exit.js';
import { childInfo } from './child-info.js';
import { reportCompleteStop } from './group-stop.js';
import { hangUpSession, wakeOrphaned } from './job-control.js';
import { killGroup } from './kill.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import { taskUsage } from './usage.js';

/** exit_group(2), or death by a signal: all tasks of the group exit with this status. */
export function exitGroup(task: Task, status: ExitStatus): void {
  task.kernel.actors.ask('TaskSet.ExitGroup', { tid: task.tid, status });
}

/** Signals of the process that the exited task was to take go to the others (signal(7), process-directed). */
function retargetPending(group: ThreadGroup): void {
  if (group.pending.set === 0n) return;
  for (const other of group.liveTasks) {
    other.recalcSignalPending();
    if (other.signalPending) other.kernel.runner.attend(other);
  }
}

/** Ends a task the kernel holds (never one on a core). */
export function exitTask(task: Task, status: ExitStatus): void {
  if (!stopsForExit(task, status)) task.kernel.actors.ask('TaskSet.Exit', { tid: task.tid, status });
}

/** Part of TaskSet.ExitGroup. */
export function endGroup(task: Task, status: ExitStatus): void {
  killGroup(task.group, status);
  if (!stopsForExit(task, task.group.exitStatus!)) endTask(task, task.group.exitStatus!);
}

/** Part of TaskSet.Exit. */
export function endTask(task: Task, status: ExitStatus): void {
  if (!task.isAlive) return;
  const { group, kernel } = task;
  const wasRunning = task.state === 'running';
  task.exitStatus = status;
  if (task.isLeader && group.parent !== null) group.parent.childBurstNs = kernel.shared.u32[(task.tcb + TCB.off.burstNs) >> 2]!;
  releaseFutexes(task);
  task.state = 'zombie';
  task.syscall = null;
  if (wasRunning) kernel.running.dec();
  const core = coreOf(task);
  if (kernel.taskStats.isHeard) kernel.taskStats.exited(task, status, core, group.liveTasks.length === 0);
  const { actor } = kernel.dispatcher;
  kernel.dispatcher.actor = task;
  releaseResources(task);
  kernel.dispatcher.actor = actor;
  for (const dead of releaseTracees(task)) endTracedZombie(dead);
  orphanChildrenOf(task);
  kernel.tasks.liveCount--;
  if (group.liveTasks.length === 0) leaveNamespace(group, status);
  else {
    if (!task.isLeader) forgetThread(task);
    reportCompleteStop(group);
  }
  retargetPending(group);
  group.threadWaiters.wake(0, Infinity);
  kernel.processEvents.exited(task, status, core);
}

function releaseResources(task: Task): void {
  const { kernel, group, tcb } = task;
  task.finalUsage = taskUsage(task);
  task.finalUsage.maxRssPages = task.mm.peakRssPages;
  group.exitedUsage.add(task.finalUsage);
  task.execImage?.mm.destroy();
  task.execImage = null;
  releaseVforkParent(task);
  releaseSemaphoreUndo(task);
  task.mm.detach(tcb);
  task.fds.release();
  task.fs.release();
  releaseMountNamespace(kernel, task.namespaces.mount);
  kernel.tasks.forgetTcb(task);
  task.tcb = 0;
  kernel.tcbs.free(tcb);
}

/** The task stops using its list of semaphore adjustments (exit, unshare(2) CLONE_SYSVSEM). */
export function releaseSemaphoreUndo(task: Task): void {
  task.semaphoreUndo?.release(task.group.tgid, Number(task.kernel.realtimeNs() / 1_000_000_000n));
  task.semaphoreUndo = null;
}

/** The parent of a vfork may go on: this task runs another image, or is gone. */
export function releaseVforkParent(task: Task): void {
  if (task.vforkParent === null) return;
  task.vforkParent = null;
  task.vforkWaiters.wake(0, Infinity);
}

/** A thread that is not the leader leaves nothing behind, unless a tracer still has to wait for it. */
function forgetThread(task: Task): void {
  task.group.tasks.delete(task);
  if (task.tracing !== null) return notifyTracerOfExit(task, task.exitStatus!);
  task.state = 'dead';
  task.kernel.tasks.remove(task);
}

function notifyTracerOfExit(task: Task, status: ExitStatus): void {
  notifyTracer(task, exitCode(status), status.signo === 0 ? status.code : status.signo);
}

/** si_code of SIGCHLD for the end of a process. */
export function exitCode({ signo, coreDumped }: ExitStatus): number {
  return signo === 0 ? Si.CLD_EXITED : coreDumped ? Si.CLD_DUMPED : Si.CLD_KILLED;
}

/** The tracer has waited for a dead task, or is gone: a thread vanishes, of a process the parent learns. */
export function endTracedZombie(task: Task): void {
  if (task.tracing !== null) unlink(task);
  if (task.isLeader) {
    if (task.group.isZombie) notifyParent(task.group);
  } else forgetThread(task);
}

/** PR_SET_PDEATHSIG of children made by this task; their parent link moves to a sibling thread. */
function orphanChildrenOf(task: Task): void {
  const heir = task.group.liveTasks[0] ?? null;
  for (const child of task.group.children) {
    if (child.parentTask !== task) continue;
    child.parentTask = heir;
    sendDeathSignal(child, task);
  }
}

function sendDeathSignal(child: ThreadGroup, parent: Task): void {
  for (const task of child.liveTasks) {
    if (task.parentDeathSignal === 0) continue;
    task.kernel.signals.sendToGroup(child, { signo: task.parentDeathSignal, code: Si.USER, pid: parent.group.tgid, uid: parent.creds.uid });
  }
}

/** The init of a PID namespace takes every process there along, and ends after them (pid_namespaces(7)). */
function leaveNamespace(group: ThreadGroup, status: ExitStatus): void {
  group.exitStatus ??= status;
  const others = group.isNamespaceInit ? namespaceRest(group) : [];
  for (const other of others) killGroup(other, killedBy(Sig.KILL));
  group.awaitsNamespace = others.length > 0;
  if (!group.awaitsNamespace) exitLastTask(group);
}

const namespaceRest = (init: ThreadGroup): ThreadGroup[] => init.pidNamespace.members().filter((member) => member !== init && !member.isZombie);

/** The process was the last one that the init of its PID namespace waited for. */
function endWaitingInit(group: ThreadGroup): void {
  for (let at: PidNamespace | null = group.pidNamespace; at !== null; at = at.parent) {
    const { init } = at;
    if (!init?.awaitsNamespace || namespaceRest(init).length > 0) continue;
    init.awaitsNamespace = false;
    exitLastTask(init);
  }
}

function exitLastTask(group: ThreadGroup): void {
  const { kernel } = group;
  group.isZombie = true;
  for (const task of [...group.tasks]) if (task !== group.leader) forgetThread(task);
  (group.timers as GroupTimers | null)?.destroy();
  reparentChildren(group);
  if (group.processGroup.session.leader === group) hangUpSession(group.processGroup.session);
  for (const file of [...group.pidFiles]) file.waiters.wake(EPOLLIN, Infinity);
  notifyParent(group);
  wakeOrphaned(group.processGroup, group.parent);
  kernel.launched.delete(group);
  kernel.host.exited(group);
  kernel.onGroupExit?.(group);
  endWaitingInit(group);
}

/** Children go to a subreaper or the tree's init; without one they are killed (the init of a PID namespace died). */
function reparentChildren(group: ThreadGroup): void {
  const reaper = group.kernel.tasks.reaperOf(group);
  for (const child of [...group.children]) {
    group.children.delete(child);
    child.parent = reaper;
    child.parentTask = reaper?.leader ?? null;
    child.exitSignal = Sig.CHLD;
    if (reaper === null) orphanWithoutReaper(child);
    else adopt(reaper, child);
    wakeOrphaned(child.processGroup, group);
  }
}

function orphanWithoutReaper(child: ThreadGroup): void {
  if (child.isZombie) reapGroup(child);
  else killGroup(child, killedBy(Sig.KILL));
}

function adopt(reaper: ThreadGroup, child: ThreadGroup): void {
  reaper.children.add(child);
  if (child.isZombie) notifyParent(child);
}

/** Tells the parent by its exit signal and wakes its waits; a parent that does not care gets no zombie. */
function notifyParent(group: ThreadGroup): void {
  const { parent, leader } = group;
  if (leader.tracing !== null && !isTracedByParent(leader)) return notifyTracerOfExit(leader, group.exitStatus!);
  if (parent === null) return reapGroup(group);
  const { code, signo } = group.exitStatus!;
  const chldCode = exitCode(group.exitStatus!);
  const isUnwanted = leader.tracing === null && group.exitSignal === Sig.CHLD && refusesZombies(parent);
  if (group.exitSignal !== 0 && !(isUnwanted && parent.handlers.ignores(Sig.CHLD))) {
    group.kernel.signals.sendToGroup(parent, childInfo(group, chldCode, signo === 0 ? code : signo, group.exitSignal));
  }
  if (isUnwanted) reapGroup(group);
  parent.childWaiters.wake(0, Infinity);
}

/** SIGCHLD set to SIG_IGN, or SA_NOCLDWAIT (sigaction(2)). The default disposition keeps zombies. */
function refusesZombies(parent: ThreadGroup): boolean {
  const action = parent.handlers.get(Sig.CHLD);
  return action.handler === 1n || (action.flags & Sa.NOCLDWAIT) !== 0;
}

/** The zombie's tid becomes free; its usage goes to the parent's RUSAGE_CHILDREN. */
export function reapGroup(group: ThreadGroup): void {
  if (group.isReaped) return;
  const { kernel, leader, parent } = group;
  group.isReaped = true;
  if (leader.tracing !== null) unlink(leader);
  leader.state = 'dead';
  if (parent) {
    parent.childUsage.add(group.exitedUsage);
    parent.childUsage.add(group.childUsage);
    parent.children.delete(group);
  }
  group.tasks.delete(leader);
  kernel.tasks.leaveProcessGroup(group);
  kernel.tasks.remove(leader);
}
