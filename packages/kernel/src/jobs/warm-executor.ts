/**
 * Jobs as copies of a machine whose program waits for input: each reads the text of its job from standard input, then
 * the end of it. A copy is a kernel with one core.
 */
import { freemem } from 'node:os';
import { ConfigError, Sig, type ExitStatus } from '@troupe/abi';
import { HostStream } from '@troupe/vfs';
import type { Kernel } from '../api/kernel.js';
import type { LoadOptions } from '../api/images.js';
import type { Process } from '../api/process.js';
import type { Snapshot } from '../api/snapshot.js';
import { groupUsage } from '../task/usage.js';
import type { ThreadGroup } from '../task/thread-group.js';
import type { JobExecutor, JobProcess, JobRequest, JobUsage, Signo } from './executor.js';
import { exceededLimit, LIMIT_CHECK_MS, needsWatch, type JobLimits } from './job-limits.js';
import { finalUsage, signalTree } from './process-tree.js';
import { SignalGate } from './signal-gate.js';

export interface WarmOptions extends Pick<LoadOptions, 'engine' | 'onReport'> {
  /** How many jobs run at once by default. */
  readonly cpus: number;
  /** All but open files, which the program may have opened already. */
  readonly limits?: Omit<JobLimits, 'openFiles'>;
  /** Called with each copy before it runs. */
  readonly prepare?: (kernel: Kernel) => void;
}

export class WarmExecutor implements JobExecutor {
  constructor(readonly snapshot: Snapshot, readonly options: WarmOptions) {}

  get cpus(): number {
    return this.options.cpus;
  }

  /** What a machine lacks is found when a copy of it starts: that ends the run. */
  check(): void {}

  start(request: JobRequest): JobProcess {
    return new WarmJob(this.snapshot, request, this.options);
  }

  freeBytes(): number {
    return freemem();
  }
}

class WarmJob implements JobProcess {
  readonly ended: JobProcess['ended'];
  private readonly _signals = new SignalGate();

  constructor(private readonly _snapshot: Snapshot, private readonly _request: JobRequest, private readonly _options: WarmOptions) {
    this.ended = this._run();
  }

  signal(signo: Signo): void {
    this._signals.send(signo);
  }

  private async _run(): Promise<{ readonly status: ExitStatus; readonly usage: JobUsage; readonly limit?: string }> {
    const { engine, onReport, prepare } = this._options;
    const kernel = await this._snapshot.start({ cores: 1, isPaused: true, ...(engine === undefined ? {} : { engine }), ...(onReport === undefined ? {} : { onReport }) });
    try {
      prepare?.(kernel);
      const process = firstOf(kernel);
      connect(kernel, process, this._request);
      kernel.unpause();
      this._signals.open((signo) => signalTree(kernel.core, process.group, signo));
      return await this._toEnd(kernel, process);
    } finally {
      this._signals.close();
      await kernel.close();
    }
  }

  private async _toEnd({ core }: Kernel, process: Process): Promise<{ readonly status: ExitStatus; readonly usage: JobUsage; readonly limit?: string }> {
    const { group } = process;
    const { limits = {} } = this._options;
    const usedNs = finalUsage(group).cpuTimeNs;
    const before = groupUsage(group).instructions + group.childUsage.instructions;
    const remaining = {
      ...limits, ...(limits.cpuTimeNs === undefined ? {} : { cpuTimeNs: limits.cpuTimeNs + usedNs }), ...(limits.instructions === undefined ? {} : { instructions: limits.instructions + before }),
    };
    let limit: string | undefined;
    const watch = needsWatch(limits) ? setInterval(() => {
      limit ??= exceededLimit(core, group, remaining);
      if (limit !== undefined) signalTree(core, group, Sig.KILL);
    }, LIMIT_CHECK_MS) : undefined;
    const status = await process.wait();
    clearInterval(watch);
    return { status, usage: jobUsage(group, usedNs), ...(limit === undefined ? {} : { limit }) };
  }
}

/** Without what the program had used when it was saved. */
function jobUsage(group: ThreadGroup, beforeNs: number): JobUsage {
  const { cpuTimeNs, maxRssBytes } = finalUsage(group);
  return { cpuTimeNs: cpuTimeNs - beforeNs, maxRssBytes };
}

function firstOf(kernel: Kernel): Process {
  const [process] = kernel.processes;
  if (process === undefined) throw new ConfigError('its program has ended', 'machine');
  return process;
}

function connect(kernel: Kernel, { group }: Process, { command, onOutput }: JobRequest): void {
  const [input, ...outputs] = kernel.core.launched.get(group)!.files;
  const stdin = streamOf(input, 0);
  if (stdin.hasEnded) throw new ConfigError('its standard input is at its end', 'machine');
  stdin.push(Buffer.from(`${command}\n`));
  stdin.end();
  outputs.forEach((file, index) => {
    const fd = index === 0 ? 1 : 2;
    streamOf(file, fd).redirect(onOutput === null ? fd : (bytes) => onOutput(fd, bytes));
  });
}

function streamOf(file: object, fd: number): HostStream {
  if (file instanceof HostStream) return file;
  throw new ConfigError(`descriptor ${fd} of its program is a terminal or a file`, 'machine');
}
