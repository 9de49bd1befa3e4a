/**
 * The library's kernel: creates memory, file tree, cores and the inner kernel, and starts processes.
 */
import type { Writable } from 'node:stream';
import { Observable } from 'rxjs';
import { createMemory, FramePool, userCredentials, viewMemory, type ExitStatus, killedBy, Sig, ConfigError, Invariant } from '@troupe/abi';
import { Follow, createVfs, fillRoot, mountVolume, type Volume } from '@troupe/vfs';
import { syncVdsoTime } from '../elf/vdso-mapping.js';
import { FeatureSet } from '../cpu/feature-set.js';
import { FdTable } from '../fdtable.js';
import { ThreadHost } from '../host/kernel-host.js';
import { MemorySystem } from '../mm/memory-system.js';
import { loadKernel } from '../save/load-kernel.js';
import type { SaveStatistics } from '../save/save-kernel.js';
import { Kernel as KernelCore } from '../kernel.js';
import { UserNamespace } from '@troupe/abi';
import { UtsNamespace } from '../namespace/uts-namespace.js';
import type { UnimplementedSyscall } from '../log/unimplemented-events.js';
import { mountKernelTrees } from '../proc/mount-kernel-trees.js';
import type { SchedEvent } from '../sched-trace/events.js';
import { SchedTrace } from '../sched-trace/sched-trace.js';
import { SyscallHooks, type SyscallHook } from '../policy/syscall-hooks.js';
import { SYSCALL_ROWS } from '../syscall/table.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { watchCpuTimers } from '../time/group-timers.js';
import { advanceTime, createTimekeeper } from '../time/time-flow.js';
import { GuestScheduler } from './guest-scheduler.js';
import { takeMetrics, type KernelMetrics } from './metrics.js';
import { readMachine, restoreFrames, type ImageChain, type LoadOptions, type ReadMachine, type SaveOptions } from './images.js';
import { MachineImages } from './machine-images.js';
import { byteString, coresOf, memoryBytesOf, type KernelOptions, type ProcessOptions } from './options.js';
import { Process } from './process.js';
import { Snapshot, type StartMachine } from './snapshot.js';
import { installStdio, streamsOf, type StandardFiles } from './stdio.js';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class Kernel {
  readonly core: KernelCore;
  private readonly _host: ThreadHost;
  private readonly _abort: () => void;
  private readonly _hooks: SyscallHooks;
  private _scheduler: GuestScheduler | undefined;
  private _isClosed = false;
  private readonly _images: MachineImages;

  /** Creates a kernel without processes. Throws ConfigError for a root or volume that cannot be used. */
  static async create(options: KernelOptions = {}): Promise<Kernel> {
    options.signal?.throwIfAborted();
    const cores = coresOf(options);
    const memoryBytes = memoryBytesOf(options);
    const shared = viewMemory(createMemory());
    const frames = FramePool.initialise(shared, memoryBytes);
    // Its first core boots while the rest is made.
    const host = new ThreadHost(shared, cores, options.engine);
    try {
      return await Kernel._createOn(host, frames, options);
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  /**
   * Goes on where `saveTo` stopped, with other cores if need be. `source`: path of a file, bytes, or a stream; of
   * incremental images all, oldest first. All of it is checked first, but pages of files and bytes are read when they
   * are needed, and until then in the background: the bytes must not change. Throws ImageError; nothing has happened then.
   */
  static async loadFrom(source: ImageChain, options: LoadOptions = {}): Promise<Kernel> {
    options.signal?.throwIfAborted();
    coresOf(options);
    const kernel = await Kernel._startMachine(await readMachine(source), options);
    kernel._images.fill();
    return kernel;
  }

  /** Reads images as `loadFrom` does, once, to start several copies. Throws ImageError. */
  static async readSnapshot(source: ImageChain): Promise<Snapshot> {
    const machine = await readMachine(source);
    try {
      return Snapshot.ofMachine(machine, Kernel._start);
    } finally {
      await machine.close();
    }
  }

  private static readonly _start: StartMachine = (machine, options) => Kernel._startMachine(machine, options);

  private static async _startMachine(machine: ReadMachine, options: LoadOptions): Promise<Kernel> {
    const { image, memory } = machine;
    let host: ThreadHost | undefined;
    try {
      const memoryBytes = options.memoryBytes ?? image.info.memoryLimitBytes;
      const frames = restoreFrames(memory.shared, memoryBytes, image.frames);
      frames.absent = memory.absent;
      memory.bring(image.info.kernelFrames);
      host = new ThreadHost(memory.shared, coresOf(options), options.engine);
      const kernel = new Kernel({ ...options, root: { kind: 'memory' }, memoryBytes }, host, frames, machine);
      loadKernel(kernel.core, image.graph);
      for (const [group, stdio] of kernel.core.launched) kernel.processes.push(kernel._processOf(group, stdio));
      if (kernel.core.started) kernel._goOn(options.isPaused ?? false);
      return kernel;
    } catch (error) {
      await host?.close();
      await machine.close();
      throw error;
    }
  }

  /** Processes that the library started, in a kernel that came from an image; they have their streams again. */
  readonly processes: Process[] = [];

  private _goOn(isPaused: boolean): void {
    this._host.start(this.core);
    if (isPaused) return;
    this.core.resumeTime();
    this.core.unpause();
  }

  /**
   * Stops every task, writes the machine to a file or a stream, and goes on, unless `leaveStopped`. A file is written
   * beside its place and moved there when it is complete. Throws ImageError for what cannot be saved; the machine goes on.
   */
  saveTo(target: string | Writable, options: SaveOptions = {}): Promise<SaveStatistics> {
    return this._images.saveTo(target, options);
  }

  /** The machine as it is now, kept in memory; it goes on. Copies of it start quickly. Throws ImageError for what cannot be saved. */
  snapshot(): Promise<Snapshot> {
    return this._images.snapshot(Kernel._start);
  }

  /** A copy of this machine, which goes on beside it. */
  async fork(options: LoadOptions = {}): Promise<Kernel> {
    return (await this.snapshot()).start(options);
  }

  private static async _createOn(host: ThreadHost, frames: FramePool, options: KernelOptions): Promise<Kernel> {
    const kernel = new Kernel(options, host, frames);
    try {
      if (options.root) await fillRoot(kernel.core.vfs, options.root);
      return kernel;
    } catch (error) {
      await kernel.close();
      throw error;
    }
  }

  private constructor(readonly options: KernelOptions, host: ThreadHost, frames: FramePool, loaded: ReadMachine | null = null) {
    this._host = host;
    const userNamespace = new UserNamespace();
    const timekeeper = createTimekeeper(options.time ?? 'host');
    const realtimeNs = (): bigint => timekeeper.realtimeNs();
    const vfs = createVfs({ pool: frames, realtimeNs, root: options.root ?? { kind: 'overlay', hostPath: '/' }, volumes: options.volumes ?? [] });
    this.core = new KernelCore({
      shared: host.shared, frames, host, vfs, memory: new MemorySystem(frames, loaded === null ? {} : { zeroFrame: loaded.image.info.zeroFrame }), rows: SYSCALL_ROWS, timekeeper, applicationCores: host.cores, featureSet: FeatureSet.emulated(),
      rootUserNamespace: userNamespace,
      extraAuxv: options.extraAuxv ?? [], rootUtsNamespace: new UtsNamespace(userNamespace, options.hostname),
    });
    this._hooks = new SyscallHooks(this.core.dispatcher, (message) => this.core.report(message));
    mountKernelTrees(this.core);
    syncVdsoTime(this.core.memory, timekeeper);
    if (options.onReport) this.core.onReport = options.onReport;
    this._images = new MachineImages(this.core, loaded);
    watchCpuTimers(this.core);
    this._abort = () => this.kill();
    options.signal?.addEventListener('abort', this._abort, { once: true });
  }

  /** rxjs scheduler of the guest's time. */
  get scheduler(): GuestScheduler {
    return (this._scheduler ??= new GuestScheduler(this.core.timers, () => this.core.realtimeNs(), () => this._host.kick()));
  }

  /** Moves the guest's time ahead. Throws RangeError when it is that of the host. */
  advanceTime(ns: number | bigint): void {
    advanceTime(this.core, BigInt(ns));
  }

  /** Shows a host directory at a guest path (made when it does not exist). Throws ConfigError. */
  mount(volume: Volume): void {
    mountVolume(this.core.vfs, { ...volume, guestPath: byteString(volume.guestPath) });
  }

  /** Makes a process. It runs from start() on, or at once when the kernel has started. Throws ConfigError or ExecError. */
  createProcess(options: ProcessOptions): Process {
    const fds = new FdTable(this.core.uniqueId());
    const stdio = installStdio(options, fds);
    const group = this._createGroup(options, fds);
    this.core.launched.set(group, stdio);
    if (this.core.started) this.core.startProcess(group);
    return this._processOf(group, stdio);
  }

  private _processOf(group: ThreadGroup, stdio: StandardFiles): Process {
    return new Process(this.core, group, streamsOf(stdio, () => this._host.kick()));
  }

  private _createGroup(options: ProcessOptions, fds: FdTable): ThreadGroup {
    const env = Array.isArray(options.env) ? (options.env as readonly string[]) : Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`);
    try {
      return this.core.createProcess({
        filename: byteString(options.filename ?? this._find(options, env)), argv: options.argv.map(byteString), envp: env.map(byteString),
        workingDirectory: byteString(options.cwd ?? '/'), fds,
        ...(options.umask === undefined ? {} : { umask: options.umask }),
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.user ? { credentials: userCredentials(options.user.uid, options.user.gid, []) } : {}),
        ...(options.containerId ? { containerId: options.containerId } : {}),
      });
    } finally {
      fds.release();
    }
  }

  /** System calls of programs that the kernel does not have; at most 100 events a second after a burst of 1000. */
  get unimplementedSyscalls(): Observable<UnimplementedSyscall> {
    return new Observable((subscriber) => this.core.unimplemented.subscribe((event) => subscriber.next(event)));
  }

  /**
   * A policy hook for a system call (`openat`), a group (`%net`) or all (`*`): a function that is asked before the
   * call, or `{ enter, exit }`. See docs/policy-hooks.md. Returns what removes it. Throws ConfigError for an unknown name.
   */
  onSyscall(name: string, hook: SyscallHook | NonNullable<SyscallHook['enter']>): () => void {
    return this._hooks.add(name, typeof hook === 'function' ? { enter: hook } : hook);
  }

  /** Tells `sink` what tasks and cores do from now on (docs/scaling.md). Returns what ends it; one trace at a time. */
  traceScheduler(sink: (event: SchedEvent) => void): () => void {
    if (this.core.runner.observer !== null) throw new Invariant('the scheduler is traced already');
    const trace = new SchedTrace(this.core, this._host.cores, sink);
    return () => trace.stop();
  }

  /** What the kernel has done so far and holds now. */
  metrics(): KernelMetrics {
    return takeMetrics(this.core, this._host);
  }

  /** execvp(3): a name without a slash is looked up in PATH. */
  private _find(options: ProcessOptions, env: readonly string[]): string {
    const name = options.argv[0];
    if (name === undefined || name === '') throw new ConfigError('no program given', 'argv');
    if (name.includes('/')) return name;
    const path = env.find((entry) => entry.startsWith('PATH='))?.slice(5) ?? DEFAULT_PATH;
    for (const dir of path.split(':')) {
      const candidate = `${dir || '.'}/${name}`;
      if (this.isExecutable(candidate)) return candidate;
    }
    return name;
  }

  /** True for a regular file with an execute bit, seen from the root directory. */
  isExecutable(path: string): boolean {
    const ctx = this.core.supervisorContext().vfsContext();
    const node = this.core.vfs.lookup(ctx, ctx.root, byteString(path), Follow.YES);
    return typeof node !== 'number' && node.inode.isRegular && (node.inode.mode & 0o111) !== 0;
  }

  /** Runs the processes created so far (kernel.go Start). */
  start(): void {
    this._host.start(this.core);
    this.core.start();
  }

  /** Resolves when every process has ended. */
  waitExited(): Promise<void> {
    return this.core.waitExited();
  }

  /** Every process ends as if killed by SIGKILL, or with the given status. */
  kill(status: ExitStatus = killedBy(Sig.KILL)): void {
    if (this.core.started) this.core.kill(status);
  }

  pause(): Promise<void> {
    return this.core.pause();
  }

  unpause(): void {
    this.core.resumeTime();
    this.core.unpause();
  }

  /** Threads and counters of the cores. */
  get host(): ThreadHost {
    return this._host;
  }

  /** Ends cores and threads; processes that still run are lost. */
  async close(): Promise<void> {
    if (this._isClosed) return;
    this._isClosed = true;
    this.options.signal?.removeEventListener('abort', this._abort);
    await this._host.close();
    await this._images.close();
    this.core.vfs.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
