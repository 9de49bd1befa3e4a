/**
 * The kernel's side of the threads: run queue, core pool and kernel loop, tied together.
 *
 *   Owns:     nothing of its own; forwards to RunQueue, CorePool, KernelLoop
 *   Accepts:  KernelHost calls of the kernel
 */
import { coreBlockAddr, CoreBlock, CoreCommand, RunQueue, TCB, type SharedMemory } from '@troupe/abi';
import { availableParallelism } from 'node:os';
import type { KernelHost } from '../host-hooks.js';
import type { Kernel } from '../kernel.js';
import { CorePool, type EngineName } from './core-pool.js';
import { KernelLoop } from './kernel-loop.js';

export class ThreadHost implements KernelHost {
  readonly #queue: RunQueue;
  readonly pool: CorePool;
  #kernel: Kernel | undefined;
  #loop: KernelLoop | undefined;

  /** Starts core 0 at once: its thread boots while the kernel is being made. */
  constructor(readonly shared: SharedMemory, readonly cores: number, engine: EngineName = 'jit') {
    this.#queue = new RunQueue(shared);
    this.pool = new CorePool({ shared, cores, engine, onCoreDied: (tcb, reason) => this.#kernel?.runner.coreDied(tcb, reason) });
    this.pool.ensureCapacity();
  }

  /** Connects the kernel and starts the loop. */
  start(kernel: Kernel): void {
    this.#kernel = kernel;
    const { pool } = this;
    this.#loop = new KernelLoop({
      shared: this.shared,
      timers: kernel.timers,
      onTrap: (tcb) => kernel.onTrap(tcb),
      drain: () => kernel.drain(),
      afterWork: () => pool.ensureCapacity(),
    }, this.cores < availableParallelism() ? undefined : SHARED_CPU_SPIN_MS);
    this.#loop.start();
  }

  enqueue(tcb: number): void {
    this.#queue.push(tcb);
  }

  preempt(tcb: number): void {
    const core = this.shared.i32[(tcb + TCB.off.lastCore) >> 2]!;
    if (core < 0) return;
    Atomics.or(this.shared.i32, (coreBlockAddr(core) + CoreBlock.off.command) >> 2, CoreCommand.PREEMPT);
  }

  kick(): void {
    this.#loop?.kick();
  }

  /** Ends loop and cores. */
  async close(): Promise<void> {
    await this.#loop?.stop();
    await this.pool.close();
  }
}

/** With as many cores as CPUs a spinning kernel thread takes time from a core. */
const SHARED_CPU_SPIN_MS = 0.02;
