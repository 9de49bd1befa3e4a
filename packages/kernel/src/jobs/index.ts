/** Many jobs on one kernel, or on copies of one: the library of `troupe parallel` (docs/parallel.md). */
import { Observable } from 'rxjs';
import type { JobEvent, RunSummary } from './events.js';
import type { JobExecutor } from './executor.js';
import { JobRun } from './job-run.js';
import { planOf, type JobsOptions } from './jobs-options.js';

export type { ArgumentSource } from './argument-sources.js';
export { CommandTemplate } from './command-template.js';
export type { EndReason, JobEnding, JobEvent, JobInfo, RunSummary } from './events.js';
export type { JobExecutor, JobProcess, JobRequest, JobUsage } from './executor.js';
export { DryRunExecutor } from './dry-run.js';
export { NEVER_HALT, parseHalt, type HaltRule } from './halt.js';
export { parseJobCount } from './job-count.js';
export type { JobLimits } from './job-limits.js';
export { JobLog, type Resume } from './job-log.js';
export type { OutputMode, ResultFiles } from './job-output.js';
export { parseDurationMs, parseTimeout, type Timeout } from './job-timeout.js';
export { inputsOf, templateOf, type JobsOptions } from './jobs-options.js';
export { KernelExecutor, type JobEnvironment } from './kernel-executor.js';
export { ProgressMeter, type Progress } from './progress.js';
export { CoreUseMeter, type CoreUse } from './report/core-use.js';
export { htmlReport } from './report/html-report.js';
export { ReportBuilder, type JobRecord, type RunReport } from './report/run-report.js';
export { textReport } from './report/text-report.js';
export { IsolatedExecutor, type IsolatedOptions } from './isolated-executor.js';
export { shellQuote } from './shell-quote.js';
export { WarmExecutor, type WarmOptions } from './warm-executor.js';
export { warmUp } from './warm-up.js';

/** Lets a caller end a run early. */
export interface RunControl {
  /** No job begins any more; those that run may end. */
  stopStarting(): void;
  /** Every job ends; none of those that ran gets a record. */
  interrupt(): void;
}

/**
 * Runs jobs; resolves when all are over. Throws ConfigError for bad input; an error that `onEvent` throws ends
 * the run and is thrown.
 */
export async function runJobs(options: JobsOptions, executor: JobExecutor, onEvent: (event: JobEvent) => void, onStart?: (control: RunControl) => void): Promise<RunSummary> {
  executor.check();
  const plan = await planOf(options, executor);
  try {
    const run = new JobRun(plan, executor, onEvent);
    onStart?.(run);
    return await run.run();
  } finally {
    plan.log?.close();
  }
}

/** The same as a stream of events; unsubscribing ends the jobs that run. */
export function jobEvents(options: JobsOptions, executor: JobExecutor): Observable<JobEvent> {
  return new Observable((subscriber) => {
    let control: RunControl | undefined;
    const run = runJobs(options, executor, (event) => subscriber.next(event), (started) => {
      control = started;
      if (subscriber.closed) started.interrupt();
    });
    run.then(() => subscriber.complete(), (error: unknown) => subscriber.error(error));
    return () => control?.interrupt();
  });
}
