/** A clock that counts nanoseconds (ktime.Clock of the seed). */
export interface Clock {
  /** Nanoseconds since the clock's zero point; never goes back for monotonic clocks. */
  nowNs(): number;
}

/** Where time comes from: the host, or a manual source in tests and virtual time. */
export interface TimeSource {
  /** Monotonic host nanoseconds, any zero point. */
  monotonicNs(): bigint;
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  realtimeNs(): bigint;
}

export class HostTimeSource implements TimeSource {
  private readonly _offsetNs = BigInt(Math.round(performance.timeOrigin * 1e6)) - this._zeroNs();

  monotonicNs(): bigint {
    return process.hrtime.bigint();
  }

  realtimeNs(): bigint {
    return this.monotonicNs() + this._offsetNs;
  }

  /** Host monotonic time of performance.timeOrigin. */
  private _zeroNs(): bigint {
    return process.hrtime.bigint() - BigInt(Math.round(performance.now() * 1e6));
  }
}

/** A source that only moves when told to; for tests and frozen time. */
export class ManualTimeSource implements TimeSource {
  private _nowNs: bigint;

  constructor(readonly startRealtimeNs = 1_700_000_000_000_000_000n, startMonotonicNs = 1_000_000_000n) {
    this._nowNs = startMonotonicNs;
    this._zeroNs = startMonotonicNs;
  }

  private readonly _zeroNs: bigint;

  advance(ns: number | bigint): void {
    this._nowNs += BigInt(ns);
  }

  monotonicNs(): bigint {
    return this._nowNs;
  }

  realtimeNs(): bigint {
    return this.startRealtimeNs + (this._nowNs - this._zeroNs);
  }
}
