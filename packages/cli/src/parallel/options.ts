/** Options of `troupe parallel`; names and meanings are those of parallel(1). */
import type { Command } from 'commander';
import { TRACE_SCHED } from '../observe.js';
import { addKernelOptions, collect, type RawKernelOptions } from '../kernel-options.js';

export interface RawParallelOptions extends RawKernelOptions {
  rootfs?: string;
  jobs: string;
  argFile: string[];
  keepOrder?: boolean;
  tag?: boolean;
  tagstring?: string;
  dryRun?: boolean;
  verbose?: boolean;
  quote?: boolean;
  maxArgs?: string;
  maxReplaceArgs?: string;
  colsep?: string;
  null?: boolean;
  delimiter?: string;
  replace?: string;
  /** False with --no-run-if-empty. */
  runIfEmpty: boolean;
  link?: boolean;
  xapply?: boolean;
  lineBuffer?: boolean;
  ungroup?: boolean;
  joblog?: string;
  resume?: boolean;
  resumeFailed?: boolean;
  retries: string;
  halt: string;
  timeout?: string;
  delay: string;
  results?: string;
  memfree: string;
  limitMemory?: string;
  limitCpu?: string;
  limitTasks?: string;
  limitInstructions?: string;
  limitFiles?: string;
  shell: string;
  isolate?: boolean;
  warm?: string;
  from: string[];
  traceSched?: string;
  bar?: boolean;
  eta?: boolean;
  report: string[];
}

export function addParallelOptions(command: Command): Command {
  addKernelOptions(command)
    .argument('[command...]', 'command with replacement strings, then ::: arguments, :::: files, :::+ and ::::+ for linked ones')
    .option('--rootfs <dir|tar>', 'root directory or tar archive (default: the host root, read-only; writes stay in memory)')
    .option('-j, --jobs <n>', 'jobs at once: N, +N or -N more or fewer than cores, N% of the cores, 0 as many as possible', '100%')
    .option('-a, --arg-file <file>', 'read arguments from a file (- is standard input)', collect, [])
    .option('--shell <path>', 'runs the commands with -c', '/bin/sh')
    .option('--isolate', 'each job has a kernel of its own: nothing that a job does is seen by another')
    .option('--warm <command>', 'run this until it waits for standard input; each job is a copy of it that reads its command there')
    .option('--from <image>', 'the same with a machine that checkpoint saved; once for each increment', collect, [])
    .option(...TRACE_SCHED);
  addInputOptions(command);
  addOutputOptions(command);
  addRunOptions(command);
  return command.passThroughOptions().allowExcessArguments();
}

function addInputOptions(command: Command): void {
  command
    .option('-n, --max-args <n>', 'arguments per job')
    .option('-N, --max-replace-args <n>', 'the same; {1} to {N} are the arguments')
    .option('-C, --colsep <regexp>', 'split each argument into columns {1}, {2} …')
    .option('-0, --null', 'arguments end with a zero byte')
    .option('-d, --delimiter <text>', 'arguments end with this; \\n, \\t and \\0 are known')
    .option('-I, --replace <text>', 'written instead of {}')
    .option('-q, --quote', 'the command is words, not shell text')
    .option('-r, --no-run-if-empty', 'skip empty arguments')
    .option('--link', 'take one argument of each source at a time (also --xapply)')
    .option('--xapply', 'the same as --link');
}

function addRunOptions(command: Command): void {
  command
    .option('--joblog <file>', 'a line for each job that is done')
    .option('--resume', 'skip what the log, or the directory of results, says is done')
    .option('--resume-failed', 'the same, and run failed jobs again')
    .option('--retries <n>', 'try a job n times until it succeeds; 0: for ever', '1')
    .option('--halt <when>', 'never, or now|soon with ,fail=N|success=N|done=N or N% of the jobs', 'never')
    .option('--timeout <time>', 'end jobs after seconds (or 2m, 1h30m), or N% of the median of those that succeeded')
    .option('--delay <time>', 'seconds between the starts of two jobs', '0')
    .option('--results <dir>', 'write the output of each job to files in a directory')
    .option('--memfree <size>', 'start no job while less guest memory is free; below half of it the youngest is put back', '0')
    .option('--limit-memory <size>', 'kill a job whose processes use more')
    .option('--limit-cpu <time>', 'kill a job that has used more CPU time')
    .option('--limit-instructions <n>', 'kill a job that has executed more instructions')
    .option('--limit-tasks <n>', 'kill a job that has more threads')
    .option('--limit-files <n>', 'open files of each process of a job');
}

function addOutputOptions(command: Command): void {
  command
    .option('-k, --keep-order', 'print output in the order of the input')
    .option('--tag', 'put the arguments before each line of output')
    .option('--tagstring <text>', 'put this before each line; replacement strings are filled in')
    .option('--lb, --line-buffer', 'print whole lines as they come')
    .option('-u, --ungroup', 'let jobs write as they like')
    .option('-t, --verbose', 'print each command on standard error')
    .option('--bar', 'show how far the run is: a bar on a terminal, a line now and then elsewhere')
    .option('--eta', 'the same without the bar')
    .option('--report <file>', 'report of the run: .html a page, .json for programs, else a table (- is standard error)', collect, [])
    .option('--dry-run', 'print commands, run nothing');
}
