/**
 * The run queue: one ring of TCB addresses in shared memory, pushed to by the kernel and by cores
 * that preempt a task, popped by cores.
 *
 * Owns:   runqLock runqHead runqTail runqWake idleCores of KernelHeader and the RUN_QUEUE slots.
 * Order:  slots, head and tail change only under runqLock. A pusher changes the queue first and
 *         bumps runqWake afterwards; a core reads runqWake before it looks at the queue and sleeps
 *         only on that value, so no wake-up is lost.
 */
import { headerWord } from '../layout/header.js';
import { RUN_QUEUE, RUN_QUEUE_SLOTS } from '../layout/memory-map.js';
import { TCB } from '../layout/tcb.js';
import { invariant } from '../errors.js';
import type { SharedMemory } from './shared-memory.js';
import { lockWord, unlockWord } from './spin-lock.js';

const LOCK = headerWord('runqLock');
const HEAD = headerWord('runqHead');
const TAIL = headerWord('runqTail');
const WAKE = headerWord('runqWake');
const IDLE = headerWord('idleCores');
const SHUTDOWN = headerWord('shutdown');
const SLOTS = RUN_QUEUE >> 2;
const MASK = RUN_QUEUE_SLOTS - 1;
const ALL_CORES = 0xffff_ffff_ffff_ffffn;
/** Lower than every priority. */
export const NO_WORK = -128;

export class RunQueue {
  constructor(readonly shared: SharedMemory) {}

  /** Appends a RUNNABLE task and wakes a sleeping core (all of them when the task is pinned). */
  push(tcb: number): void {
    const { i32, u32, u64 } = this.shared;
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
    const pinned = u64[(tcb + TCB.off.affinity) / 8] !== ALL_CORES;
    this.wakeCores(pinned ? Infinity : 1);
  }

  wakeCores(count: number): void {
    Atomics.add(this.shared.i32, WAKE, 1);
    Atomics.notify(this.shared.i32, WAKE, count);
  }

  /** Takes the first task of the highest priority that may run on the core, or 0. */
  pop(coreId: number): number {
    const { i32 } = this.shared;
    if (Atomics.load(i32, HEAD) === Atomics.load(i32, TAIL)) return 0;
    lockWord(i32, LOCK);
    const at = this.#best(coreId);
    const tcb = at < 0 ? 0 : this.#take(at);
    unlockWord(i32, LOCK);
    return tcb;
  }

  /** Priority of the task that pop would give, or NO_WORK. */
  bestPriority(coreId: number): number {
    const { i32, u32 } = this.shared;
    if (this.isEmpty) return NO_WORK;
    lockWord(i32, LOCK);
    const at = this.#best(coreId);
    const priority = at < 0 ? NO_WORK : i32[(u32[SLOTS + at]! + TCB.off.schedPriority) >> 2]!;
    unlockWord(i32, LOCK);
    return priority;
  }

  /** Slot of the first task of the highest priority that may run on the core, or -1. Preconditions: runqLock held. */
  #best(coreId: number): number {
    const { i32, u32 } = this.shared;
    const tail = i32[TAIL]!;
    let best = -1;
    let bestPriority = NO_WORK;
    for (let at = i32[HEAD]!; at !== tail; at = (at + 1) | 0) {
      const tcb = u32[SLOTS + (at & MASK)]!;
      const priority = i32[(tcb + TCB.off.schedPriority) >> 2]!;
      const affinity = u32[((tcb + TCB.off.affinity) >> 2) + (coreId >> 5)]!;
      if (priority <= bestPriority || ((affinity >>> (coreId & 31)) & 1) === 0) continue;
      best = at & MASK;
      bestPriority = priority;
    }
    return best;
  }

  /** Preconditions: runqLock held, a task in the slot. */
  #take(slot: number): number {
    const { i32, u32 } = this.shared;
    const head = i32[HEAD]!;
    const tcb = u32[SLOTS + slot]!;
    for (let back = slot; back !== (head & MASK); back = (back - 1) & MASK) u32[SLOTS + back] = u32[SLOTS + ((back - 1) & MASK)]!;
    i32[HEAD] = (head + 1) | 0;
    return tcb;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.shared.i32, HEAD) === Atomics.load(this.shared.i32, TAIL);
  }

  /** Sleeps until a push happens after `seen` was read from wakeWord(); returns at once when one already did. */
  sleep(coreId: number, seen: number, timeoutMs: number): void {
    const { i32 } = this.shared;
    Atomics.add(i32, IDLE, 1);
    if (this.bestPriority(coreId) === NO_WORK && Atomics.load(i32, SHUTDOWN) === 0) Atomics.wait(i32, WAKE, seen, timeoutMs);
    Atomics.sub(i32, IDLE, 1);
  }

  get wakeWord(): number {
    return Atomics.load(this.shared.i32, WAKE);
  }
}

