/**
 * The run queue: one ring of TCB addresses in shared memory, pushed to by the kernel and by cores
 * that preempt a task, popped by cores; and who runs as which CPU.
 *
 * Owns:   runqLock runqHead runqTail idleCores cpuWanted of KernelHeader, the RUN_QUEUE slots, CoreBlock.occupant and asleep.
 * Order:  slots, head and tail change only under runqLock, which nobody holds across a call or a wait.
 *         A thread takes a task off the queue only while it occupies a CPU, so that a CPU runs one
 *         task at a time. A pusher changes the queue, or frees a CPU, and looks at the sleepers
 *         afterwards; a core sets `asleep` and looks at queue and CPU afterwards: one sees the other.
 */
import { CoreBlock, coreBlockAddr, headerWord, Occupant } from '../layout/header.js';
import { RUN_QUEUE, RUN_QUEUE_SLOTS } from '../layout/memory-map.js';
import { TCB } from '../layout/tcb.js';
import { invariant } from '../errors.js';
import type { SharedMemory } from './shared-memory.js';
import { lockWord, unlockWord } from './spin-lock.js';

const LOCK = headerWord('runqLock');
const HEAD = headerWord('runqHead');
const TAIL = headerWord('runqTail');
const CPUS = headerWord('cpuCount');
const IDLE = headerWord('idleCores');
const SHUTDOWN = headerWord('shutdown');
const RUNNING = headerWord('runningTasks');
const WANTED = headerWord('cpuWanted');
const SLOTS = RUN_QUEUE >> 2;
const MASK = RUN_QUEUE_SLOTS - 1;
/** Values of cpuWanted. */
const CPU_WANTED = 1;
const FIRST_LEFT = 2;
/** Lower than every priority. */
export const NO_WORK = -128;

export class RunQueue {
  constructor(readonly shared: SharedMemory) {}

  /** Appends a RUNNABLE task and wakes a sleeping core that may run it. */
  push(tcb: number): void {
    const { i32, u32 } = this.shared;
    lockWord(i32, LOCK);
    const tail = i32[TAIL]!;
    const used = (tail - i32[HEAD]!) | 0;
    if (used < RUN_QUEUE_SLOTS) {
      u32[SLOTS + (tail & MASK)] = tcb;
      i32[TAIL] = (tail + 1) | 0;
    }
    unlockWord(i32, LOCK);
    invariant(used < RUN_QUEUE_SLOTS, 'run queue overflow');
    if (Atomics.load(i32, IDLE) === 0) return;
    for (let cpu = 0; cpu < i32[CPUS]!; cpu++) if (this.mayRun(tcb, cpu) && this._wake(cpu)) return;
  }

  /** True when the core of a free CPU slept and was woken. */
  private _wake(cpu: number): boolean {
    const { i32 } = this.shared;
    const asleep = coreWord(cpu, 'asleep');
    if (Atomics.load(i32, asleep) === 0 || Atomics.load(i32, coreWord(cpu, 'occupant')) !== Occupant.FREE) return false;
    if (Atomics.compareExchange(i32, asleep, 1, 0) !== 1) return false;
    Atomics.notify(i32, asleep);
    return true;
  }

  /** Ends the sleep of every core. */
  wakeAll(): void {
    const { i32 } = this.shared;
    for (let cpu = 0; cpu < i32[CPUS]!; cpu++) {
      Atomics.store(i32, coreWord(cpu, 'asleep'), 0);
      Atomics.notify(i32, coreWord(cpu, 'asleep'));
    }
  }

  /** The affinity of the task allows the CPU. */
  mayRun(tcb: number, cpu: number): boolean {
    return ((this.shared.u32[((tcb + TCB.off.affinity) >> 2) + (cpu >> 5)]! >>> (cpu & 31)) & 1) !== 0;
  }

  /** Becomes the CPU; false when somebody else is. */
  occupy(cpu: number, as: number): boolean {
    return Atomics.compareExchange(this.shared.i32, coreWord(cpu, 'occupant'), Occupant.FREE, as) === Occupant.FREE;
  }

  /** Gives the CPU back; its core wakes when there is work for it. */
  vacate(cpu: number): void {
    const { i32 } = this.shared;
    Atomics.store(i32, coreWord(cpu, 'occupant'), Occupant.FREE);
    if (!this.isEmpty && Atomics.load(i32, coreWord(cpu, 'asleep')) !== 0 && this.bestPriority(cpu) !== NO_WORK) this._wake(cpu);
  }

  /** Gives the CPU back after a trap: to the kernel thread if that wants to be one. */
  yieldCpu(cpu: number): void {
    const { i32 } = this.shared;
    if (Atomics.load(i32, WANTED) !== CPU_WANTED) return this.vacate(cpu);
    Atomics.store(i32, coreWord(cpu, 'occupant'), Occupant.KERNEL);
    if (Atomics.compareExchange(i32, WANTED, CPU_WANTED, FIRST_LEFT + cpu) !== CPU_WANTED) this.vacate(cpu);
  }

  /** Kernel thread: wants to be a CPU instead of a core thread. Preconditions: no wish stands. */
  wantCpu(): void {
    Atomics.store(this.shared.i32, WANTED, CPU_WANTED);
  }

  /** Kernel thread: the CPU that was left to it, or -1. */
  takeLeftCpu(): number {
    const left = Atomics.load(this.shared.i32, WANTED) - FIRST_LEFT;
    return left < 0 ? -1 : this.withdrawWish();
  }

  /** Kernel thread: wants none any more; the CPU that was left to it before, or -1. */
  withdrawWish(): number {
    return Math.max(-1, Atomics.exchange(this.shared.i32, WANTED, 0) - FIRST_LEFT);
  }

  /** Takes the first task of the highest priority that may run on the core, or 0. */
  pop(coreId: number): number {
    return this.popIf(coreId, () => true);
  }

  /** The same, if the task suits: an answer that takes no time, as it is given under the lock. */
  popIf(coreId: number, suits: (tcb: number) => boolean): number {
    const { i32, u32 } = this.shared;
    if (Atomics.load(i32, HEAD) === Atomics.load(i32, TAIL)) return 0;
    lockWord(i32, LOCK);
    const at = this._best(coreId);
    const tcb = at < 0 || !suits(u32[SLOTS + at]!) ? 0 : this._take(at);
    unlockWord(i32, LOCK);
    return tcb;
  }

  /** Priority of the task that pop would give, or NO_WORK. */
  bestPriority(coreId: number): number {
    const { i32, u32 } = this.shared;
    if (this.isEmpty) return NO_WORK;
    lockWord(i32, LOCK);
    const at = this._best(coreId);
    const priority = at < 0 ? NO_WORK : i32[(u32[SLOTS + at]! + TCB.off.schedPriority) >> 2]!;
    unlockWord(i32, LOCK);
    return priority;
  }

  /** Slot of the first task of the highest priority that may run on the core, or -1. Preconditions: runqLock held. */
  private _best(coreId: number): number {
    const { i32, u32 } = this.shared;
    const tail = i32[TAIL]!;
    let best = -1;
    let bestPriority = NO_WORK;
    for (let at = i32[HEAD]!; at !== tail; at = (at + 1) | 0) {
      const tcb = u32[SLOTS + (at & MASK)]!;
      const priority = i32[(tcb + TCB.off.schedPriority) >> 2]!;
      if (priority <= bestPriority || !this.mayRun(tcb, coreId)) continue;
      best = at & MASK;
      bestPriority = priority;
    }
    return best;
  }

  /** Preconditions: runqLock held, a task in the slot. */
  private _take(slot: number): number {
    const { i32, u32 } = this.shared;
    const head = i32[HEAD]!;
    const tcb = u32[SLOTS + slot]!;
    for (let back = slot; back !== (head & MASK); back = (back - 1) & MASK) u32[SLOTS + back] = u32[SLOTS + ((back - 1) & MASK)]!;
    i32[HEAD] = (head + 1) | 0;
    return tcb;
  }

  /** The lowest CPU that a task waits for which may run on none below `cpu`; -1 = there is no such task. */
  wantedFrom(cpu: number): number {
    const { i32, u32 } = this.shared;
    let wanted = -1;
    lockWord(i32, LOCK);
    const tail = i32[TAIL]!;
    for (let at = i32[HEAD]!; at !== tail; at = (at + 1) | 0) {
      const first = this._firstCpuOf(u32[SLOTS + (at & MASK)]!);
      if (first >= cpu && (wanted < 0 || first < wanted)) wanted = first;
    }
    unlockWord(i32, LOCK);
    return wanted;
  }

  private _firstCpuOf(tcb: number): number {
    for (let cpu = 0; cpu < this.shared.i32[CPUS]!; cpu++) if (this.mayRun(tcb, cpu)) return cpu;
    return -1;
  }

  /** Tasks on the queue. */
  get waiting(): number {
    return (Atomics.load(this.shared.i32, TAIL) - Atomics.load(this.shared.i32, HEAD)) | 0;
  }

  get isEmpty(): boolean {
    return this.waiting === 0;
  }

  /** There is a task for the CPU, and nobody else is the CPU. */
  hasWork(cpu: number): boolean {
    return !this.isEmpty && Atomics.load(this.shared.i32, coreWord(cpu, 'occupant')) === Occupant.FREE && this.bestPriority(cpu) !== NO_WORK;
  }

  /** The kernel thread runs tasks in place of a core, and more tasks want to run than CPUs have: one may come from the kernel soon. */
  get hasTasksInKernel(): boolean {
    const { i32 } = this.shared;
    let occupied = 0;
    let isStoodInFor = false;
    for (let cpu = i32[CPUS]! - 1; cpu >= 0; cpu--) {
      const occupant = Atomics.load(i32, coreWord(cpu, 'occupant'));
      if (occupant !== Occupant.FREE) occupied++;
      if (occupant === Occupant.KERNEL) isStoodInFor = true;
    }
    return isStoodInFor && Atomics.load(i32, RUNNING) > occupied;
  }

  /** A core that can become its CPU looks for work. */
  get hasAwakeIdleCore(): boolean {
    const { i32 } = this.shared;
    for (let cpu = 0; cpu < i32[CPUS]!; cpu++) {
      if (Atomics.load(i32, coreWord(cpu, 'occupant')) === Occupant.FREE && Atomics.load(i32, coreWord(cpu, 'online')) !== 0 && Atomics.load(i32, coreWord(cpu, 'asleep')) === 0) return true;
    }
    return false;
  }

  /** A core sleeps that can become its CPU. */
  get hasIdleCore(): boolean {
    const { i32 } = this.shared;
    for (let cpu = 0; cpu < i32[CPUS]! && Atomics.load(i32, IDLE) > 0; cpu++) {
      if (Atomics.load(i32, coreWord(cpu, 'asleep')) !== 0 && Atomics.load(i32, coreWord(cpu, 'occupant')) === Occupant.FREE) return true;
    }
    return false;
  }

  /** The core's thread sleeps until it is woken; returns at once when there is work. */
  sleep(cpu: number, timeoutMs: number): void {
    const { i32 } = this.shared;
    const asleep = coreWord(cpu, 'asleep');
    Atomics.store(i32, asleep, 1);
    Atomics.add(i32, IDLE, 1);
    if (!this.hasWork(cpu) && Atomics.load(i32, SHUTDOWN) === 0) Atomics.wait(i32, asleep, 1, timeoutMs);
    Atomics.store(i32, asleep, 0);
    Atomics.sub(i32, IDLE, 1);
  }
}

function coreWord(core: number, field: 'occupant' | 'asleep' | 'online'): number {
  return (coreBlockAddr(core) + CoreBlock.off[field]) >> 2;
}
