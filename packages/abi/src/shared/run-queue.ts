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

  /** Takes the first task that may run on the core, or 0. */
  pop(coreId: number): number {
    const { i32 } = this.shared;
    if (Atomics.load(i32, HEAD) === Atomics.load(i32, TAIL)) return 0;
    lockWord(i32, LOCK);
    const tcb = this.#takeFirstAllowed(coreId);
    unlockWord(i32, LOCK);
    return tcb;
  }

  #takeFirstAllowed(coreId: number): number {
    const { i32, u32, u64 } = this.shared;
    const head = i32[HEAD]!;
    const tail = i32[TAIL]!;
    for (let at = head; at !== tail; at = (at + 1) | 0) {
      const tcb = u32[SLOTS + (at & MASK)]!;
      const affinity = u64[(tcb + TCB.off.affinity) / 8]!;
      if (affinity !== ALL_CORES && ((affinity >> BigInt(coreId)) & 1n) === 0n) continue;
      for (let back = at; back !== head; back = (back - 1) | 0) u32[SLOTS + (back & MASK)] = u32[SLOTS + ((back - 1) & MASK)]!;
      i32[HEAD] = (head + 1) | 0;
      return tcb;
    }
    return 0;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.shared.i32, HEAD) === Atomics.load(this.shared.i32, TAIL);
  }

  /** Sleeps until a push happens after `seen` was read from wakeWord(); returns at once when one already did. */
  sleep(seen: number, timeoutMs: number): void {
    const { i32 } = this.shared;
    Atomics.add(i32, IDLE, 1);
    if (this.isEmpty && Atomics.load(i32, SHUTDOWN) === 0) Atomics.wait(i32, WAKE, seen, timeoutMs);
    Atomics.sub(i32, IDLE, 1);
  }

  get wakeWord(): number {
    return Atomics.load(this.shared.i32, WAKE);
  }
}

const ALL_CORES = 0xffff_ffff_ffff_ffffn;
