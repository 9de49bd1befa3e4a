/**
 * Moves tasks between the cores, system calls, stops and their end.
 *
 * Owns:      Task.state, TCB.runState while the kernel holds a TCB, the attention queue.
 * Borrows:   TCB.interrupt (store), run queue through KernelHost.enqueue.
 * Accepts:   onTrap (kernel ring), SyscallHost calls (dispatcher), attend (any actor), drain (host loop).
 * May ask:   dispatcher, memory managers, signal delivery.
 * Order:     a signal or kill only queues its target; waits end and tasks exit from drain(), never
 *            inside the handler of another task. runState RUNNABLE is stored last before the TCB is enqueued.
 */
import { headerWord, Invariant, Reg, RunState, Sig, TCB, Trap } from '@troupe/abi';
import type { TimerQueue } from '@troupe/time';
import type { Kernel } from '../kernel.js';
import { prepareUserReturn, restoreMask } from '../signal/delivery.js';
import { continueFrom, enterSyscall, leaveSyscall, stopsBeforeWait } from '../ptrace/resume.js';
import { handleException } from '../signal/exception.js';
import { isInterrupted, isRestartCode } from '../signal/restart.js';
import type { SyscallHost } from '../syscall/dispatch.js';
import { exitTask } from './exit.js';
import { inCoreCount, publishInCoreState } from './in-core-state.js';
import { prepareRseq, settleRseq } from './rseq.js';
import type { Task } from './task.js';

const WATCHED_CALLS = headerWord('watchedCalls');

/** Hears of what tasks do between their slices on cores (tracing). */
export interface SchedObserver {
  /** The task may run, and waits for a core. */
  ready(task: Task): void;
  blocked(task: Task): void;
  woken(task: Task): void;
  /** The kernel begins and ends its work on a trap of the task. */
  trapBegins(task: Task): void;
  trapEnds(task: Task): void;
}

interface IdleListener {
  readonly isReached: () => boolean;
  readonly resolve: () => void;
}

export class TaskRunner implements SyscallHost {
  /** Tasks given to the cores and not handed back. */
  onCores = 0;
  private _externalStops = 0;
  /** Runnable tasks that wait for the end of an external stop. */
  private readonly _held: Task[] = [];
  private readonly _attention: Task[] = [];
  private _listeners: IdleListener[] = [];
  /** Null = nobody, at no cost. */
  observer: SchedObserver | null = null;

  constructor(readonly kernel: Kernel) {}

  get timers(): TimerQueue {
    return this.kernel.timers;
  }

  /** A core handed the TCB over. */
  onTrap(tcb: number): void {
    const task = this.kernel.tasks.byTcb(tcb);
    if (!task) throw new Invariant(`trap of unknown TCB 0x${tcb.toString(16)}`);
    this.onCores--;
    Atomics.store(this.kernel.shared.i32, (tcb + TCB.off.runState) >> 2, RunState.KERNEL);
    const trap = this.kernel.shared.i32[(tcb + TCB.off.trap) >> 2]!;
    this.observer?.trapBegins(task);
    if (task.killStatus !== null) exitTask(task, task.killStatus);
    else this._handleTrap(task, trap);
    this.observer?.trapEnds(task);
    this._notifyListeners();
  }

  private _handleTrap(task: Task, trap: number): void {
    if (trap === Trap.SYSCALL) return this.kernel.dispatcher.start(task);
    task.origRax = -1;
    if (trap === Trap.INTERRUPT) settleRseq(task);
    else if (trap === Trap.EXCEPTION) handleException(task);
    else if (trap === Trap.CORE_ERROR) this._coreFailed(task);
    else throw new Invariant(`trap ${trap} handed to the kernel`);
    this.resumeUser(task);
  }

  private _coreFailed(task: Task): void {
    this.kernel.report(`process ${task.group.tgid} (${task.name}) killed: its core failed`);
    this.kernel.signals.sendToGroup(task.group, { signo: Sig.KILL, code: 0 });
  }

  /** The worker thread of a core died with this task on it: the process is killed. */
  coreDied(tcb: number, reason: string): void {
    this.kernel.report(`core died: ${reason}`);
    this.kernel.shared.i32[(tcb + TCB.off.trap) >> 2] = Trap.CORE_ERROR;
    this.onTrap(tcb);
  }

  /** First run of a new task. */
  startTask(task: Task): void {
    if (task.state !== 'new') throw new Invariant(`task ${task.tid} started twice`);
    task.state = 'running';
    task.startNs = this.kernel.monotonicNs();
    this.kernel.running.inc();
    task.recalcSignalPending();
    this.resumeUser(task);
  }

  /** SyscallHost: the call ended (undefined: the handler arranged the registers). */
  syscallDone(task: Task, result: number | bigint | undefined): void {
    if (task.state !== 'running') return;
    if (task.savedSigMask !== null && !isInterrupted(result)) restoreMask(task);
    if (typeof result === 'number') {
      task.setResult(result);
      if (isRestartCode(result)) task.restartCode = -result;
    } else if (result === undefined) task.syscall = null;
    else task.setReg(Reg.RAX, result);
    if (task.tracing === null) this.resumeUser(task);
    else leaveSyscall(task);
  }

  /** SyscallHost: the task is traced or has a seccomp filter. */
  enterSyscall(task: Task): void {
    enterSyscall(task);
  }

  /** SyscallHost: a traced task stops first. */
  stopsBeforeWait(task: Task): boolean {
    return stopsBeforeWait(task);
  }

  /** SyscallHost: cores answer no calls themselves while the kernel wants to see all. */
  watchCalls(isWatched: boolean): void {
    Atomics.store(this.kernel.shared.i32, WATCHED_CALLS, isWatched ? 1 : 0);
  }

  inCoreCount(nr: number): { readonly calls: number; readonly errors: number } {
    return inCoreCount(this.kernel.shared, nr);
  }

  interruptPending(task: Task): boolean {
    return task.signalPending;
  }

  taskBlocked(task: Task): void {
    task.state = 'blocked';
    this.kernel.shared.u32[(task.tcb + TCB.off.nvcsw) >> 2]!++;
    this.kernel.running.dec();
    this.observer?.blocked(task);
    if (task.killStatus !== null) this.attend(task);
  }

  taskUnblocked(task: Task): void {
    task.state = 'running';
    this.kernel.running.inc();
    this.observer?.woken(task);
  }

  onUnimplemented(task: Task, nr: number): void {
    this.kernel.unimplemented.emit(task, nr);
  }

  /** The kernel is done with the trap: signals, then back to user mode, unless the task waits, stopped or exited. */
  resumeUser(task: Task): void {
    if (task.state !== 'running') return;
    if (task.killStatus !== null) exitTask(task, task.killStatus);
    else if (prepareUserReturn(task)) this.makeRunnable(task);
  }

  makeRunnable(task: Task): void {
    const { tcb } = task;
    task.mm.activate(tcb);
    prepareRseq(task);
    publishInCoreState(task);
    Atomics.store(this.kernel.shared.i32, (tcb + TCB.off.interrupt) >> 2, 0);
    this.observer?.ready(task);
    if (this._externalStops === 0) return this._enqueue(tcb);
    this._held.push(task);
    this.kernel.running.dec();
  }

  private _enqueue(tcb: number): void {
    this.onCores++;
    Atomics.store(this.kernel.shared.i32, (tcb + TCB.off.runState) >> 2, RunState.RUNNABLE);
    this.kernel.host.enqueue(tcb);
  }

  /**
   * A signal, kill or SIGCONT concerns the task. On a core it is told to leave guest code; waiting or
   * stopped it is looked at by drain().
   */
  attend(task: Task): void {
    if (task.state === 'running') return this._interruptCore(task);
    if (task.needsAttention || !task.isAlive) return;
    task.needsAttention = true;
    this._attention.push(task);
    if (this._attention.length === 1) this.kernel.host.kick();
  }

  private _interruptCore(task: Task): void {
    const { i32 } = this.kernel.shared;
    Atomics.store(i32, (task.tcb + TCB.off.interrupt) >> 2, 1);
    if (Atomics.load(i32, (task.tcb + TCB.off.runState) >> 2) === RunState.RUNNING) this.kernel.host.preempt(task.tcb);
  }

  /** Parks the task until SIGCONT, its tracer or a kill; called by group stops and ptrace-stops. */
  stop(task: Task): void {
    task.state = 'stopped';
    this.kernel.running.dec();
  }

  /** Looks at tasks that need attention and re-runs woken system calls until none is left. */
  drain(): void {
    if (this._externalStops > 0) return this._notifyListeners();
    do {
      for (let task = this._attention.shift(); task; task = this._attention.shift()) this._lookAt(task);
      this.kernel.dispatcher.drain();
    } while (this._attention.length > 0);
    this._notifyListeners();
  }

  private _lookAt(task: Task): void {
    task.needsAttention = false;
    if (task.state === 'stopped') return this._lookAtStopped(task);
    if (task.state === 'new' && task.killStatus !== null) return exitTask(task, task.killStatus);
    if (task.state !== 'blocked') return;
    if (task.killStatus !== null) {
      this.kernel.dispatcher.abandon(task);
      exitTask(task, task.killStatus);
    } else if (task.signalPending) this.kernel.dispatcher.interrupt(task);
  }

  /** A stop ends by a kill, except the one before the task's end; a ptrace-stop by its tracer; a group stop by SIGCONT. */
  private _lookAtStopped(task: Task): void {
    const { resume, tracing } = task;
    const isInPtraceStop = tracing !== null && tracing.stop !== null;
    const isKilled = task.killStatus !== null && task.exitStatus === null;
    if (resume === null && !isKilled && (isInPtraceStop || task.group.stopRequested)) return;
    task.resume = null;
    if (isInPtraceStop) tracing.stop = null;
    task.state = 'running';
    this.kernel.running.inc();
    if (resume !== null && !isKilled) continueFrom(task, resume);
    else this.resumeUser(task);
  }

  /** kernel.go BeginExternalStop: nests. */
  beginExternalStop(): void {
    this._externalStops++;
    for (const task of this.kernel.tasks.all()) if (task.state === 'running') this._interruptCore(task);
  }

  endExternalStop(): void {
    if (this._externalStops === 0) throw new Invariant('unpause without pause');
    if (--this._externalStops > 0) return;
    for (const task of this._held.splice(0)) {
      this.kernel.running.inc();
      this._enqueue(task.tcb);
    }
  }

  /** The tasks came with an image: they stand still until one endExternalStop. */
  loaded(): void {
    this._externalStops = 1;
  }

  get isStoppedExternally(): boolean {
    return this._externalStops > 0;
  }

  /** Resolves as soon as the condition holds; looked at after every trap and drain. */
  whenReached(isReached: () => boolean): Promise<void> {
    if (isReached()) return Promise.resolve();
    return new Promise((resolve) => this._listeners.push({ isReached, resolve }));
  }

  private _notifyListeners(): void {
    if (this._listeners.length === 0) return;
    const reached = this._listeners.filter((listener) => listener.isReached());
    if (reached.length === 0) return;
    this._listeners = this._listeners.filter((listener) => !reached.includes(listener));
    for (const listener of reached) listener.resolve();
  }
}
