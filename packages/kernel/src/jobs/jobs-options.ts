/** What a caller says about a run, and the plan it makes. */
import { ConfigError } from '@troupe/abi';
import type { ArgumentSource } from './argument-sources.js';
import { CommandTemplate } from './command-template.js';
import type { JobExecutor } from './executor.js';
import { NEVER_HALT, type HaltRule } from './halt.js';
import { DEFAULT_INPUT, jobInputs, type InputOptions, type JobInput } from './job-inputs.js';
import { JobLog, type Resume } from './job-log.js';
import type { OutputMode, ResultFiles } from './job-output.js';
import type { RunPlan } from './job-run.js';
import type { Timeout } from './job-timeout.js';
import { ResultDirectory } from './result-files.js';

export interface JobsOptions {
  /** Words of the command, with replacement strings; none: the arguments are commands. */
  readonly command: readonly string[];
  readonly sources: readonly ArgumentSource[];
  readonly input?: Partial<InputOptions>;
  /** Jobs at once; default: one per emulated CPU. */
  readonly slots?: number;
  /** What {} is written as. */
  readonly marker?: string;
  /** The words are arguments, not shell text. */
  readonly isQuoted?: boolean;
  /** The command is no shell text: arguments are written as they are. */
  readonly isPlain?: boolean;
  /** Put before each line of output, with a tab; replacement strings are filled in. */
  readonly tag?: string;
  /** Default: group. */
  readonly output?: OutputMode;
  readonly keepsOrder?: boolean;
  readonly tries?: number;
  readonly halt?: HaltRule;
  readonly timeout?: Timeout;
  readonly delayMs?: number;
  readonly memFreeBytes?: number;
  /** Path of the log. */
  readonly log?: string;
  /** What the log of earlier runs, or else the directory of results, names is not run again. */
  readonly resume?: Resume;
  /** Directory that gets the output of jobs instead of events. */
  readonly results?: string;
  /** Memory for output that waits; more goes to a file without a name. */
  readonly spoolBudgetBytes?: number;
  /** Reads all input first, so that the number of jobs is known. */
  readonly countsJobs?: boolean;
}

export function templateOf({ command, marker, isQuoted = false, isPlain = false }: JobsOptions): CommandTemplate {
  return CommandTemplate.ofCommand(command, { isQuoted, isPlain, ...(marker === undefined ? {} : { marker }) });
}

export function inputsOf({ sources, input }: JobsOptions): AsyncGenerator<JobInput> {
  return jobInputs(sources, { ...DEFAULT_INPUT, ...input });
}

/** Reads the log and, where the number of jobs matters, the input. Throws ConfigError. */
export async function planOf(options: JobsOptions, executor: JobExecutor): Promise<RunPlan> {
  const { halt = NEVER_HALT, resume = 'no', tag, marker } = options;
  let inputs: AsyncIterable<JobInput> = inputsOf(options);
  let totalJobs: number | undefined;
  if (options.countsJobs || halt.isPercent) {
    const all: JobInput[] = [];
    for await (const input of inputs) all.push(input);
    totalJobs = all.length;
    inputs = each(all);
  }
  const files = options.results === undefined ? undefined : new ResultDirectory(options.results, marker);
  const log = options.log === undefined ? undefined : new JobLog(options.log, resume);
  return {
    inputs, totalJobs, halt, command: templateOf(options), tag: tag === undefined ? undefined : CommandTemplate.ofText(tag, marker),
    slots: options.slots ?? executor.cpus, tries: options.tries ?? 1, timeout: options.timeout, delayMs: options.delayMs ?? 0, memFreeBytes: options.memFreeBytes ?? 0,
    output: options.output ?? 'group', keepsOrder: options.keepsOrder ?? false, files, spoolBudgetBytes: options.spoolBudgetBytes,
    log, isDone: earlier(resume, log, files),
  };
}

function earlier(resume: Resume, log: JobLog | undefined, files: ResultFiles | undefined): (input: JobInput) => boolean {
  if (resume === 'no') return () => false;
  if (log) return ({ seq }) => log.isDone(seq);
  if (files && resume === 'unfinished') return (input) => files.isDone(input);
  throw new ConfigError(resume === 'failed' ? 'needs a log' : 'needs a log or a directory of results', 'resume');
}

async function* each(inputs: readonly JobInput[]): AsyncGenerator<JobInput> {
  yield* inputs;
}
