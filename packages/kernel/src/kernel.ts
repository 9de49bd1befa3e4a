/**
 * The emulated Linux kernel: life cycle of processes, time, and the meeting point of the actors
 * (kernel.go Kernel).
 *
 * Everything here runs on the thread that made the kernel. Traps, timers and external calls are
 * handled one after the other, each to its end, which replaces the seed's extMu.
 */
import type { FramePool, ExitStatus, SharedMemory, SigInfo } from '@troupe/abi';
import { ActorSystem, FIRST_FREE_NAMESPACE_INODE, Invariant } from '@troupe/abi';
import type { Clock, Timekeeper } from '@troupe/time';
import type { UnixNamespace, Vfs } from '@troupe/vfs';
import { SupervisorContext } from './context/supervisor-context.js';
import type { FeatureSet } from './cpu/feature-set.js';
import { maxPossibleCpu } from './cpu/host-cpus.js';
import { syncVdsoTime } from './elf/vdso-mapping.js';
import { FutexManager } from './futex.js';
import type { KernelHost } from './host-hooks.js';
import { checkArgs, type AuxEntry, type InitKernelArgs } from './init-kernel-args.js';
import { Ipc } from './ipc/ipc.js';
import { logBoot } from './log/boot-messages.js';
import { KernelLog, LogLevel } from './log/kernel-log.js';
import { UnimplementedEvents } from './log/unimplemented-events.js';
import { MemorySystem } from './mm/memory-system.js';
import { CgroupNamespace } from './namespace/cgroup-namespace.js';
import { IpcNamespace } from './namespace/ipc-namespace.js';
import type { NamespaceSet } from './namespace/namespace-set.js';
import { NetworkNamespace } from './namespace/network-namespace.js';
import { PidNamespace } from './namespace/pid-namespace.js';
import type { UserNamespace } from '@troupe/abi';
import { UtsNamespace } from './namespace/uts-namespace.js';
import { NetlinkPorts } from './net/netlink-ports.js';
import { ProcessEvents } from './net/process-events.js';
import { SocketTable } from './net/socket-table.js';
import { TaskStats } from './net/task-stats.js';
import { Signals } from './signal/signals.js';
import { Dispatcher } from './syscall/dispatch.js';
import { createProcess } from './task/create-process.js';
import type { CreateProcessArgs } from './task/create-process.js';
import { RunningTasks } from './task/running-tasks.js';
import { Timers } from './timers.js';
import { TaskRunner } from './task/task-runner.js';
import { TaskSet } from './task/task-set.js';
import type { Task } from './task/task.js';
import type { StandardFiles } from './api/stdio.js';
import { TcbPool } from './task/tcb-pool.js';
import type { ThreadGroup } from './task/thread-group.js';

export type { AuxEntry, InitKernelArgs };

const DEFAULT_MAX_TASKS = 4096;

export class Kernel {
  readonly shared: SharedMemory;
  readonly frames: FramePool;
  readonly memory: MemorySystem;
  readonly host: KernelHost;
  readonly vfs: Vfs;
  readonly timekeeper: Timekeeper;
  /** Exchange of messages between TaskSet, Signals and Timers. */
  readonly actors = new ActorSystem();
  readonly timers: Timers;
  readonly dispatcher: Dispatcher;
  readonly tasks: TaskSet;
  readonly signals: Signals;
  readonly ipc: Ipc;
  readonly futexes: FutexManager;
  readonly tcbs: TcbPool;
  readonly running: RunningTasks;
  readonly runner: TaskRunner;
  readonly applicationCores: number;
  readonly useHostCores: boolean;
  readonly featureSet: FeatureSet;
  readonly extraAuxv: readonly AuxEntry[];
  readonly rootUserNamespace: UserNamespace;
  readonly rootUtsNamespace: UtsNamespace;
  readonly rootIpcNamespace: IpcNamespace;
  readonly rootPidNamespace: PidNamespace;
  /** What the first process starts with. */
  readonly rootNamespaces: NamespaceSet;
  /** The kernel log: dmesg(1), /dev/kmsg. */
  readonly syslog: KernelLog;
  readonly netlinkPorts = new NetlinkPorts();
  /** Events of processes, and statistics of tasks, for netlink sockets. */
  readonly processEvents = new ProcessEvents(this);
  readonly taskStats = new TaskStats(this);
  /** Every socket that exists (kernel.go RecordSocket, ListSockets). */
  readonly sockets = new SocketTable();
  /** Events for system calls that do not exist. */
  readonly unimplemented: UnimplementedEvents;
  /** Thread group with tid 1, kept after its end; null before the first createProcess. */
  globalInit: ThreadGroup | null = null;
  /** A process ended; its exitStatus is final. */
  onGroupExit: ((group: ThreadGroup) => void) | null = null;
  /** Hears what report() says. */
  onReport: ((message: string) => void) | null = null;
  /** A signal is about to be acted on (tracing). */
  onSignal: ((task: Task, info: SigInfo) => void) | null = null;
  /** Standard files of the processes that the library started, while these live. */
  readonly launched = new Map<ThreadGroup, StandardFiles>();
  started = false;
  private _uniqueId = 0;
  /** Namespaces made by programs so far; part of the saved state. */
  namespaceCount = 0;
  /** Last cookie given out; part of the saved state. */
  lastInotifyCookie = 0;
  private _saveError: Error | null = null;

  /** kernel.go Init: a kernel without tasks. */
  constructor(args: InitKernelArgs) {
    checkArgs(args);
    this.shared = args.shared;
    this.frames = args.frames;
    this.futexes = new FutexManager(args.frames);
    this.memory = args.memory ?? new MemorySystem(args.frames);
    this.host = args.host;
    this.memory.onTablesDenied = () => this.host.reschedule();
    this.vfs = args.vfs;
    this.timekeeper = args.timekeeper;
    this.syslog = new KernelLog(args.timekeeper.monotonicClock);
    this.unimplemented = new UnimplementedEvents(args.timekeeper.monotonicClock);
    this.useHostCores = args.useHostCores ?? false;
    this.applicationCores = this.useHostCores ? Math.max(args.applicationCores, maxPossibleCpu() + 1) : args.applicationCores;
    this.featureSet = args.featureSet;
    this.extraAuxv = args.extraAuxv ?? [];
    this.rootUserNamespace = args.rootUserNamespace;
    this.rootUtsNamespace = args.rootUtsNamespace ?? new UtsNamespace(args.rootUserNamespace);
    this.rootIpcNamespace = args.rootIpcNamespace ?? new IpcNamespace(args.rootUserNamespace);
    this.timers = new Timers(this);
    this.tcbs = new TcbPool(args.frames);
    this.tasks = new TaskSet(this, args.maxTasks ?? DEFAULT_MAX_TASKS);
    this.rootPidNamespace = new PidNamespace(this.tasks, args.rootUserNamespace);
    this.ipc = new Ipc(this);
    this.rootNamespaces = this._firstNamespaces();
    this.signals = new Signals(this);
    this.running = new RunningTasks(args.shared, this.monotonicClock, this.timers);
    this.runner = new TaskRunner(this);
    for (const actor of [this.timers, this.tasks, this.signals]) this.actors.register(actor);
    this.dispatcher = new Dispatcher(this.runner, args.rows);
    logBoot(this);
  }

  private _firstNamespaces(): NamespaceSet {
    const owner = this.rootUserNamespace;
    const net = new NetworkNamespace(owner, this.ipc.unixNames);
    net.loopback.bringUp();
    return {
      uts: this.rootUtsNamespace, ipc: this.rootIpcNamespace, mount: this.vfs.mounts, net, cgroup: new CgroupNamespace(owner),
      pidForChildren: this.rootPidNamespace,
    };
  }

  /** Inode number of a namespace that a program makes. */
  newNamespaceInode(): number {
    return FIRST_FREE_NAMESPACE_INODE + this.namespaceCount++;
  }

  /** Abstract names of local sockets (unix(7)). */
  get rootAbstractSocketNamespace(): UnixNamespace {
    return this.ipc.unixNames;
  }

  /** kernel.go SupervisorContext: for work of the kernel's owner. */
  supervisorContext(): SupervisorContext {
    return new SupervisorContext(this);
  }

  get monotonicClock(): Clock {
    return this.timekeeper.monotonicClock;
  }

  get realtimeClock(): Clock {
    return this.timekeeper.realtimeClock;
  }

  /** ns since kernel start. */
  monotonicNs(): number {
    return this.timekeeper.monotonicNs();
  }

  /** ns since the epoch. */
  realtimeNs(): bigint {
    return this.timekeeper.realtimeNs();
  }

  /** kernel.go CPUClockNow: ticks of 10 ms during which something ran. */
  cpuClockNow(): bigint {
    return this.running.cpuClockNow();
  }

  /** kernel.go UniqueID: never repeats, never 0. */
  uniqueId(): number {
    return ++this._uniqueId;
  }

  /** kernel.go GenerateInotifyCookie: wraps at 2^32 and skips 0. */
  generateInotifyCookie(): number {
    this.lastInotifyCookie = (this.lastInotifyCookie + 1) >>> 0 || 1;
    return this.lastInotifyCookie;
  }

  /** kernel.go CreateProcess: a new process without a parent; runs at start(), or at startProcess() when already started. */
  createProcess(args: CreateProcessArgs): ThreadGroup {
    const group = createProcess(this, args);
    this.globalInit ??= group;
    return group;
  }

  /** kernel.go StartProcess. */
  startProcess(group: ThreadGroup): void {
    this.runner.startTask(group.leader);
    this.host.kick();
  }

  /** kernel.go Start: runs every task created so far. */
  start(): void {
    if (!this.globalInit) throw new Invariant('kernel contains no tasks');
    if (this.started) throw new Invariant('kernel already started');
    this.started = true;
    this.running.startTicker();
    this.resumeTime();
    for (const task of [...this.tasks.all()]) if (task.state === 'new') this.runner.startTask(task);
    this.host.kick();
  }

  /** kernel.go pauseTimeLocked: clocks of programs and every timer stand still; idempotent. Preconditions: no task runs (pause). */
  pauseTime(): void {
    if (this.runner.onCores > 0) throw new Invariant('time paused while tasks run');
    this.running.pause();
    this.timekeeper.pauseUpdates();
  }

  /** kernel.go resumeTimeLocked: they go on where they stopped; idempotent. */
  resumeTime(): void {
    if (this.timekeeper.isPaused) {
      this.timekeeper.resumeUpdates();
      syncVdsoTime(this.memory, this.timekeeper);
    }
    this.running.resume();
    this.host.kick();
  }

  /** kernel.go WaitExited: resolves when every task has exited. */
  waitExited(): Promise<void> {
    return this.runner.whenReached(() => this.tasks.liveCount === 0);
  }

  /** kernel.go Kill: every task exits as if group exiting with `status`; does not wait. */
  kill(status: ExitStatus): void {
    this.actors.ask('TaskSet.Kill', { status });
    this.host.kick();
  }

  /** kernel.go Pause: nests; resolves when no task runs any more. */
  pause(): Promise<void> {
    this.actors.ask('TaskSet.Pause', {});
    return this.runner.whenReached(() => this.runner.onCores === 0);
  }

  /** kernel.go Unpause. */
  unpause(): void {
    this.actors.ask('TaskSet.Unpause', {});
    this.host.kick();
  }

  /** kernel.go SendExternalSignal: to the init process, or the session's terminal group by its caller's choice. */
  sendExternalSignal(info: SigInfo): void {
    if (!this.globalInit) throw new Invariant('kernel contains no init process');
    this.signals.sendToGroup(this.globalInit, info);
    this.host.kick();
  }

  /** kernel.go SendContainerSignal: to every process of the container; the last error, or 0. */
  sendContainerSignal(containerId: string, info: SigInfo): number {
    const lastError = this.actors.ask('Signals.SendToContainer', { containerId, info });
    this.host.kick();
    return lastError;
  }

  get saveError(): Error | null {
    return this._saveError;
  }

  /** kernel.go SetSaveError: the first one is kept. */
  setSaveError(error: Error): void {
    this._saveError ??= error;
  }

  /** Something the owner of the kernel should know; also goes to the kernel log. */
  report(message: string): void {
    this.syslog.append(message, LogLevel.ERR);
    this.onReport?.(message);
  }

  /** Host loop: a core handed this TCB over. */
  onTrap(tcb: number): void {
    this.runner.onTrap(tcb);
  }

  /** Host loop: re-runs woken system calls. */
  drain(): void {
    this.runner.drain();
  }

  /** Gives a task to the cores. */
  makeRunnable(task: Task): void {
    this.runner.makeRunnable(task);
  }
}
