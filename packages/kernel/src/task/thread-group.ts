/**
 * A thread group (Linux process): the tasks that share signal handlers, limits, the parent, the
 * process group and the session.
 */
import type { ExitStatus, LimitSet } from '@troupe/abi';
import { Sig, WaitQueue } from '@troupe/abi';
import type { Kernel } from '../kernel.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import { PendingSignals } from '../signal/pending-signals.js';
import type { SignalHandlers } from '../signal/signal-handlers.js';
import type { PidFile } from './pid-file.js';
import type { ProcessGroup } from './process-group.js';
import type { Task } from './task.js';
import { Usage } from './usage-counts.js';

export { Usage };

/** What wait(2) may report about a stopped or continued group. */
export type JobReport = { readonly kind: 'stopped'; readonly signo: number } | { readonly kind: 'continued' };

export class ThreadGroup {
  /** Set when the first task is made; changes when another thread calls execve. */
  leader!: Task;
  /** Live tasks, and a leader that exited before the others. */
  readonly tasks = new Set<Task>();
  readonly children = new Set<ThreadGroup>();
  /** Signals sent to the process. */
  readonly pending = new PendingSignals();
  parent: ThreadGroup | null = null;
  /** The task that made this group (PR_SET_PDEATHSIG, __WNOTHREAD); may have exited. */
  parentTask: Task | null = null;
  processGroup!: ProcessGroup;
  /** Signal sent to the parent at exit; SIGCHLD for processes, 0 or another for __WCLONE children. */
  exitSignal: number = Sig.CHLD;
  /** Woken when a child of this group changes state. */
  readonly childWaiters = new WaitQueue();
  /** Woken when a signal is queued for the group or one of its tasks (rt_sigtimedwait). */
  readonly signalWaiters = new WaitQueue();
  /** Nobody wakes it: pause and sigsuspend end by a signal only, sleeps by their deadline. */
  readonly neverWakes = new WaitQueue();
  /** Woken when a task of the group ends: execve waits for that. */
  readonly threadWaiters = new WaitQueue();
  /** Descriptors of this process, woken when it ends (pidfd_open(2)). */
  readonly pidFiles = new Set<PidFile>();

  /** Decided by exit_group, a deadly signal, or the last task's exit. */
  exitStatus: ExitStatus | null = null;
  /** Ends once every task has exited and the leader is a zombie. */
  isZombie = false;
  isReaped = false;
  /** The init of a PID namespace has no tasks left and waits for the other processes there to end. */
  awaitsNamespace = false;
  /** A task of the group runs execve: which one; the others die. */
  execTask: Task | null = null;
  /** Runs a program that it was started with, or execve gave it (setpgid(2) EACCES). */
  hasExeced = false;
  /** Has, or had, more than one task. */
  hadThreads = false;

  /** A stop signal was taken and the tasks are on their way to stop, or have stopped. */
  stopRequested = false;
  stopSignal = 0;
  /** Not yet consumed by wait. */
  jobReport: JobReport | null = null;

  /** The process made by Kernel.createProcess that this one descends from; adopts its orphans as init does. */
  root!: ThreadGroup;
  isChildSubreaper = false;
  /** POSIX timers, itimers and CPU clocks keep their group state here, owned by the timer rows. */
  timers: unknown = null;
  containerId = '';
  /** Usage of exited threads, and of reaped children. */
  readonly exitedUsage = new Usage();
  readonly childUsage = new Usage();
  oomScoreAdj = 0;
  /** TCB.burstNs with which a child ended last: that of new ones. */
  childBurstNs = 0;
  /** Words of /proc/pid files that are kept and have no effect, by file name. */
  readonly keptWords = new Map<string, string>();

  constructor(readonly kernel: Kernel, public handlers: SignalHandlers, public limits: LimitSet, readonly pidNamespace: PidNamespace) {}

  get tgid(): number {
    return this.leader.tid;
  }

  /** Tasks that have not exited. */
  get liveTasks(): Task[] {
    return [...this.tasks].filter((task) => task.isAlive);
  }

  /** Parent pid as getppid(2) shows it: 0 for a process without a parent. */
  get ppid(): number {
    return this.parent?.tgid ?? 0;
  }

  /** The init process of a nested PID namespace: signals from inside cannot kill or stop it by default (pid_namespaces(7)). */
  get isNamespaceInit(): boolean {
    return !this.pidNamespace.isFirst && this.pidNamespace.init === this;
  }

  get isExiting(): boolean {
    return this.exitStatus !== null;
  }
}
