/**
 * The core loop: one emulated CPU. Takes runnable tasks, runs guest code, hands traps to the kernel.
 *
 *   Owns:     its CoreBlock (all words but `command`); the TCB of the task it runs, while RUNNING
 *   Borrows:  run queue (pop, push of preempted tasks), kernel ring (push)
 *   Accepts:  CoreCommand bits (PREEMPT, SAFEPOINT, FLUSH_HIGH, STOP), the shutdown word
 *   Order:    runState is stored last when a TCB changes hands; currentTcb is cleared before that,
 *             so that a dead core's currentTcb names the task it took down
 */
import { CoreBlock, coreBlockAddr, CoreCommand, CoreCounter, headerWord, KernelRing, NO_WORK, RunQueue, RunState, TCB, Trap, Vector, type SharedMemory } from '@troupe/abi';
import type { Engine } from '../interp/engine.js';

const SHUTDOWN = headerWord('shutdown');
const CORE_COUNT = headerWord('coreCount');
/** Taken branches between two looks at the clock: well under a millisecond. */
const BUDGET_BRANCHES = 50_000;
const TIME_SLICE_MS = 5;
/** A wake-up through the host costs several µs: look this long before going to sleep. */
const SPIN_MS = 0.01;
const SLEEP_MS = 10_000;

export interface CoreLoopOptions {
  readonly shared: SharedMemory;
  readonly coreId: number;
  /** Makes an engine; called again after a failure, so that the core goes on with a fresh one. */
  readonly createEngine: () => Engine;
  /** Idle cores look for work this long before they sleep. */
  readonly spinMs?: number;
  readonly report: (message: string) => void;
}

export class CoreLoop {
  readonly #shared: SharedMemory;
  readonly #queue: RunQueue;
  readonly #ring: KernelRing;
  readonly #block: number;
  readonly #spinMs: number;
  #engine: Engine;

  constructor(readonly options: CoreLoopOptions) {
    this.#shared = options.shared;
    this.#queue = new RunQueue(options.shared);
    this.#ring = new KernelRing(options.shared);
    this.#block = coreBlockAddr(options.coreId);
    this.#spinMs = options.spinMs ?? SPIN_MS;
    this.#engine = options.createEngine();
  }

  /** Runs until the shutdown word is set. */
  run(): void {
    const { i32 } = this.#shared;
    Atomics.store(i32, this.#word('online'), 1);
    Atomics.add(i32, CORE_COUNT, 1);
    while (Atomics.load(i32, SHUTDOWN) === 0) {
      const seen = this.#queue.wakeWord;
      const tcb = this.#queue.pop(this.options.coreId);
      if (tcb !== 0) this.#runTask(tcb);
      else if (!this.#spin()) this.#sleep(seen);
    }
    Atomics.store(i32, this.#word('online'), 0);
    Atomics.sub(i32, CORE_COUNT, 1);
  }

  #spin(): boolean {
    const until = performance.now() + this.#spinMs;
    do {
      for (let i = 0; i < 50; i++) if (!this.#queue.isEmpty && this.#queue.bestPriority(this.options.coreId) !== NO_WORK) return true;
    } while (performance.now() < until);
    return false;
  }

  #sleep(seen: number): void {
    this.#count('idleWaits', 1n);
    this.#queue.sleep(this.options.coreId, seen, SLEEP_MS);
  }

  #runTask(tcb: number): void {
    const { i32, u32, u64 } = this.#shared;
    u32[this.#word('currentTcb')] = tcb;
    Atomics.store(i32, this.#word('currentAsId'), u32[(tcb + TCB.off.asId) >> 2]!);
    i32[(tcb + TCB.off.lastCore) >> 2] = this.options.coreId;
    Atomics.store(i32, (tcb + TCB.off.runState) >> 2, RunState.RUNNING);
    this.#count('contextSwitches', 1n);
    const instructionsBefore = u64[(tcb + TCB.off.instructions) / 8]!;
    const trap = this.#runSlice(tcb);
    this.#count('instructions', u64[(tcb + TCB.off.instructions) / 8]! - instructionsBefore);
    this.#countTrap(tcb, trap);
    this.#handOver(tcb, trap);
  }

  #runSlice(tcb: number): number {
    let atMs = performance.now();
    const endMs = atMs + this.#sliceMs(tcb);
    for (;;) {
      if (Atomics.load(this.#shared.i32, (tcb + TCB.off.interrupt) >> 2) !== 0) return Trap.INTERRUPT;
      const trap = this.#enterGuest(tcb);
      const nowMs = performance.now();
      this.#shared.u64[(tcb + TCB.off.cpuTimeNs) / 8]! += BigInt(Math.round((nowMs - atMs) * 1e6));
      atMs = nowMs;
      if (trap !== Trap.PREEMPT) return trap;
      if (!this.#queue.isEmpty && this.#mustYield(tcb, nowMs >= endMs)) return Trap.PREEMPT;
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

  #countTrap(tcb: number, trap: number): void {
    if (trap === Trap.SYSCALL) this.#count('syscalls', 1n);
    else if (trap === Trap.PREEMPT) this.#count('preemptions', 1n);
    else if (trap === Trap.INTERRUPT) this.#count('interrupts', 1n);
    else this.#count(this.#shared.u32[(tcb + TCB.off.trapVector) >> 2] === Vector.PF ? 'pageFaults' : 'exceptions', 1n);
  }

  /** Guest code runs between inGuest = 1 and the epoch's next value: a safepoint for shootdowns. */
  #enterGuest(tcb: number): number {
    const { i32 } = this.#shared;
    Atomics.store(i32, this.#word('inGuest'), 1);
    try {
      return this.#engine.run(tcb, BUDGET_BRANCHES);
    } catch (error) {
      this.options.report(`core ${this.options.coreId}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
      this.#engine = this.options.createEngine();
      return Trap.CORE_ERROR;
    } finally {
      Atomics.store(i32, this.#word('inGuest'), 0);
      Atomics.add(i32, this.#word('epoch'), 1);
      Atomics.and(i32, this.#word('command'), ~(CoreCommand.PREEMPT | CoreCommand.SAFEPOINT));
    }
  }

  #handOver(tcb: number, trap: number): void {
    const { i32, u32 } = this.#shared;
    const preempted = trap === Trap.PREEMPT;
    i32[(tcb + TCB.off.trap) >> 2] = trap;
    if (preempted) u32[(tcb + TCB.off.nivcsw) >> 2]!++;
    Atomics.store(i32, this.#word('currentAsId'), 0);
    Atomics.store(i32, this.#word('currentTcb'), 0);
    Atomics.store(i32, (tcb + TCB.off.runState) >> 2, preempted ? RunState.RUNNABLE : RunState.TRAPPED);
    if (preempted) this.#queue.push(tcb);
    else this.#ring.push(tcb);
  }

  #word(field: keyof typeof CoreBlock.off): number {
    return (this.#block + CoreBlock.off[field]) >> 2;
  }

  #count(name: (typeof CoreCounter)[number], by: bigint): void {
    this.#shared.u64[(this.#block + CoreBlock.off.counters) / 8 + CoreCounter.indexOf(name)]! += by;
  }
}
