/**
 * One run of many jobs: keeps the slots full, ends jobs that must end, tries again, and says what happened.
 *
 * Owns:    slots, the jobs that run, the queue of tries; counts.
 * Order:   jobs begin in the order of the input; a job that is tried again goes before new ones. A job's record
 *          follows its output (job-output.ts).
 */
import { Sig, shellStatus } from '@troupe/abi';
import type { CommandTemplate } from './command-template.js';
import type { EndReason, JobEnding, JobEvent, JobInfo, RunSummary } from './events.js';
import type { JobExecutor, JobProcess, Signo } from './executor.js';
import { HaltJudge, type HaltRule } from './halt.js';
import type { JobInput } from './job-inputs.js';
import type { JobLog } from './job-log.js';
import { OutputQueue, type JobOutput, type OutputMode, type ResultFiles } from './job-output.js';
import { limitMs, RuntimeMedian, type Timeout } from './job-timeout.js';

export interface RunPlan {
  readonly inputs: AsyncIterable<JobInput>;
  readonly command: CommandTemplate;
  /** Put before each line of output, with a tab. */
  readonly tag: CommandTemplate | undefined;
  readonly slots: number;
  /** How often a job is tried until it succeeds; Infinity for ever. */
  readonly tries: number;
  readonly halt: HaltRule;
  /** Known when the input has been read at once. */
  readonly totalJobs: number | undefined;
  readonly timeout: Timeout | undefined;
  readonly delayMs: number;
  /** No job starts while less is free; below half of it the youngest is put back. */
  readonly memFreeBytes: number;
  readonly output: OutputMode;
  readonly keepsOrder: boolean;
  readonly files: ResultFiles | undefined;
  readonly spoolBudgetBytes: number | undefined;
  readonly log: JobLog | undefined;
  /** Done in an earlier run. */
  readonly isDone: (input: JobInput) => boolean;
}

interface RunningJob {
  readonly job: JobInfo;
  readonly input: JobInput;
  readonly output: JobOutput;
  readonly process: JobProcess;
  /** Set when the run kills it. */
  reason: EndReason | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** Signals of a job that must end, and how long it has after each (parallel(1) --termseq). */
const END_SEQUENCE: readonly (readonly [Signo, waitMs: number])[] = [[Sig.TERM, 200], [Sig.TERM, 100], [Sig.TERM, 50], [Sig.KILL, 25]];
const MEMORY_CHECK_MS = 100;
const ENOMEM = 12;
const EAGAIN = 11;

export class JobRun {
  private readonly _iterator: AsyncIterator<JobInput>;
  private readonly _running = new Map<number, RunningJob>();
  private readonly _again: { readonly input: JobInput; readonly attempt: number }[] = [];
  private readonly _freeSlots: number[] = [];
  private readonly _median = new RuntimeMedian();
  private readonly _judge: HaltJudge;
  private readonly _queue: OutputQueue;
  private _wake: () => void = () => undefined;
  private _isStarting = true;
  private _lastStartMs = -Infinity;
  private _counts = { succeeded: 0, killed: 0, skipped: 0 };
  private _failure: unknown;
  private _isReading = false;
  private _arrived: JobInput | undefined;
  private _isInputDone = false;

  constructor(readonly plan: RunPlan, readonly executor: JobExecutor, readonly emit: (event: JobEvent) => void) {
    this._iterator = plan.inputs[Symbol.asyncIterator]();
    this._judge = new HaltJudge(plan.halt, plan.totalJobs);
    this._queue = new OutputQueue({
      mode: plan.output, keepsOrder: plan.keepsOrder, files: plan.files, spoolBudgetBytes: plan.spoolBudgetBytes, emit, record: (ending) => this._record(ending),
    });
    for (let slot = plan.slots; slot > 0; slot--) this._freeSlots.push(slot);
  }

  get runningJobs(): number {
    return this._running.size;
  }

  /** Runs everything. Rejects with errors of the input, the log or the output; no job runs any more then. */
  async run(): Promise<RunSummary> {
    const startMs = Date.now();
    const watch = this.plan.memFreeBytes > 0 ? setInterval(() => this._watchMemory(), MEMORY_CHECK_MS) : undefined;
    try {
      if (this.plan.totalJobs !== undefined) this.emit({ kind: 'planned', totalJobs: this.plan.totalJobs });
      await this._startAll();
    } catch (error) {
      this._fail(error);
    }
    await this._until(() => this._running.size === 0);
    clearInterval(watch);
    // Input that still comes is of no interest, and may never come.
    void this._iterator.return?.();
    this._finishOutput();
    if (this._failure !== undefined) throw this._failure;
    this._counts.killed += this._again.length;
    const summary: RunSummary = { exitStatus: this._judge.exitStatus, failed: this._judge.failed, ...this._counts, startMs, endMs: Date.now() };
    this.emit({ kind: 'finished', summary });
    return summary;
  }

  private _finishOutput(): void {
    try {
      if (this._failure === undefined) this._queue.flush();
    } catch (error) {
      this._fail(error);
    } finally {
      this._queue.close();
    }
  }

  /** No job begins any more; those that run may end. */
  stopStarting(): void {
    this._isStarting = false;
    this._wake();
  }

  /** Ends every job; none gets a record. */
  interrupt(): void {
    this._endAll('interrupt');
  }

  private _endAll(reason: EndReason): void {
    this.stopStarting();
    for (const running of this._running.values()) this._endJob(running, reason);
  }

  private _fail(error: unknown): void {
    this._failure ??= error;
    this._endAll('interrupt');
  }

  private async _until(isReached: () => boolean): Promise<void> {
    while (!isReached()) await new Promise<void>((resolve) => (this._wake = resolve));
  }

  private async _startAll(): Promise<void> {
    for (;;) {
      await this._until(() => !this._isStarting || (this._freeSlots.length > 0 && !this._lacksMemory()));
      if (!this._isStarting) return;
      const again = this._again.shift();
      const input = again?.input ?? (await this._nextInput());
      if (input !== undefined) await this._startWhenRoom(input, again?.attempt ?? 1);
      else if (this._isInputDone && this._again.length === 0 && this._running.size === 0) return;
      // The input is at its end, but a job that runs may have to be tried again.
      else if (this._isInputDone) await this._until(() => !this._isStarting || this._again.length > 0 || this._running.size === 0);
    }
  }

  /** Undefined at the end of the input, and when something else has to be done first. */
  private async _nextInput(): Promise<JobInput | undefined> {
    while (!this._isInputDone) {
      this._readAhead();
      await this._until(() => this._arrived !== undefined || this._isInputDone || !this._isStarting || this._again.length > 0);
      const input = this._arrived;
      if (input === undefined) return undefined;
      this._arrived = undefined;
      if (!this.plan.isDone(input)) return input;
      this._counts.skipped++;
      this.emit({ kind: 'skipped', seq: input.seq });
    }
    return undefined;
  }

  private _readAhead(): void {
    if (this._isReading || this._arrived !== undefined) return;
    this._isReading = true;
    this._iterator.next().then(({ done, value }) => {
      this._isReading = false;
      if (done) this._isInputDone = true;
      else this._arrived = value;
      this._wake();
    }, (error: unknown) => this._fail(error));
  }

  private async _startWhenRoom(input: JobInput, attempt: number): Promise<void> {
    const waitMs = this._lastStartMs + this.plan.delayMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    for (;;) {
      if (!this._isStarting) return;
      const before = this._running.size;
      if (this._tryStart(input, attempt)) return;
      await this._until(() => !this._isStarting || this._running.size < before);
    }
  }

  /** False when there is no room beside the jobs that run. */
  private _tryStart(input: JobInput, attempt: number): boolean {
    const slot = this._freeSlots.at(-1)!;
    const values = { args: input.args, seq: input.seq, slot };
    const job: JobInfo = { seq: input.seq, slot, command: this.plan.command.fill(values), args: input.args, attempt, startMs: Date.now() };
    const output = this._queue.begin(job, this.plan.tag?.fill(values));
    const process = this._startProcess(job, output);
    if (process === undefined) return false;
    this._freeSlots.pop();
    this._lastStartMs = performance.now();
    const running: RunningJob = { job, input, output, process, reason: undefined, timer: undefined };
    this._running.set(slot, running);
    this.emit({ kind: 'started', job });
    this._watchTime(running);
    process.ended.then(({ status, usage, limit }) => {
      this._leave(running);
      this._onEnd(running, { job, endMs: Date.now(), status, usage, limit, reason: running.reason ?? (limit === undefined ? 'exited' : 'limit'), outputBytes: output.bytes });
    }, (error: unknown) => {
      this._leave(running);
      this._queue.discard(output);
      throw error;
    }).catch((error: unknown) => this._fail(error));
    return true;
  }

  private _startProcess(job: JobInfo, output: JobOutput): JobProcess | undefined {
    const onOutput = this.plan.output === 'none' ? null : (fd: 1 | 2, bytes: Uint8Array): void => this._write(output, fd, bytes);
    try {
      return this.executor.start({ command: job.command, seq: job.seq, slot: job.slot, onOutput });
    } catch (error) {
      const { errno } = error as { errno?: number };
      if ((errno === ENOMEM || errno === EAGAIN) && this._running.size > 0) return undefined;
      throw error;
    }
  }

  /** Errors of the host end the run, never the system call of the job. */
  private _write(output: JobOutput, fd: 1 | 2, bytes: Uint8Array): void {
    if (this._failure !== undefined) return;
    try {
      this._queue.write(output, fd, bytes);
    } catch (error) {
      queueMicrotask(() => this._fail(error));
    }
  }

  private _leave(running: RunningJob): void {
    clearTimeout(running.timer);
    this._running.delete(running.job.slot);
    this._freeSlots.push(running.job.slot);
    this._freeSlots.sort((a, b) => b - a);
    this._wake();
  }

  private _onEnd(running: RunningJob, ending: JobEnding): void {
    if (this._failure !== undefined) return this._queue.discard(running.output);
    const { reason } = ending;
    if (reason === 'halt' || reason === 'interrupt') return this._dropKilled(running, ending);
    const isFailed = shellStatus(ending.status) !== 0;
    if (this._isStarting && (reason === 'memory' || (isFailed && ending.job.attempt < this.plan.tries))) return this._tryAgain(running, ending);
    if (!isFailed) this._median.add(ending.endMs - ending.job.startMs);
    if (!isFailed) this._counts.succeeded++;
    this.emit({ kind: 'ended', ending });
    this._queue.end(running.output, ending);
    if (this._judge.note(ending.status)) this._halt(ending);
  }

  private _dropKilled(running: RunningJob, ending: JobEnding): void {
    this._counts.killed++;
    this.emit({ kind: 'ended', ending });
    this._queue.drop(running.output);
  }

  private _tryAgain({ input, output }: RunningJob, ending: JobEnding): void {
    this._queue.discard(output);
    this._again.push({ input, attempt: ending.job.attempt + (ending.reason === 'memory' ? 0 : 1) });
    this.emit({ kind: 'retried', ending });
  }

  private _record(ending: JobEnding): void {
    this.plan.log?.append(ending);
    this.emit({ kind: 'recorded', seq: ending.job.seq });
  }

  private _halt(ending: JobEnding): void {
    const when = this.plan.halt.when === 'now' ? 'now' : 'soon';
    this.emit({ kind: 'halted', when, ending, runningJobs: this._running.size });
    if (when === 'now') this._endAll('halt');
    else this.stopStarting();
  }

  private _watchTime(running: RunningJob): void {
    const ms = limitMs(this.plan.timeout, this._median);
    if (ms !== undefined) running.timer = setTimeout(() => this._endJob(running, 'timeout'), ms);
  }

  private _endJob(running: RunningJob, reason: EndReason): void {
    if (running.reason !== undefined) return;
    running.reason = reason;
    this._sendNext(running, 0);
  }

  private _sendNext(running: RunningJob, step: number): void {
    clearTimeout(running.timer);
    const [signo, waitMs] = END_SEQUENCE[Math.min(step, END_SEQUENCE.length - 1)]!;
    running.process.signal(signo);
    running.timer = setTimeout(() => this._sendNext(running, step + 1), waitMs);
  }

  private _lacksMemory(): boolean {
    return this.plan.memFreeBytes > 0 && this._running.size > 0 && this.executor.freeBytes() < this.plan.memFreeBytes;
  }

  private _watchMemory(): void {
    this._wake();
    if (this._running.size < 2 || this.executor.freeBytes() >= this.plan.memFreeBytes / 2) return;
    const living = [...this._running.values()].filter(({ reason }) => reason === undefined);
    if (living.length < this._running.size) return;
    this._endJob(living.reduce((a, b) => (a.job.startMs > b.job.startMs ? a : b)), 'memory');
  }
}
