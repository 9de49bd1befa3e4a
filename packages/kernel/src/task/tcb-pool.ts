/** Storage of task control blocks: two per frame. */
import type { FramePool } from '@troupe/abi';
import { Errno, PAGE_SIZE, RunState, TCB, zeroMemory } from '@troupe/abi';

const TCBS_PER_FRAME = PAGE_SIZE / TCB.sizeBytes;

export class TcbPool {
  private readonly _free: number[] = [];
  /** Linear addresses of all frames it has. */
  readonly pages: number[] = [];

  constructor(readonly frames: FramePool) {}

  /** A zeroed TCB, or -EAGAIN. */
  alloc(): number {
    if (this._free.length === 0 && !this._grow()) return -Errno.EAGAIN;
    return this._free.pop()!;
  }

  private _grow(): boolean {
    const frame = this.frames.alloc();
    if (frame === 0) return false;
    this.pages.push(frame);
    for (let n = TCBS_PER_FRAME - 1; n >= 0; n--) this._free.push(frame + n * TCB.sizeBytes);
    return true;
  }

  free(tcb: number): void {
    const { i32 } = this.frames.shared;
    zeroMemory(this.frames.shared, tcb, tcb + TCB.sizeBytes);
    Atomics.store(i32, (tcb + TCB.off.runState) >> 2, RunState.DEAD);
    this._free.push(tcb);
  }
}
