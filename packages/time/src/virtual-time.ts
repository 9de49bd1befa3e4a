import { HostTimeSource, type TimeSource } from './clock.js';

/** How a kernel's time goes. */
export interface TimeFlow {
  /** Guest nanoseconds per nanosecond of the host; 0 = time stands still but for `advance`. */
  readonly rate: number;
  /** When no task runs, time jumps to the next timer. */
  readonly jumpsWhenIdle: boolean;
}

/** Time that goes faster or slower than the host's, stands still, or jumps. */
export class VirtualTimeSource implements TimeSource {
  private _hostNs: bigint;
  private _monotonicNs: bigint;
  /** realtime − monotonic. */
  private readonly _realtimeOffsetNs: bigint;

  /** Throws RangeError when the rate is negative or not finite. */
  constructor(readonly flow: TimeFlow, readonly host: TimeSource = new HostTimeSource()) {
    if (!Number.isFinite(flow.rate) || flow.rate < 0) throw new RangeError(`rate of time: ${flow.rate} is not a number from 0 on`);
    this._hostNs = this._monotonicNs = host.monotonicNs();
    this._realtimeOffsetNs = host.realtimeNs() - this._hostNs;
  }

  monotonicNs(): bigint {
    const { rate } = this.flow;
    const passedNs = this.host.monotonicNs() - this._hostNs;
    if (rate === 0) return this._monotonicNs;
    return this._monotonicNs + (rate === 1 ? passedNs : BigInt(Math.round(Number(passedNs) * rate)));
  }

  realtimeNs(): bigint {
    return this.monotonicNs() + this._realtimeOffsetNs;
  }

  /** Time jumps ahead. */
  advance(ns: bigint): void {
    if (ns < 0n) throw new RangeError(`time cannot go back by ${-ns} ns`);
    this._monotonicNs = this.monotonicNs() + ns;
    this._hostNs = this.host.monotonicNs();
  }

  /** It came with an image: goes on from the value of the last `advance`. */
  settle(): void {
    this._hostNs = this.host.monotonicNs();
  }

  /** Host nanoseconds until `ns` have passed; Infinity when time stands still. */
  hostNsFor(ns: number): number {
    if (ns <= 0) return 0;
    return this.flow.rate === 0 ? Infinity : ns / this.flow.rate;
  }
}
