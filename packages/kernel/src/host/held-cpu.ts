/**
 * The CPU that the kernel thread is while it has tasks of its own. It keeps the number while it works on traps, so
 * that as many threads run as there are CPUs: with one more, the host lets them take turns of milliseconds.
 *
 *   Owns:     CoreBlock.occupant while it is Occupant.KERNEL; cpuWanted of KernelHeader (a core answers the wish)
 *   Order:    a core may leave its CPU to the kernel thread until the wish is withdrawn, which is before the thread sleeps
 */
import { Occupant, type RunQueue } from '@troupe/abi';

export class HeldCpu {
  /** -1 = none. */
  number = -1;
  private _isWanted = false;

  constructor(readonly queue: RunQueue, readonly cpus: number) {}

  /** Becomes a CPU the task may run on, and returns its number; -1 = none is free, and the next one to be is wanted. */
  hold(tcb: number): number {
    this.takeOver();
    if (this.number >= 0 && this.queue.mayRun(tcb, this.number)) return this.number;
    this.release();
    this.number = this._free(tcb);
    if (this.number < 0) this._want();
    return this.number;
  }

  /** From the end, where threads are started last. */
  private _free(tcb: number): number {
    for (let cpu = this.cpus - 1; cpu >= 0; cpu--) if (this.queue.mayRun(tcb, cpu) && this.queue.occupy(cpu, Occupant.KERNEL)) return cpu;
    return -1;
  }

  private _want(): void {
    this.queue.wantCpu();
    this._isWanted = true;
  }

  /** A core may have left its CPU to the kernel thread. */
  takeOver(): void {
    if (!this._isWanted) return;
    this.number = this.queue.takeLeftCpu();
    this._isWanted = this.number < 0;
  }

  /** Gives the CPU back, and wants none. */
  release(): void {
    if (this._isWanted) this.number = this.queue.withdrawWish();
    this._isWanted = false;
    if (this.number >= 0) this.queue.vacate(this.number);
    this.number = -1;
  }
}
