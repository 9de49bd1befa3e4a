/**
 * The log of a run (parallel(1) --joblog): a line per job that is done, in the format of GNU parallel.
 *
 * A line is appended with one write once the output of the job is out, so that a run that is killed at any
 * moment leaves whole lines, and at most a torn last one, which the next run takes away. What the log names is
 * done; everything else runs again.
 */
import { closeSync, fdatasync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { ConfigError } from '@troupe/abi';
import type { JobEnding } from './events.js';

const HEADER = 'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n';
const NEWLINE = 10;
const READ_BYTES = 1 << 16;
/** Exit value of a job that the run killed. */
const KILLED = -1;

export type Resume = 'no' | 'unfinished' | 'failed';

export class JobLog {
  private readonly _fd: number;
  /** Jobs of earlier runs that are not to run again. */
  private readonly _done = new Set<number>();
  private _isSyncing = false;
  private _isDirty = false;
  private _isClosed = false;

  /** Opens the log; without `resume` it starts anew. Throws ConfigError when that is impossible. */
  constructor(readonly path: string, resume: Resume) {
    try {
      this._fd = openSync(path, resume === 'no' ? 'w+' : 'a+');
    } catch (error) {
      throw new ConfigError(`cannot be opened: ${(error as Error).message}`, path);
    }
    const endBytes = this._readLines(resume);
    if (endBytes !== fstatSync(this._fd).size) ftruncateSync(this._fd, endBytes);
    if (endBytes === 0) writeSync(this._fd, HEADER);
  }

  /** Returns where the last whole line ends. */
  private _readLines(resume: Resume): number {
    const { size } = fstatSync(this._fd);
    const buffer = Buffer.alloc(READ_BYTES);
    let rest: Buffer = Buffer.alloc(0);
    for (let at = 0; at < size; ) {
      const count = readSync(this._fd, buffer, 0, READ_BYTES, at);
      if (count === 0) break;
      at += count;
      rest = this._takeLines(Buffer.concat([rest, buffer.subarray(0, count)]), resume);
    }
    return size - rest.length;
  }

  private _takeLines(bytes: Buffer, resume: Resume): Buffer {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this._takeLine(bytes.toString('utf8', start, end), resume);
      start = end + 1;
    }
    return bytes.subarray(start);
  }

  /** The last line of a job counts. */
  private _takeLine(line: string, resume: Resume): void {
    const [seq, , , , , , exitval, signal] = line.split('\t');
    if (!/^\d+$/.test(seq ?? '')) return;
    const isDone = resume === 'unfinished' || (exitval === '0' && signal === '0');
    if (isDone) this._done.add(Number(seq));
    else this._done.delete(Number(seq));
  }

  isDone(seq: number): boolean {
    return this._done.has(seq);
  }

  /** Precondition: the output of the job is out. */
  append({ job, endMs, status, reason, outputBytes }: JobEnding): void {
    const runtime = ((endMs - job.startMs) / 1000).toFixed(3).padStart(10);
    const exitval = reason === 'exited' ? status.code : KILLED;
    // As GNU parallel: a line is a job.
    const command = job.command.replaceAll('\n', '\0');
    writeSync(this._fd, `${job.seq}\t:\t${(job.startMs / 1000).toFixed(3)}\t${runtime}\t0\t${outputBytes}\t${exitval}\t${status.signo}\t${command}\n`);
    this._isDirty = true;
    this._syncSoon();
  }

  /** Against a crash of the host; one at a time, for all lines written meanwhile. */
  private _syncSoon(): void {
    if (this._isSyncing || !this._isDirty || this._isClosed) return;
    this._isSyncing = true;
    this._isDirty = false;
    fdatasync(this._fd, () => {
      this._isSyncing = false;
      if (this._isClosed) closeSync(this._fd);
      else this._syncSoon();
    });
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    if (this._isDirty) fsyncSync(this._fd);
    if (!this._isSyncing) closeSync(this._fd);
  }
}
