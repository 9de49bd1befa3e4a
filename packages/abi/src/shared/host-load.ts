/**
 * Whether the host has a processor for every thread of the kernel: one that lost its own for a while says so, and for the
 * next 16 to 32 ms nobody waits for another thread without sleeping.
 *
 * Owns: lostTick of KernelHeader.
 */
import { headerWord } from '../layout/header.js';
import type { SharedMemory } from './shared-memory.js';

const LOST = headerWord('lostTick');
const TICK_MS = 16;
const CROWDED_TICKS = 2;

export class HostLoad {
  constructor(readonly shared: SharedMemory) {}

  /** This thread did not run although it wanted to. */
  noteLost(): void {
    Atomics.store(this.shared.i32, LOST, tick());
  }

  get isCrowded(): boolean {
    return (tick() - Atomics.load(this.shared.i32, LOST)) >>> 0 < CROWDED_TICKS;
  }
}

/** The same on all threads. */
function tick(): number {
  return Math.floor((performance.timeOrigin + performance.now()) / TICK_MS) | 0;
}
