/** How busy the cores of a kernel were over time, in few numbers however long it runs. */
import type { SchedEvent } from '../../sched-trace/events.js';

export interface CoreUse {
  /** Length of a bin. */
  readonly binMs: number;
  /** By core, then by bin: the share of its time that it ran guest code, 0 to 1. */
  readonly busy: readonly (readonly number[])[];
}

const FIRST_BIN_NS = 10e6;
const MAX_BINS = 240;

export class CoreUseMeter {
  private _binNs = FIRST_BIN_NS;
  private readonly _busyNs: number[][];

  constructor(readonly cores: number) {
    this._busyNs = Array.from({ length: cores }, () => []);
  }

  add(event: SchedEvent): void {
    if (event.kind === 'slice') this.addSlice(event.core, event.startNs, event.endNs);
  }

  addSlice(core: number, startNs: number, endNs: number): void {
    while (endNs > this._binNs * MAX_BINS) this._coarsen();
    const bins = this._busyNs[core];
    for (let at = Math.max(0, startNs); bins !== undefined && at < endNs; ) {
      const bin = Math.floor(at / this._binNs);
      const until = Math.min(endNs, (bin + 1) * this._binNs);
      while (bins.length <= bin) bins.push(0);
      bins[bin]! += until - at;
      at = until;
    }
  }

  /** Twice as long bins. */
  private _coarsen(): void {
    this._binNs *= 2;
    for (const bins of this._busyNs) {
      const pairs = Array.from({ length: Math.ceil(bins.length / 2) }, (_, index) => bins[index * 2]! + (bins[index * 2 + 1] ?? 0));
      bins.splice(0, bins.length, ...pairs);
    }
  }

  use(): CoreUse {
    const count = Math.max(...this._busyNs.map((bins) => bins.length));
    const share = (ns: number): number => Math.round(Math.min(1, ns / this._binNs) * 1000) / 1000;
    return { binMs: this._binNs / 1e6, busy: this._busyNs.map((bins) => Array.from({ length: count }, (_, bin) => share(bins[bin] ?? 0))) };
  }
}

/** Share of the whole time that a core was busy. */
export function meanBusy(busy: readonly number[]): number {
  return busy.length === 0 ? 0 : busy.reduce((sum, share) => sum + share, 0) / busy.length;
}
