/** From the options of `troupe parallel` to what the library takes. */
import { ConfigError } from '@troupe/abi';
import { parseDurationMs, parseHalt, parseTimeout, type JobLimits, type JobsOptions } from '@troupe/kernel/jobs';
import { parseSizeBytes } from '../values.js';
import { parseArgumentList } from './argument-list.js';
import type { RawParallelOptions } from './options.js';

const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t', '\\0': '\0', '\\\\': '\\' };
const MAX_ARGS = 1_000_000;
const MAX_TRIES = 1_000_000;

function delimiterOf({ null: isNull, delimiter }: RawParallelOptions): string {
  if (isNull) return '\0';
  if (delimiter === undefined) return '\n';
  if (delimiter === '') throw new ConfigError('is empty', '--delimiter');
  return delimiter.replace(/\\[nt0\\]/g, (text) => ESCAPES[text]!);
}

function separatorOf(colsep: string | undefined): RegExp | undefined {
  if (colsep === undefined) return undefined;
  try {
    return new RegExp(colsep);
  } catch (error) {
    throw new ConfigError((error as Error).message, '--colsep');
  }
}

export function parseWhole(text: string, option: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) throw new ConfigError(`'${text}' is not a number from 0 to ${max}`, option);
  return value;
}

function maxArgsOf({ maxArgs, maxReplaceArgs }: RawParallelOptions): number {
  const text = maxReplaceArgs ?? maxArgs;
  return text === undefined ? 1 : parseWhole(text, maxReplaceArgs === undefined ? '--max-args' : '--max-replace-args', MAX_ARGS);
}

/** The command's standard input, touched only when arguments come from it. */
export class StandardInput {
  private _isOpen = false;

  readonly open = (): AsyncIterable<Buffer> => {
    this._isOpen = true;
    return process.stdin;
  };

  /** Input that has not come yet keeps the command alive no longer. */
  close(): void {
    if (this._isOpen) process.stdin.destroy();
  }
}

export const isWarm = ({ warm, from }: RawParallelOptions): boolean => warm !== undefined || from.length > 0;

/** Throws ConfigError. `slots`: parsed --jobs. */
export function jobsOptionsOf(operands: readonly string[], raw: RawParallelOptions, slots: number, input: StandardInput): JobsOptions {
  const { command, sources } = parseArgumentList(operands, raw.argFile, input.open);
  const columnSeparator = separatorOf(raw.colsep);
  const marker = raw.replace ?? '{}';
  if (marker === '') throw new ConfigError('is empty', '--replace');
  const tag = raw.tagstring ?? (raw.tag ? marker : undefined);
  return {
    command, sources, slots, marker,
    input: { delimiter: delimiterOf(raw), isLinked: raw.link ?? raw.xapply ?? false, maxArgs: maxArgsOf(raw), skipsEmpty: !raw.runIfEmpty, ...(columnSeparator ? { columnSeparator } : {}) },
    isQuoted: raw.quote ?? false,
    isPlain: isWarm(raw),
    ...(tag === undefined ? {} : { tag }),
    output: raw.ungroup ? 'none' : raw.lineBuffer ? 'line' : 'group',
    keepsOrder: raw.keepOrder ?? false,
    countsJobs: (raw.bar ?? false) || (raw.eta ?? false),
    ...runOptionsOf(raw),
  };
}

function runOptionsOf(raw: RawParallelOptions): Partial<JobsOptions> {
  const { joblog, results, timeout } = raw;
  const tries = parseWhole(raw.retries, '--retries', MAX_TRIES);
  return {
    tries: tries === 0 ? Infinity : tries, halt: parseHalt(raw.halt), delayMs: parseDurationMs(raw.delay, '--delay'), memFreeBytes: parseSizeBytes(raw.memfree, '--memfree'),
    resume: raw.resumeFailed ? 'failed' : raw.resume ? 'unfinished' : 'no',
    ...(joblog === undefined ? {} : { log: joblog }), ...(results === undefined ? {} : { results }), ...(timeout === undefined ? {} : { timeout: parseTimeout(timeout) }),
  };
}

const MAX_TASKS = 4096;
const MAX_FILES = 1 << 20;

export function limitsOf({ limitMemory, limitCpu, limitInstructions, limitTasks, limitFiles }: RawParallelOptions): JobLimits {
  return {
    ...(limitMemory === undefined ? {} : { memoryBytes: parseSizeBytes(limitMemory, '--limit-memory') }),
    ...(limitCpu === undefined ? {} : { cpuTimeNs: parseDurationMs(limitCpu, '--limit-cpu') * 1e6 }),
    ...(limitInstructions === undefined ? {} : { instructions: parseWhole(limitInstructions, '--limit-instructions', Number.MAX_SAFE_INTEGER) }),
    ...(limitTasks === undefined ? {} : { tasks: parseWhole(limitTasks, '--limit-tasks', MAX_TASKS) }),
    ...(limitFiles === undefined ? {} : { openFiles: parseWhole(limitFiles, '--limit-files', MAX_FILES) }),
  };
}
