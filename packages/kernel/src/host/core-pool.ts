/**
 * The worker threads that are the emulated CPUs, kept by piscina: one long-lived task per worker.
 *
 *   Owns:    the pool, the CoreBlock of a core that is not online
 *   Sends:   onCoreDied(tcb, reason) when a worker ends while the kernel runs
 *   Order:   cores start on demand, when a task waits on the run queue and no core is idle
 */
import { CoreBlock, coreBlockAddr, CoreCounter, headerWord, LOCAL_CORE, Occupant, RunQueue, type SharedMemory } from '@troupe/abi';
import { JitArea } from '@troupe/cpu-worker/jit/jit-area.js';
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { newCoreThread } from './core-thread.js';

const SHUTDOWN = headerWord('shutdown');
const ONLINE = headerWord('coreCount');
const IDLE = headerWord('idleCores');
/** A core that dies this often without having run for a while is not started again. */
const MAX_RESTARTS = 100;
const KEEP_ALIVE_MS = 60_000;

/** How guest code runs: interpreted only, translated where it is hot, or by unicorn (path of its library or module; one core). */
export type EngineName = 'interp' | 'jit' | { readonly unicorn: string };

export interface CorePoolOptions {
  readonly shared: SharedMemory;
  readonly cores: number;
  readonly engine: EngineName;
  readonly onCoreDied: (tcb: number, reason: string) => void;
}

export class CorePool {
  readonly #shared: SharedMemory;
  readonly #queue: RunQueue;
  /** By core. */
  readonly #pools: Piscina[] = [];
  #started = 0;
  #restarts = 0;
  #closing = false;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(readonly options: CorePoolOptions) {
    this.#shared = options.shared;
    this.#queue = new RunQueue(options.shared);
  }

  get startedCores(): number {
    return this.#started;
  }

  /** Starts core 0 before there are tasks. */
  startFirst(): void {
    void this.#startCore(this.#started++);
  }

  /** Starts one more core when tasks wait that no core takes, and no core is still booting. */
  ensureCapacity(): void {
    if (this.#started >= this.options.cores || this.#queue.isEmpty) return;
    if (Atomics.load(this.#shared.i32, ONLINE) < this.#started || this.#queue.hasIdleCore) return;
    void this.#startCore(this.#started++);
  }

  async #startCore(coreId: number): Promise<void> {
    const { engine } = this.options;
    // Nothing else keeps this thread alive while the worker imports a module.
    if (typeof engine === 'object') this.#keepAlive ??= setInterval(() => undefined, KEEP_ALIVE_MS);
    const task = { memory: this.#shared.memory, coreId, jit: engine === 'jit' ? 'background' : 'off', ...(typeof engine === 'object' ? engine : {}) };
    const pool = (this.#pools[coreId] ??= await newCoreThread());
    if (this.#closing) return pool.destroy();
    let reason = 'core loop ended';
    try {
      await pool.run(task);
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    this.#onEnd(coreId, reason);
  }

  /** The thread of a core, while it has one. */
  thread(coreId: number): Worker | undefined {
    return this.#pools[coreId]?.threads[0];
  }

  /** The thread of a core ended although the kernel runs. */
  #onEnd(coreId: number, reason: string): void {
    if (this.#closing) return;
    const block = coreBlockAddr(coreId);
    const tcb = this.#shared.u32[(block + CoreBlock.off.currentTcb) >> 2]!;
    if (this.#shared.i32[(block + CoreBlock.off.online) >> 2] !== 0) Atomics.sub(this.#shared.i32, ONLINE, 1);
    this.#shared.u8.fill(0, block, block + CoreBlock.off.bounce);
    this.#resetCpu(block);
    if (tcb !== 0) this.options.onCoreDied(tcb, reason);
    if (this.#restarts++ < MAX_RESTARTS) void this.#startCore(coreId);
  }

  /** The thread may have ended as its CPU, or asleep. */
  #resetCpu(block: number): void {
    const { i32 } = this.#shared;
    Atomics.compareExchange(i32, (block + CoreBlock.off.occupant) >> 2, Occupant.CORE, Occupant.FREE);
    if (Atomics.exchange(i32, (block + CoreBlock.off.asleep) >> 2, 0) !== 0) Atomics.sub(i32, IDLE, 1);
  }

  /** Sums of the cores' counters, and those of translated code, for --stat. */
  counters(): Record<string, number> {
    const sums: Record<string, number> = Object.fromEntries(CoreCounter.map((name) => [name, 0]));
    for (const core of [...Array(this.#started).keys(), LOCAL_CORE]) {
      const base = (coreBlockAddr(core) + CoreBlock.off.counters) / 8;
      CoreCounter.forEach((name, index) => (sums[name]! += Number(this.#shared.u64[base + index]!)));
    }
    return { ...sums, ...JitArea.existing(this.#shared)?.counters() };
  }

  /** Ends all cores and waits for their threads. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#keepAlive);
    Atomics.store(this.#shared.i32, SHUTDOWN, 1);
    for (let core = 0; core < this.#started; core++) Atomics.or(this.#shared.i32, (coreBlockAddr(core) + CoreBlock.off.command) >> 2, 1);
    this.#queue.wakeAll();
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }
}
