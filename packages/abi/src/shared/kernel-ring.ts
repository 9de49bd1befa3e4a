/**
 * The kernel ring: cores hand trapped TCBs to the kernel (many writers, one reader).
 *
 * Owns:   ringHead ringTail doorbell kernelSleeping of KernelHeader and the KERNEL_RING slots.
 * Order:  a writer claims a slot (add on ringHead), fills it, then rings the doorbell. The reader
 *         empties a slot by storing 0. A TCB is in the ring at most once, so the ring never overflows.
 */
import { CoreBlock, coreBlockAddr, CoreCommand, headerWord, LOCAL_CORE } from '../layout/header.js';
import { KERNEL_RING, KERNEL_RING_SLOTS } from '../layout/memory-map.js';
import type { SharedMemory } from './shared-memory.js';

const HEAD = headerWord('ringHead');
const TAIL = headerWord('ringTail');
const SLEEPING = headerWord('kernelSleeping');
const SLOTS = KERNEL_RING >> 2;
const MASK = KERNEL_RING_SLOTS - 1;

const LOCAL_IN_GUEST = (coreBlockAddr(LOCAL_CORE) + CoreBlock.off.inGuest) >> 2;
const LOCAL_COMMAND = (coreBlockAddr(LOCAL_CORE) + CoreBlock.off.command) >> 2;

export const DOORBELL = headerWord('doorbell');

export class KernelRing {
  constructor(readonly shared: SharedMemory) {}

  /** Any core: hands the TCB over. Its runState must already be TRAPPED. */
  push(tcb: number): void {
    const { i32 } = this.shared;
    const slot = Atomics.add(i32, HEAD, 1) & MASK;
    Atomics.store(i32, SLOTS + slot, tcb | 0);
    this.ring();
  }

  /** Wakes the kernel thread if it sleeps; gets it out of guest code soon if it runs some. */
  ring(): void {
    const { i32 } = this.shared;
    Atomics.add(i32, DOORBELL, 1);
    if (Atomics.load(i32, SLEEPING) !== 0) Atomics.notify(i32, DOORBELL, 1);
    else if (Atomics.load(i32, LOCAL_IN_GUEST) !== 0) Atomics.or(i32, LOCAL_COMMAND, CoreCommand.PREEMPT);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.shared.i32, SLOTS + (this.shared.i32[TAIL]! & MASK)) === 0;
  }

  /** Kernel thread only: the next TCB, or 0. */
  pop(): number {
    const { i32 } = this.shared;
    const tail = i32[TAIL]!;
    const slot = SLOTS + (tail & MASK);
    const tcb = Atomics.load(i32, slot);
    if (tcb === 0) return 0;
    Atomics.store(i32, slot, 0);
    i32[TAIL] = (tail + 1) | 0;
    return tcb >>> 0;
  }

  get doorbell(): number {
    return Atomics.load(this.shared.i32, DOORBELL);
  }

  setSleeping(sleeping: boolean): void {
    Atomics.store(this.shared.i32, SLEEPING, sleeping ? 1 : 0);
  }

  /** Kernel thread: resolves when the doorbell moved past `seen` or the time is over. */
  async whenRung(seen: number, timeoutMs: number): Promise<void> {
    const wait = Atomics.waitAsync(this.shared.i32, DOORBELL, seen, timeoutMs);
    if (wait.async) await wait.value;
  }
}
