/**
 * The kernel's side of the threads: run queue, core pool, local core and kernel loop, tied together.
 *
 *   Owns:     nothing of its own; forwards to RunQueue, CorePool, LocalCore, KernelLoop, LongPrograms
 *   Accepts:  KernelHost calls of the kernel
 */
import { coreBlockAddr, CoreBlock, CoreCommand, headerWord, RunQueue, TCB, type SharedMemory } from '@troupe/abi';
import type { JitMode } from '@troupe/cpu-worker/jit/jit-mode.js';
import { availableParallelism } from 'node:os';
import type { KernelHost } from '../host-hooks.js';
import type { Kernel } from '../kernel.js';
import type { Command } from '../task/exec-image.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { jumpsWhenIdle, jumpToNextTimer } from '../time/time-flow.js';
import { CorePool, type EngineName } from './core-pool.js';
import { loadCoreModule, type CoreModule } from './core-thread.js';
import { KernelLoop } from './kernel-loop.js';
import { LocalCore } from './local-core.js';
import { LongPrograms } from './long-programs.js';

export class ThreadHost implements KernelHost {
  private readonly _queue: RunQueue;
  readonly pool: CorePool;
  private readonly _programs: LongPrograms;
  private _kernel: Kernel | undefined;
  private _loop: KernelLoop | undefined;
  private _local: LocalCore | undefined;

  /** Without a local core core 0 starts at once: its thread boots while the kernel is being made. */
  constructor(readonly shared: SharedMemory, readonly cores: number, readonly engine: EngineName = 'jit') {
    shared.i32[headerWord('cpuCount')] = cores;
    this._queue = new RunQueue(shared);
    this.pool = new CorePool({ shared, cores, engine, onCoreDied: (tcb, reason) => this._kernel?.runner.coreDied(tcb, reason) });
    this._programs = LongPrograms.of(shared, this._jit);
    if (!this._hasLocalCore) this.pool.startFirst();
  }

  private get _jit(): JitMode {
    return this.engine === 'jit' ? 'background' : 'off';
  }

  private get _hasLocalCore(): boolean {
    return typeof this.engine === 'string' && process.env['TROUPE_LOCAL_CORE'] !== 'off';
  }

  /** Connects the kernel and starts the loop. */
  start(kernel: Kernel): void {
    this._kernel = kernel;
    const { pool } = this;
    this._loop = new KernelLoop({
      shared: this.shared,
      timers: kernel.timers,
      onTrap: (tcb) => kernel.onTrap(tcb),
      drain: () => kernel.drain(),
      afterWork: () => pool.ensureCapacity(this._local?.isCpu === true ? 1 : 0),
      tasksElsewhere: () => kernel.runner.onCores,
      nextTimerMs: () => kernel.timekeeper.hostMsUntil(kernel.timers.nextNs),
      ...(jumpsWhenIdle(kernel) ? { jump: () => jumpToNextTimer(kernel) } : {}),
    }, this.cores < availableParallelism() ? undefined : SHARED_CPU_SPIN_MS);
    this._loop.start();
    if (!this._hasLocalCore) return;
    const module = loadCoreModule();
    if (module instanceof Promise) void module.then((loaded) => this._makeLocalCore(kernel, this._loop!, loaded));
    else this._makeLocalCore(kernel, this._loop, module);
  }

  private _makeLocalCore(kernel: Kernel, loop: KernelLoop, { createLocalSlice }: CoreModule): void {
    const slice = createLocalSlice(this.shared, kernel.frames, this._jit, (message) => kernel.report(message));
    this._local = loop.local = new LocalCore(this.shared, this.cores, slice, loop.target);
    loop.offered();
  }

  enqueue(tcb: number): void {
    if (this._local?.offer(tcb) === true) this._loop!.offered();
    else this._queue.push(tcb);
  }

  preempt(tcb: number): void {
    const core = this.shared.i32[(tcb + TCB.off.lastCore) >> 2]!;
    if (core < 0) return;
    Atomics.or(this.shared.i32, (coreBlockAddr(core) + CoreBlock.off.command) >> 2, CoreCommand.PREEMPT);
  }

  reschedule(): void {
    this._local?.reschedule();
  }

  kick(): void {
    this._loop?.kick();
  }

  executed(group: ThreadGroup, command: Command): void {
    this._programs.executed(group, command);
  }

  exited(group: ThreadGroup): void {
    this._programs.exited(group);
  }

  /** Ends loop and cores. */
  async close(): Promise<void> {
    await this._loop?.stop();
    await this.pool.close();
  }
}

/** With as many cores as CPUs a spinning kernel thread takes time from a core. */
const SHARED_CPU_SPIN_MS = 0.02;
