/**
 * The kernel thread's own core. Tasks that make system calls often run here, between their calls, on
 * the thread that answers the calls: a trap is a function call, and a task that another one wakes
 * runs next without any thread being woken. What computes goes to the core threads.
 *
 *   Owns:     CoreBlock of LOCAL_CORE, the list of tasks that wait for this core (RUNNABLE, on no queue)
 *   Borrows:  a free CPU (RunQueue.occupy) while a task runs; the run queue
 *   Sends:    onTrap(tcb), when a task left guest code
 *   Order:    guest code runs from the kernel loop only, never inside a trap; the CPU is vacated before the trap is handled
 */
import { headerWord, KernelRing, Occupant, RunQueue, TCB, Trap, type SharedMemory } from '@troupe/abi';
import type { TaskSlice } from '@troupe/cpu-worker/worker/task-slice.js';

const ONLINE = headerWord('coreCount');
/** Taken branches between two looks at ring and clock. */
const BUDGET_BRANCHES = 8192;
/** A task that usually traps sooner than this always runs here: handing it to another thread costs more. */
const SHORT_BURST_NS = 30_000;
/** One that traps sooner than this runs here while nothing else wants to. */
const LONG_BURST_NS = 10_000_000;
/** So long a task may keep others waiting that want to run here. */
const SHARED_SLICE_MS = 0.1;
const SLICE_MS = 20;
/** Tasks on the run queue that only this thread's CPU could run wait so long at most, then all take turns on the core threads. */
const STARVATION_MS = 5;

export class LocalCore {
  readonly #queue: RunQueue;
  readonly #ring: KernelRing;
  /** Tasks that wait for this core. */
  #waiting: number[] = [];
  /** Since when somebody else has been waiting for our CPU; 0 = nobody. */
  #deniedSinceMs = 0;

  constructor(readonly shared: SharedMemory, readonly cpus: number, readonly slice: TaskSlice, readonly onTrap: (tcb: number) => void) {
    this.#queue = new RunQueue(shared);
    this.#ring = new KernelRing(shared);
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes a RUNNABLE task, if it is better run here than on another thread. */
  offer(tcb: number): boolean {
    if (!this.#suits(tcb)) return false;
    this.#waiting.push(tcb);
    return true;
  }

  #suits(tcb: number): boolean {
    const burstNs = this.shared.u32[(tcb + TCB.off.burstNs) >> 2]!;
    return burstNs <= SHORT_BURST_NS || (burstNs <= LONG_BURST_NS && this.#waiting.length === 0);
  }

  /** Runs the next task until it traps, or for a slice; false when there is none. `untilMs`: the kernel thread has other things to do then. */
  run(untilMs: number): boolean {
    const tcb = this.#next();
    if (tcb === 0) return false;
    const cpu = this.#occupyCpu(tcb);
    if (cpu < 0) {
      this.#queue.push(tcb);
      return true;
    }
    this.slice.begin(tcb, cpu);
    const trap = this.#runSlice(untilMs);
    this.slice.end(trap);
    this.#queue.vacate(cpu);
    if (trap === Trap.PREEMPT) this.#putBack(tcb);
    else this.onTrap(tcb);
    return true;
  }

  /** The first of the highest priority; 0 = none. While no core thread is up, all tasks are for us. */
  #next(): number {
    if (this.#waiting.length === 0) return Atomics.load(this.shared.i32, ONLINE) === 0 ? this.#takeQueued() : 0;
    if (this.#isStarving()) this.#handAllOver();
    if (this.#waiting.length < 2) return this.#waiting.shift() ?? 0;
    let best = 0;
    this.#waiting.forEach((tcb, index) => {
      if (this.#priority(tcb) > this.#priority(this.#waiting[best]!)) best = index;
    });
    return this.#waiting.splice(best, 1)[0]!;
  }

  #takeQueued(): number {
    for (let cpu = 0; cpu < this.cpus && !this.#queue.isEmpty; cpu++) {
      const tcb = this.#queue.pop(cpu);
      if (tcb !== 0) return tcb;
    }
    return 0;
  }

  #priority(tcb: number): number {
    return this.shared.i32[(tcb + TCB.off.schedPriority) >> 2]!;
  }

  /** A free CPU the task may run on, -1 = none; from the end, where threads are started last. */
  #occupyCpu(tcb: number): number {
    for (let cpu = this.cpus - 1; cpu >= 0; cpu--) if (this.#queue.mayRun(tcb, cpu) && this.#queue.occupy(cpu, Occupant.KERNEL)) return cpu;
    return -1;
  }

  #runSlice(untilMs: number): number {
    const startMs = this.slice.nowMs;
    for (;;) {
      const trap = this.slice.run(BUDGET_BRANCHES);
      if (trap !== Trap.PREEMPT) return trap;
      const { nowMs } = this.slice;
      if (!this.#ring.isEmpty || nowMs >= untilMs) return trap;
      if (nowMs - startMs > (this.#waiting.length > 0 ? SHARED_SLICE_MS : SLICE_MS)) return trap;
    }
  }

  /** A task that was interrupted goes on here if it does not compute. */
  #putBack(tcb: number): void {
    if (Atomics.load(this.shared.i32, ONLINE) === 0 || this.#suits(tcb)) this.#waiting.unshift(tcb);
    else this.#queue.push(tcb);
  }

  /** Tasks wait on the run queue, and no core thread has taken one although it is awake. */
  #isStarving(): boolean {
    if (this.#queue.isEmpty || Atomics.load(this.shared.i32, ONLINE) === 0) this.#deniedSinceMs = 0;
    else if (this.#deniedSinceMs === 0) this.#deniedSinceMs = performance.now();
    else if (performance.now() - this.#deniedSinceMs > STARVATION_MS) return true;
    return false;
  }

  #handAllOver(): void {
    this.#deniedSinceMs = 0;
    for (const tcb of this.#waiting.splice(0)) this.#queue.push(tcb);
  }
}
