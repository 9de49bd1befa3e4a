/** Options that watch the system calls of a machine, whether it is new or comes from an image. */
import { ConfigError } from '@troupe/abi';
import { parseTraceRequest, TRACE_INSN } from '@troupe/cpu-worker/trace/trace-request.js';
import type { Kernel } from '@troupe/kernel';
import type { Command } from 'commander';
import { traceScheduler } from './sched-trace.js';
import { printCounts, printStat, printUnimplemented } from './report.js';
import { installTrace } from './trace.js';
import type { DeniedCall } from './values.js';

export interface ObserveSettings {
  /** Expression of --strace; '' = every call; undefined = off. */
  readonly strace: string | undefined;
  readonly isCounting: boolean;
  readonly isStatWanted: boolean;
  /** File of --trace-sched. */
  readonly schedTrace: string | undefined;
}

export interface RawObserveOptions {
  strace?: string | boolean;
  straceCount?: boolean;
  stat?: boolean;
  traceSched?: string;
  traceInsn?: string;
}

export const TRACE_SCHED = ['--trace-sched <file>', 'write what tasks and cores do when, for about:tracing or Perfetto'] as const;

export function addObserveOptions(command: Command): Command {
  return command
    .option('--strace [expr]', 'trace system calls on standard error; expr: names or %groups, separated by commas')
    .option('-c, --strace-count', 'count system calls and print a table at the end')
    .option('--stat', 'print counters at the end')
    .option(...TRACE_SCHED)
    .option('--trace-insn <parts@address>', 'print the translated code around a guest address: guest, ir, wasm, for example guest,ir@0x401136');
}

export function observeSettingsOf(raw: RawObserveOptions): ObserveSettings {
  if (raw.traceInsn !== undefined) traceInstruction(raw.traceInsn);
  return {
    strace: raw.strace === undefined || raw.strace === false ? undefined : raw.strace === true ? '' : raw.strace,
    isCounting: raw.straceCount ?? false,
    isStatWanted: raw.stat ?? false,
    schedTrace: raw.traceSched,
  };
}

/** All threads that translate see it in their environment. Throws ConfigError. */
function traceInstruction(text: string): void {
  if (!parseTraceRequest(text)) throw new ConfigError(`'${text}' is not PART[,PART]@ADDRESS with parts of guest, ir, wasm (example: guest,wasm@0x401136)`, '--trace-insn');
  process.env[TRACE_INSN] = text;
}

/** Begins to watch. Returns what prints the results. Throws ConfigError for an unknown call. */
export function observe(kernel: Kernel, { strace, isCounting, isStatWanted, schedTrace }: ObserveSettings): () => void {
  if (strace !== undefined) installTrace(kernel, strace);
  kernel.core.dispatcher.isTiming = isCounting;
  const startMs = performance.now();
  const endTrace = schedTrace === undefined ? () => undefined : traceScheduler(kernel, schedTrace);
  return () => {
    endTrace();
    if (isCounting) printCounts(kernel);
    if (isStatWanted) printStat(kernel, performance.now() - startMs);
    printUnimplemented(kernel);
  };
}

/** --deny. Throws ConfigError. */
export function denyCalls(kernel: Kernel, denied: readonly DeniedCall[]): void {
  for (const { name, errno } of denied) deny(kernel, name, errno);
}

function deny(kernel: Kernel, name: string, errno: DeniedCall['errno']): void {
  try {
    kernel.onSyscall(name, () => ({ errno }));
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`'${name}' is neither a system call nor a %group`, '--deny') : error;
  }
}
