/**
 * Output of jobs on its way out: whole when the job is over, in the order of the input (-k), line by line, or at
 * once.
 *
 * Owns: the spool, and which jobs wait for their turn.
 * Order: output, then the record of the job, so that a job with a record never lost output.
 */
import type { JobEnding, JobEvent, JobInfo } from './events.js';
import type { JobInput } from './job-inputs.js';
import { LineTagger } from './line-tagger.js';
import { OutputSpool, type SpooledStream } from './output-spool.js';

/** `group`: when the job is over; `line`: whole lines as they come; `none`: the job has the host's descriptors. */
export type OutputMode = 'group' | 'line' | 'none';

export interface OutputOptions {
  readonly mode: OutputMode;
  readonly keepsOrder: boolean;
  /** Where jobs leave their output instead, and what is to be done when one is over. */
  readonly files?: ResultFiles | undefined;
  readonly spoolBudgetBytes?: number | undefined;
  readonly emit: (event: JobEvent) => void;
  /** The output of the job is out. */
  readonly record: (ending: JobEnding) => void;
}

/** Somewhere else than the streams of the run (--results). */
export interface ResultFiles {
  /** Everything a job wrote; called once, at its end. Takes all pieces. */
  keep(job: JobInfo, pieces: Readonly<Record<1 | 2, Iterable<Uint8Array>>>): void;
  /** An earlier run has kept the output of this job. */
  isDone(input: JobInput): boolean;
}

const FDS = [1, 2] as const;
const NEWLINE = 10;

/** Output of one try of a job. */
export class JobOutput {
  readonly streams: Readonly<Record<1 | 2, SpooledStream>>;
  readonly taggers: Readonly<Record<1 | 2, LineTagger>> | undefined;
  bytes = 0;

  constructor(readonly job: JobInfo, tag: string | undefined, spool: OutputSpool) {
    this.streams = { 1: spool.stream(), 2: spool.stream() };
    this.taggers = tag === undefined ? undefined : { 1: new LineTagger(tag), 2: new LineTagger(tag) };
  }
}

export class OutputQueue {
  private readonly _spool: OutputSpool;
  /** Jobs that are over and wait for others, by seq. */
  private readonly _waiting = new Map<number, { readonly output: JobOutput; readonly ending: JobEnding }>();
  /** With -k: seqs that have begun and are not out, in order. */
  private readonly _turns = new Set<number>();

  constructor(readonly options: OutputOptions) {
    this._spool = new OutputSpool(options.spoolBudgetBytes);
  }

  /** Called in the order of the input; again for another try. */
  begin(job: JobInfo, tag: string | undefined): JobOutput {
    this._turns.add(job.seq);
    return new JobOutput(job, tag, this._spool);
  }

  write(output: JobOutput, fd: 1 | 2, bytes: Uint8Array): void {
    output.bytes += bytes.length;
    const stream = output.streams[fd];
    if (this.options.mode !== 'line' || this.options.files || !this._hasTurn(output.job.seq)) return stream.write(bytes);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      stream.write(bytes.subarray(0, end));
      this._emit(output, fd);
    }
    if (end < bytes.length) stream.write(bytes.subarray(end));
  }

  /** A try that counts for nothing. */
  discard(output: JobOutput): void {
    for (const fd of FDS) output.streams[fd].discard();
  }

  /** The job is over and leaves no record: it runs again in a later run. */
  drop(output: JobOutput): void {
    this.discard(output);
    this._turns.delete(output.job.seq);
    this._advance();
  }

  end(output: JobOutput, ending: JobEnding): void {
    if (!this._hasTurn(output.job.seq)) {
      for (const fd of FDS) output.streams[fd].settle();
      this._waiting.set(output.job.seq, { output, ending });
      return;
    }
    this._release(output, ending);
    this._advance();
  }

  private _hasTurn(seq: number): boolean {
    return !this.options.keepsOrder || this._turns.values().next().value === seq;
  }

  private _release(output: JobOutput, ending: JobEnding): void {
    const { 1: stdout, 2: stderr } = output.streams;
    if (this.options.files) this.options.files.keep(output.job, { 1: stdout.take(), 2: stderr.take() });
    else for (const fd of FDS) this._emit(output, fd);
    this._turns.delete(output.job.seq);
    this.options.record(ending);
  }

  /** Lets those out whose turn it is now; of a job that still runs, what it has written. */
  private _advance(): void {
    if (!this.options.keepsOrder) return;
    for (const seq of this._turns) {
      const next = this._waiting.get(seq);
      if (next === undefined) return;
      this._waiting.delete(seq);
      this._release(next.output, next.ending);
    }
  }

  private _emit(output: JobOutput, fd: 1 | 2): void {
    const tagger = output.taggers?.[fd];
    for (const bytes of output.streams[fd].take()) this.options.emit({ kind: 'output', seq: output.job.seq, fd, bytes: tagger ? tagger.tagged(bytes) : bytes });
  }

  /** No job runs any more, and some before those that wait never came to their end. */
  flush(): void {
    for (const [seq, { output, ending }] of [...this._waiting].sort(([a], [b]) => a - b)) {
      this._waiting.delete(seq);
      this._release(output, ending);
    }
  }

  close(): void {
    this._spool.close();
  }
}
