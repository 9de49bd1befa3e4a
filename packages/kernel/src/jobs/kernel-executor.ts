/**
 * Jobs as processes of one kernel that runs (parallel(1) on the local machine).
 *
 * Owns: the kernel's onGroupExit while it is open.
 */
import { O_RDONLY, O_WRONLY, ConfigError, PAGE_SIZE, Sig } from '@troupe/abi';
import { HostStream } from '@troupe/vfs';
import type { Kernel } from '../api/kernel.js';
import type { ThreadGroup } from '../task/thread-group.js';
import type { JobExecutor, JobProcess, JobRequest } from './executor.js';
import { exceededLimit, LIMIT_CHECK_MS, limitSetOf, needsWatch, type JobLimits } from './job-limits.js';
import { finalUsage, signalTree } from './process-tree.js';

export interface JobEnvironment {
  /** Runs the commands with -c; default /bin/sh. */
  readonly shell?: string;
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly limits?: JobLimits;
}

export class KernelExecutor implements JobExecutor {
  private readonly _onExit = new Map<ThreadGroup, () => void>();
  private readonly _shell: string;

  constructor(readonly kernel: Kernel, readonly environment: JobEnvironment = {}) {
    this._shell = environment.shell ?? '/bin/sh';
    kernel.core.onGroupExit = (group) => this._onExit.get(group)?.();
  }

  get cpus(): number {
    return this.kernel.host.cores;
  }

  check(): void {
    if (!this.kernel.isExecutable(this._shell)) throw new ConfigError('no such program', this._shell);
  }

  start(request: JobRequest): JobProcess {
    const { env = [], cwd, user, limits = {} } = this.environment;
    const limitSet = limitSetOf(limits);
    const { core } = this.kernel;
    const { group } = this.kernel.createProcess({
      argv: [this._shell, '-c', request.command], env: [...env, `PARALLEL_SEQ=${request.seq}`, `PARALLEL_JOBSLOT=${request.slot}`],
      ...(cwd === undefined ? {} : { cwd }), ...(user === undefined ? {} : { user }), ...(limitSet === undefined ? {} : { limits: limitSet }), stdin: emptyInput(), stdout: outputTo(request, 1), stderr: outputTo(request, 2),
    });
    if (!core.started) this.kernel.start();
    let limit: string | undefined;
    const watch = needsWatch(limits) ? setInterval(() => {
      limit ??= exceededLimit(core, group, limits);
      if (limit !== undefined) signalTree(core, group, Sig.KILL);
    }, LIMIT_CHECK_MS) : undefined;
    const ended: JobProcess['ended'] = new Promise((resolve) => {
      this._onExit.set(group, () => {
        clearInterval(watch);
        this._onExit.delete(group);
        resolve({ status: group.exitStatus!, usage: finalUsage(group), ...(limit === undefined ? {} : { limit }) });
      });
    });
    return { ended, signal: (signo) => signalTree(core, group, signo) };
  }

  freeBytes(): number {
    const { framesInUse, limitFrames } = this.kernel.core.frames;
    return (limitFrames - framesInUse) * PAGE_SIZE;
  }

  close(): void {
    this.kernel.core.onGroupExit = null;
  }
}

function emptyInput(): HostStream {
  const input = new HostStream({ flags: O_RDONLY });
  input.end();
  return input;
}

function outputTo({ onOutput }: JobRequest, fd: 1 | 2): HostStream {
  if (onOutput === null) return new HostStream({ flags: O_WRONLY, output: fd });
  const file = new HostStream({ flags: O_WRONLY });
  file.onOutput = (bytes) => onOutput(fd, bytes);
  return file;
}
