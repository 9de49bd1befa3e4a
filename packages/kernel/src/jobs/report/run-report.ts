/** What happened in a run, collected from its events: times of all tries, and how busy cores were. */
import type { ExitStatus } from '@troupe/abi';
import type { EndReason, JobEnding, JobEvent, RunSummary } from '../events.js';
import type { CoreUse } from './core-use.js';

/** One try of a job. Times are ms since the run began. */
export interface JobRecord {
  readonly seq: number;
  readonly slot: number;
  readonly attempt: number;
  readonly command: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: Pick<ExitStatus, 'code' | 'signo'>;
  readonly reason: EndReason;
  /** What was exceeded, with reason `limit`. */
  readonly limit?: string;
  /** It ran again afterwards. */
  readonly isRetried: boolean;
  readonly cpuMs: number;
  readonly maxRssBytes: number;
  readonly outputBytes: number;
}

/** Version 1. Plain data: JSON of it is the report for programs. */
export interface RunReport {
  readonly version: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly elapsedMs: number;
  readonly exitStatus: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly killed: number;
  readonly skipped: number;
  readonly slots: number;
  readonly jobs: readonly JobRecord[];
  /** Null when it was not watched. */
  readonly cores: CoreUse | null;
}

export class ReportBuilder {
  private readonly _endings: { readonly ending: JobEnding; readonly isRetried: boolean }[] = [];
  private _summary: RunSummary | undefined;

  add(event: JobEvent): void {
    if (event.kind === 'ended' || event.kind === 'retried') this._endings.push({ ending: event.ending, isRetried: event.kind === 'retried' });
    else if (event.kind === 'finished') this._summary = event.summary;
  }

  /** The report; null while the run has not finished. */
  report(slots: number, cores: CoreUse | null): RunReport | null {
    const { _summary: summary } = this;
    if (summary === undefined) return null;
    const { startMs, endMs, exitStatus, failed, killed, skipped, succeeded } = summary;
    const jobs = this._endings.map(({ ending, isRetried }) => recordOf(ending, isRetried, startMs));
    return { version: 1, startedAt: new Date(startMs).toISOString(), elapsedMs: endMs - startMs, exitStatus, succeeded, failed, killed, skipped, slots, jobs, cores };
  }
}

function recordOf({ endMs, job, limit, outputBytes, reason, status, usage }: JobEnding, isRetried: boolean, originMs: number): JobRecord {
  const { attempt, command, seq, slot, startMs } = job;
  return {
    seq, slot, attempt, command, startMs: startMs - originMs, endMs: endMs - originMs, status: { code: status.code, signo: status.signo }, reason,
    ...(limit === undefined ? {} : { limit }), isRetried, cpuMs: Math.round(usage.cpuTimeNs / 1e6), maxRssBytes: usage.maxRssBytes, outputBytes,
  };
}

export const isFailure = ({ reason, status }: JobRecord): boolean => status.code !== 0 || status.signo !== 0 || reason !== 'exited';
