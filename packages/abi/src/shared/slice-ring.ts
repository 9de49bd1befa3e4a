/**
 * Which task ran on a core when, for tracing: a ring of the last slices of each core.
 *
 * Owns:   CoreBlock.sliceRing (written by the kernel: address of the ring, 0 = off), sliceHead and the ring (by the core).
 * Order:  a slice is written before sliceHead moves past it. A reader that comes too late loses the oldest ones.
 */
import { CoreBlock, coreBlockAddr } from '../layout/header.js';
import { struct } from '../layout/struct.js';
import type { SharedMemory } from './shared-memory.js';

/** Times: ns of the host's monotonic clock. */
export const SLICE = struct('Slice', { startNs: 'f64', endNs: 'f64', tid: 'i32', cpu: 'i32', trap: 'i32', pad: 'i32' }, 32);
const SLICES = 2048;
export const SLICE_RING_BYTES = SLICES * SLICE.sizeBytes;

export interface Slice {
  readonly startNs: number;
  readonly endNs: number;
  readonly tid: number;
  readonly cpu: number;
  readonly trap: number;
}

const ringWord = (coreId: number): number => (coreBlockAddr(coreId) + CoreBlock.off.sliceRing) >> 2;
const headWord = (coreId: number): number => (coreBlockAddr(coreId) + CoreBlock.off.sliceHead) >> 2;

/** The core's side. */
export function writeSlice(shared: SharedMemory, coreId: number, { cpu, endNs, startNs, tid, trap }: Slice): void {
  const { i32, u32, view } = shared;
  const ring = u32[ringWord(coreId)]!;
  if (ring === 0) return;
  const head = i32[headWord(coreId)]!;
  const at = ring + (head & (SLICES - 1)) * SLICE.sizeBytes;
  view.setFloat64(at + SLICE.off.startNs, startNs, true);
  view.setFloat64(at + SLICE.off.endNs, endNs, true);
  i32[(at + SLICE.off.tid) >> 2] = tid;
  i32[(at + SLICE.off.cpu) >> 2] = cpu;
  i32[(at + SLICE.off.trap) >> 2] = trap;
  Atomics.store(i32, headWord(coreId), (head + 1) | 0);
}

/** True when the slices of a core are wanted. */
export function isSliceWanted(shared: SharedMemory, coreId: number): boolean {
  return shared.u32[ringWord(coreId)] !== 0;
}

/** The reader's side, of one core. */
export class SliceReader {
  private _seen: number;

  /** `ring`: address of SLICE_RING_BYTES that nobody else uses. */
  constructor(readonly shared: SharedMemory, readonly coreId: number, readonly ring: number) {
    this._seen = Atomics.load(shared.i32, headWord(coreId));
    Atomics.store(shared.u32, ringWord(coreId), ring);
  }

  /** Gives the slices that are new to `sink`; returns how many were lost. */
  read(sink: (slice: Slice) => void): number {
    const { i32, view } = this.shared;
    const head = Atomics.load(i32, headWord(this.coreId));
    const fresh = (head - this._seen) | 0;
    // The slot behind the newest may be in the writing.
    const lost = Math.max(0, fresh - (SLICES - 1));
    for (let n = (this._seen + lost) | 0; n !== head; n = (n + 1) | 0) {
      const at = this.ring + (n & (SLICES - 1)) * SLICE.sizeBytes;
      const { off } = SLICE;
      sink({ startNs: view.getFloat64(at + off.startNs, true), endNs: view.getFloat64(at + off.endNs, true), tid: i32[(at + off.tid) >> 2]!, cpu: i32[(at + off.cpu) >> 2]!, trap: i32[(at + off.trap) >> 2]! });
    }
    this._seen = head;
    return lost;
  }

  stop(): void {
    Atomics.store(this.shared.u32, ringWord(this.coreId), 0);
  }
}
