/**
 * The worker threads that are the emulated CPUs, kept by piscina: one long-lived task per worker.
 *
 *   Owns:    the pool, the CoreBlock of a core that is not online
 *   Sends:   onCoreDied(tcb, reason) when a worker ends while the kernel runs
 *   Order:   cores start on demand, when a task waits on the run queue and no core is idle
 */
import { CoreBlock, coreBlockAddr, CoreCounter, headerWord, LOCAL_CORE, Occupant, RunQueue, type SharedMemory } from '@troupe/abi';
import { JitArea } from '@troupe/cpu-worker/jit/jit-area.js';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { newCoreThread } from './core-thread.js';

const SHUTDOWN = headerWord('shutdown');
const ONLINE = headerWord('coreCount');
const IDLE = headerWord('idleCores');
/** A core that dies this often without having run for a while is not started again. */
const MAX_RESTARTS = 100;
const KEEP_ALIVE_MS = 60_000;
/** Where each core has a CPU of the host, an idle one waits so long for tasks that the kernel works for. */
const LONG_SPIN_MS = 0.2;

/** How guest code runs: interpreted only, translated where it is hot, or by unicorn (path of its library or module; one core). */
export type EngineName = 'interp' | 'jit' | { readonly unicorn: string };

export interface CorePoolOptions {
  readonly shared: SharedMemory;
  readonly cores: number;
  readonly engine: EngineName;
  readonly onCoreDied: (tcb: number, reason: string) => void;
}

export class CorePool {
  private readonly _shared: SharedMemory;
  private readonly _queue: RunQueue;
  /** By core. */
  private readonly _pools: Piscina[] = [];
  private _started = 0;
  private _restarts = 0;
  private _closing = false;
  private _keepAlive: NodeJS.Timeout | undefined;

  constructor(readonly options: CorePoolOptions) {
    this._shared = options.shared;
    this._queue = new RunQueue(options.shared);
  }

  get startedCores(): number {
    return this._started;
  }

  /** Starts core 0 before there are tasks. */
  startFirst(): void {
    void this._startCore(this._started++);
  }

  /** Starts cores while more tasks wait than cores that boot, and no core is idle; none in place of which others run tasks, but for the first and for those that alone may run a task. */
  ensureCapacity(standIns: number): void {
    if (this._started >= this.options.cores || this._queue.isEmpty) return;
    const wanted = Math.max(1, this.options.cores - standIns);
    while (this._started <= this._queue.wantedFrom(this._started)) void this._startCore(this._started++);
    if (this._started >= wanted || this._queue.hasIdleCore) return;
    const online = Atomics.load(this._shared.i32, ONLINE);
    while (this._started < wanted && this._queue.waiting > this._started - online) void this._startCore(this._started++);
  }

  private async _startCore(coreId: number): Promise<void> {
    const { engine } = this.options;
    // Nothing else keeps this thread alive while the worker imports a module.
    if (typeof engine === 'object') this._keepAlive ??= setInterval(() => undefined, KEEP_ALIVE_MS);
    const task = { memory: this._shared.memory, coreId, ...(this.options.cores > availableParallelism() ? {} : { longSpinMs: LONG_SPIN_MS }), jit: engine === 'jit' ? 'background' : 'off', ...(typeof engine === 'object' ? engine : {}) };
    const pool = (this._pools[coreId] ??= await newCoreThread());
    if (this._closing) return pool.destroy();
    let reason = 'core loop ended';
    try {
      await pool.run(task);
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    this._onEnd(coreId, reason);
  }

  /** The thread of a core, while it has one. */
  thread(coreId: number): Worker | undefined {
    return this._pools[coreId]?.threads[0];
  }

  /** The thread of a core ended although the kernel runs. */
  private _onEnd(coreId: number, reason: string): void {
    if (this._closing) return;
    const block = coreBlockAddr(coreId);
    const tcb = this._shared.u32[(block + CoreBlock.off.currentTcb) >> 2]!;
    if (this._shared.i32[(block + CoreBlock.off.online) >> 2] !== 0) Atomics.sub(this._shared.i32, ONLINE, 1);
    this._shared.u8.fill(0, block, block + CoreBlock.off.bounce);
    this._resetCpu(block);
    if (tcb !== 0) this.options.onCoreDied(tcb, reason);
    if (this._restarts++ < MAX_RESTARTS) void this._startCore(coreId);
  }

  /** The thread may have ended as its CPU, or asleep. */
  private _resetCpu(block: number): void {
    const { i32 } = this._shared;
    Atomics.compareExchange(i32, (block + CoreBlock.off.occupant) >> 2, Occupant.CORE, Occupant.FREE);
    if (Atomics.exchange(i32, (block + CoreBlock.off.asleep) >> 2, 0) !== 0) Atomics.sub(i32, IDLE, 1);
  }

  /** Sums of the cores' counters, and those of translated code, for --stat. */
  counters(): Record<string, number> {
    const sums: Record<string, number> = Object.fromEntries(CoreCounter.map((name) => [name, 0]));
    for (const core of [...Array(this._started).keys(), LOCAL_CORE]) {
      const base = (coreBlockAddr(core) + CoreBlock.off.counters) / 8;
      CoreCounter.forEach((name, index) => (sums[name]! += Number(this._shared.u64[base + index]!)));
    }
    return { ...sums, ...JitArea.existing(this._shared)?.counters() };
  }

  /** Ends all cores and waits for their threads. */
  async close(): Promise<void> {
    this._closing = true;
    clearInterval(this._keepAlive);
    Atomics.store(this._shared.i32, SHUTDOWN, 1);
    for (let core = 0; core < this._started; core++) Atomics.or(this._shared.i32, (coreBlockAddr(core) + CoreBlock.off.command) >> 2, 1);
    this._queue.wakeAll();
    await Promise.all(this._pools.map((pool) => pool.destroy()));
  }
}
