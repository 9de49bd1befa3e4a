/**
 * The loop of a core's thread: takes runnable tasks, runs guest code, hands traps to the kernel.
 *
 *   Owns:     CoreBlock.online of its core, and its CPU while it occupies it
 *   Borrows:  run queue (pop, push of preempted tasks), kernel ring (push)
 *   Accepts:  CoreCommand bits, the shutdown word
 *   Order:    the CPU is vacated before the TCB is handed over, so that the kernel thread may go on as that CPU;
 *             who gets it with a trap is the kernel thread, if it wants to be one (RunQueue.yieldCpu)
 */
import { CoreBlock, coreBlockAddr, CoreCounter, headerWord, HostLoad, KernelRing, Occupant, RunQueue, TCB, Trap, type SharedMemory } from '@troupe/abi';
import { TaskSlice, type TaskSliceOptions } from './task-slice.js';

const SHUTDOWN = headerWord('shutdown');
const CORE_COUNT = headerWord('coreCount');
/** Taken branches between two looks at the clock: well under a millisecond. */
const BUDGET_BRANCHES = 50_000;
const TIME_SLICE_MS = 5;
/** A wake-up through the host costs several µs: look this long before going to sleep. */
const SPIN_MS = 0.01;
/** A thread that looks at the clock all the time and misses so much has lost its processor. */
const LOST_MS = 0.5;
const SLEEP_MS = 10_000;

export interface CoreLoopOptions extends TaskSliceOptions {
  /** An idle core looks for work this long before it sleeps when tasks in the kernel may come back to it. */
  readonly longSpinMs?: number;
}

export class CoreLoop {
  readonly #shared: SharedMemory;
  readonly #queue: RunQueue;
  readonly #ring: KernelRing;
  readonly #block: number;
  readonly #longSpinMs: number;
  readonly #host: HostLoad;
  readonly #slice: TaskSlice;

  constructor(readonly options: CoreLoopOptions) {
    this.#shared = options.shared;
    this.#queue = new RunQueue(options.shared);
    this.#ring = new KernelRing(options.shared);
    this.#block = coreBlockAddr(options.coreId);
    this.#host = new HostLoad(options.shared);
    this.#longSpinMs = options.longSpinMs ?? SPIN_MS;
    this.#slice = new TaskSlice(options);
  }

  /** Runs until the shutdown word is set. */
  run(): void {
    const { i32 } = this.#shared;
    const online = (this.#block + CoreBlock.off.online) >> 2;
    Atomics.store(i32, online, 1);
    Atomics.add(i32, CORE_COUNT, 1);
    while (Atomics.load(i32, SHUTDOWN) === 0) {
      const tcb = this.#take();
      if (tcb !== 0) this.#runTask(tcb);
      else if (!this.#spin()) this.#sleep();
    }
    Atomics.store(i32, online, 0);
    Atomics.sub(i32, CORE_COUNT, 1);
  }

  /** A task, and the CPU with it; or 0. */
  #take(): number {
    const { coreId } = this.options;
    if (this.#queue.isEmpty || !this.#queue.occupy(coreId, Occupant.CORE)) return 0;
    const tcb = this.#queue.pop(coreId);
    if (tcb === 0) this.#queue.vacate(coreId);
    return tcb;
  }

  #spin(): boolean {
    const startMs = performance.now();
    let nowMs = startMs;
    do {
      for (let i = 0; i < 50; i++) if (this.#queue.hasWork(this.options.coreId)) return true;
      const beforeMs = nowMs;
      nowMs = performance.now();
      if (nowMs - beforeMs > LOST_MS) this.#host.noteLost();
    } while (nowMs - startMs < this.#spinMs);
    return false;
  }

  get #spinMs(): number {
    return this.#queue.hasTasksInKernel && !this.#host.isCrowded ? this.#longSpinMs : SPIN_MS;
  }

  #sleep(): void {
    this.#shared.u64[(this.#block + CoreBlock.off.counters) / 8 + CoreCounter.indexOf('idleWaits')]! += 1n;
    this.#queue.sleep(this.options.coreId, SLEEP_MS);
  }

  #runTask(tcb: number): void {
    const { coreId } = this.options;
    this.#slice.begin(tcb, coreId);
    const trap = this.#runSlice(tcb);
    this.#slice.end(trap);
    if (trap === Trap.PREEMPT) {
      this.#queue.push(tcb);
      return this.#queue.vacate(coreId);
    }
    this.#queue.yieldCpu(coreId);
    this.#ring.push(tcb);
  }

  #runSlice(tcb: number): number {
    const endMs = this.#slice.nowMs + this.#sliceMs(tcb);
    for (;;) {
      const trap = this.#slice.run(BUDGET_BRANCHES);
      if (trap !== Trap.PREEMPT) return trap;
      if (!this.#queue.isEmpty && this.#mustYield(tcb, this.#slice.nowMs >= endMs)) return Trap.PREEMPT;
    }
  }

  /** Somebody of a higher priority waits; or of the same one, when the slice is over (sched(7)). */
  #mustYield(tcb: number, isSliceOver: boolean): boolean {
    const best = this.#queue.bestPriority(this.options.coreId);
    const own = this.#shared.i32[(tcb + TCB.off.schedPriority) >> 2]!;
    return best > own || (best === own && isSliceOver);
  }

  #sliceMs(tcb: number): number {
    const sliceUs = this.#shared.u32[(tcb + TCB.off.sliceUs) >> 2]!;
    return sliceUs === 0 ? TIME_SLICE_MS : sliceUs / 1000;
  }
}
