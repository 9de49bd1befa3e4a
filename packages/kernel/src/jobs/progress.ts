/** How far a run is, from its events. */
import type { JobEvent } from './events.js';

export interface Progress {
  /** Over, in this run or an earlier one. */
  readonly done: number;
  readonly failed: number;
  readonly running: number;
  /** Undefined while the input is not known. */
  readonly total: number | undefined;
  /** Undefined before the first job has ended. */
  readonly leftMs: number | undefined;
}

export class ProgressMeter {
  private _ended = 0;
  private _skipped = 0;
  private _failed = 0;
  private _running = 0;
  private _total: number | undefined;
  private _startMs: number | undefined;

  /** `nowMs`: any clock. */
  add(event: JobEvent, nowMs: number): void {
    switch (event.kind) {
      case 'planned':
        this._total = event.totalJobs;
        break;
      case 'skipped':
        this._skipped++;
        break;
      case 'started':
        this._running++;
        this._startMs ??= nowMs;
        break;
      case 'retried':
        this._running--;
        break;
      case 'ended':
        this._running--;
        this._ended++;
        if (event.ending.reason !== 'exited' || event.ending.status.code !== 0 || event.ending.status.signo !== 0) this._failed++;
    }
  }

  /** What is left takes as long as what has ended took, at the rate at which it ended. */
  progress(nowMs: number): Progress {
    const done = this._ended + this._skipped;
    const left = this._total === undefined ? undefined : this._total - done;
    const leftMs = left === undefined || this._ended === 0 || this._startMs === undefined ? undefined : ((nowMs - this._startMs) / this._ended) * left;
    return { done, failed: this._failed, running: this._running, total: this._total, leftMs };
  }
}
