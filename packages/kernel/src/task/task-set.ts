/**
 * TaskSet actor: the process tree of one kernel (kernel.go TaskSet).
 *
 * Owns:      the tid table, thread groups, process groups, sessions, parent links, run state of tasks.
 * Accepts:   TaskSet.Exit, ExitGroup, Kill, Reap, Pause, Unpause (abi/actor/protocol.ts); no replies.
 *            Tasks are made by direct calls of clone and createProcess.
 * May ask:   Signals, memory managers, descriptor tables, Vfs.
 * Order:     a tid is given out before the task can be seen by others and freed after its last
 *            reference in a group, process group or session is gone (pids are not reused while any holds them).
 * Saved as:  TaskSet 1.
 */
import type { Actor, Body, ExitStatus, LimitSet, MessageType, Reply } from '@troupe/abi';
import { Errno } from '@troupe/abi';
import type { Kernel } from '../kernel.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import type { SignalHandlers } from '../signal/signal-handlers.js';
import { endGroup, endTask, reapGroup } from './exit.js';
import { killTask } from './kill.js';
import { ProcessGroup, Session } from './process-group.js';
import type { Task } from './task.js';
import { ThreadGroup } from './thread-group.js';

/** Largest tid + 1 (/proc/sys/kernel/pid_max of a 64-bit Linux with few CPUs). */
export const PID_MAX = 32768;
/** First tid tried again after a wrap-around; low ones stay with long-lived system processes. */
const RESERVED_PIDS = 300;

export class TaskSet implements Actor {
  readonly actorName = 'TaskSet';
  private readonly _tasks = new Map<number, Task>();
  private readonly _byTcb = new Map<number, Task>();
  /** PID namespace of the tids outside the first one. */
  private readonly _nested = new Map<number, PidNamespace>();
  readonly groups = new Set<ThreadGroup>();
  readonly processGroups = new Map<number, ProcessGroup>();
  readonly sessions = new Map<number, Session>();
  private _lastTid = 0;
  /** Tasks that have not exited (kernel.go liveGoroutines). */
  liveCount = 0;
  /** Forks since boot (/proc/stat processes). */
  forkCount = 0;

  constructor(readonly kernel: Kernel, readonly maxTasks: number) {}

  receive<T extends MessageType>(type: T, body: Body<T>): Reply<T> {
    return this._handle(type, body as never) as Reply<T>;
  }

  private _handle(type: MessageType, body: Body<'TaskSet.Exit'> & Body<'TaskSet.Reap'>): void {
    switch (type) {
      case 'TaskSet.Exit':
        return endTask(this._tasks.get(body.tid)!, body.status);
      case 'TaskSet.ExitGroup':
        return endGroup(this._tasks.get(body.tid)!, body.status);
      case 'TaskSet.Kill':
        return this._kill(body.status);
      case 'TaskSet.Reap':
        return reapGroup(this._tasks.get(body.tgid)!.group);
      case 'TaskSet.Pause':
        return this.kernel.runner.beginExternalStop();
      default:
        return this.kernel.runner.endExternalStop();
    }
  }

  private _kill(status: ExitStatus): void {
    for (const task of [...this._tasks.values()]) {
      if (!task.isAlive) continue;
      task.group.exitStatus ??= status;
      killTask(task, status);
    }
  }

  /** The task with this tid, zombies included. */
  byTid(tid: number): Task | undefined {
    return this._tasks.get(tid);
  }

  /** The thread group whose leader has this tid, zombies included. */
  groupByTgid(tgid: number): ThreadGroup | undefined {
    const task = this._tasks.get(tgid);
    return task && task.group.leader === task ? task.group : undefined;
  }

  byTcb(tcb: number): Task | undefined {
    return this._byTcb.get(tcb);
  }

  all(): IterableIterator<Task> {
    return this._tasks.values();
  }

  get count(): number {
    return this._tasks.size;
  }

  get lastTid(): number {
    return this._lastTid;
  }

  /** Next free tid, or -EAGAIN when the table or the pid space is full. `wanted` asks for one (clone3 set_tid). */
  allocateTid(wanted = 0): number {
    if (this._tasks.size >= this.maxTasks) return -Errno.EAGAIN;
    if (wanted !== 0) return this._isFree(wanted) ? wanted : -Errno.EEXIST;
    for (let tries = 0; tries < PID_MAX; tries++) {
      this._lastTid = this._lastTid + 1 < PID_MAX ? this._lastTid + 1 : RESERVED_PIDS;
      if (this._isFree(this._lastTid)) return this._lastTid;
    }
    return -Errno.EAGAIN;
  }

  private _isFree(tid: number): boolean {
    return !this._tasks.has(tid) && !this.processGroups.has(tid) && !this.sessions.has(tid);
  }

  add(task: Task): void {
    this._tasks.set(task.tid, task);
    this._byTcb.set(task.tcb, task);
    this.groups.add(task.group);
    this.liveCount++;
  }

  /**
   * Numbers of a new tid in its PID namespace and those above it, or -errno. `wanted`: numbers asked for, innermost first
   * (clone3 set_tid).
   */
  adoptId(tid: number, namespace: PidNamespace, wanted: readonly number[]): number {
    if (namespace.isFirst) return 0;
    this._nested.set(tid, namespace);
    let depth = 0;
    for (let at = namespace; at.parent !== null; at = at.parent) {
      const id = at.adopt(tid, wanted[depth++] ?? 0);
      if (id >= 0) continue;
      this.forgetId(tid);
      return id;
    }
    return 0;
  }

  /** The tid goes back: nothing in the kernel has it any more. */
  forgetId(tid: number): void {
    for (let at = this._nested.get(tid); at !== undefined && at.parent !== null; at = at.parent) at.forget(tid);
    this._nested.delete(tid);
  }

  private _forgetIfFree(...tids: readonly number[]): void {
    for (const tid of tids) if (this._nested.has(tid) && this._isFree(tid)) this.forgetId(tid);
  }

  /** Frees the tid of a dead task. */
  remove(task: Task): void {
    if (this._tasks.get(task.tid) === task) this._tasks.delete(task.tid);
    this._forgetIfFree(task.tid);
    if (task.group.tasks.size === 0) this.groups.delete(task.group);
  }

  forgetTcb(task: Task): void {
    this._byTcb.delete(task.tcb);
  }

  /** execve by a thread that is not the leader: it takes over the leader's tid. */
  renumber(task: Task, tid: number): void {
    const oldTid = task.tid;
    this._tasks.delete(oldTid);
    task.tid = tid;
    this._tasks.set(tid, task);
    this._forgetIfFree(oldTid);
  }

  newThreadGroup(handlers: SignalHandlers, exitSignal: number, limits: LimitSet, pidNamespace: PidNamespace = this.kernel.rootPidNamespace): ThreadGroup {
    const group = new ThreadGroup(this.kernel, handlers, limits, pidNamespace);
    group.exitSignal = exitSignal;
    return group;
  }

  /** Makes `group` leader of a new session and process group (setsid(2)). */
  newSession(group: ThreadGroup): Session {
    const session = new Session(group.tgid, group);
    this.sessions.set(session.sid, session);
    this.joinProcessGroup(group, this.newProcessGroup(group.tgid, session));
    return session;
  }

  newProcessGroup(pgid: number, session: Session): ProcessGroup {
    const processGroup = new ProcessGroup(pgid, session);
    this.processGroups.set(pgid, processGroup);
    return processGroup;
  }

  joinProcessGroup(group: ThreadGroup, to: ProcessGroup): void {
    if (group.processGroup === to) return;
    this.leaveProcessGroup(group);
    group.processGroup = to;
    to.members.add(group);
  }

  /** Drops the group from its process group; empty process groups and sessions vanish. */
  leaveProcessGroup(group: ThreadGroup): void {
    const from = group.processGroup as ProcessGroup | undefined;
    if (!from) return;
    from.members.delete(group);
    if (from.members.size > 0) return;
    this.processGroups.delete(from.pgid);
    from.session.groups.delete(from);
    if (from.session.groups.size === 0) this.sessions.delete(from.session.sid);
    this._forgetIfFree(from.pgid, from.session.sid);
  }

  /** The process that adopts orphans: the nearest living subreaper ancestor, else the init of the process tree (prctl(2) PR_SET_CHILD_SUBREAPER). */
  reaperOf(group: ThreadGroup): ThreadGroup | null {
    for (let at = group.parent; at && at !== group.root; at = at.parent) if (at.isChildSubreaper && !at.isExiting) return at;
    return group.root !== group && !group.root.isExiting ? group.root : null;
  }
}
