/** What a run tells about its jobs. Times are ms since the epoch. */
import type { ExitStatus } from '@troupe/abi';
import type { JobUsage } from './executor.js';

/** Why a job ended: by itself, or killed by the run. */
export type EndReason = 'exited' | 'timeout' | 'halt' | 'interrupt' | 'memory' | 'limit';

export interface JobInfo {
  readonly seq: number;
  /** 1 to the number of jobs at once; free again when the job has ended. */
  readonly slot: number;
  readonly command: string;
  readonly args: readonly string[];
  /** 1 for the first try. */
  readonly attempt: number;
  readonly startMs: number;
}

export interface JobEnding {
  readonly job: JobInfo;
  readonly endMs: number;
  readonly status: ExitStatus;
  readonly reason: EndReason;
  /** What was exceeded, with reason `limit`. */
  readonly limit: string | undefined;
  readonly usage: JobUsage;
  readonly outputBytes: number;
}

export interface RunSummary {
  /** As parallel(1): 0, number of failed jobs up to 100, 101 for more; 255 for errors of the run itself is thrown. */
  readonly exitStatus: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Killed by the run, so that they must run again. */
  readonly killed: number;
  /** Done in an earlier run (--resume). */
  readonly skipped: number;
  readonly startMs: number;
  readonly endMs: number;
}

export type JobEvent =
  | { readonly kind: 'planned'; readonly totalJobs: number }
  | { readonly kind: 'skipped'; readonly seq: number }
  | { readonly kind: 'started'; readonly job: JobInfo }
  /** It runs again: the try failed, or was killed for lack of memory. */
  | { readonly kind: 'retried'; readonly ending: JobEnding }
  /** The job is over; its output follows when its turn comes. */
  | { readonly kind: 'ended'; readonly ending: JobEnding }
  | { readonly kind: 'output'; readonly seq: number; readonly fd: 1 | 2; readonly bytes: Uint8Array }
  /** Output is out and the log has its line: no later run repeats the job. */
  | { readonly kind: 'recorded'; readonly seq: number }
  | { readonly kind: 'halted'; readonly when: 'soon' | 'now'; readonly ending: JobEnding; readonly runningJobs: number }
  | { readonly kind: 'finished'; readonly summary: RunSummary };
