/** What a run needs of whatever runs its jobs: processes of a kernel, or stand-ins of tests. */
import type { ExitStatus, Sig } from '@troupe/abi';

export type Signo = (typeof Sig)[keyof typeof Sig];

export interface JobRequest {
  /** Text for the shell. */
  readonly command: string;
  readonly seq: number;
  readonly slot: number;
  /** Gets what the job writes to descriptor 1 or 2 and may keep the bytes; null: it goes to the host's own. */
  readonly onOutput: ((fd: 1 | 2, bytes: Uint8Array) => void) | null;
}

export interface JobUsage {
  readonly cpuTimeNs: number;
  readonly maxRssBytes: number;
}

export interface JobProcess {
  /** Settles once, after the last output; rejects when the job could not be begun. `limit`: what the job exceeded, when it was killed for that. */
  readonly ended: Promise<{ readonly status: ExitStatus; readonly usage: JobUsage; readonly limit?: string }>;
  /** To every process of the job. */
  signal(signo: Signo): void;
}

export interface JobExecutor {
  readonly cpus: number;
  /** Throws ConfigError when jobs can never start here. */
  check(): void;
  /** Throws an error with `errno` (ENOMEM, EAGAIN) while there is no room for one more job. */
  start(request: JobRequest): JobProcess;
  /** Memory that jobs do not use yet. */
  freeBytes(): number;
}
