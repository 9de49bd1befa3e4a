/** Jobs that each have a kernel of their own, with one core and a file tree that no other job sees. */
import { freemem } from 'node:os';
import type { Kernel } from '../api/kernel.js';
import type { JobExecutor, JobProcess, JobRequest, Signo } from './executor.js';
import { KernelExecutor, type JobEnvironment } from './kernel-executor.js';
import { SignalGate } from './signal-gate.js';

export interface IsolatedOptions {
  /** A kernel without processes; the job closes it. */
  readonly createKernel: () => Promise<Kernel>;
  /** How many jobs run at once by default. */
  readonly cpus: number;
  readonly environment?: JobEnvironment;
}

export class IsolatedExecutor implements JobExecutor {
  constructor(readonly options: IsolatedOptions) {}

  get cpus(): number {
    return this.options.cpus;
  }

  /** Whether the shell is there is found when the first job starts: that ends the run. */
  check(): void {}

  start(request: JobRequest): JobProcess {
    return new IsolatedJob(this.options, request);
  }

  freeBytes(): number {
    return freemem();
  }
}

class IsolatedJob implements JobProcess {
  readonly ended: JobProcess['ended'];
  private readonly _signals = new SignalGate();

  constructor(options: IsolatedOptions, request: JobRequest) {
    this.ended = this._run(options, request);
  }

  signal(signo: Signo): void {
    this._signals.send(signo);
  }

  private async _run({ createKernel, environment }: IsolatedOptions, request: JobRequest): ReturnType<() => JobProcess['ended']> {
    const kernel = await createKernel();
    try {
      const executor = new KernelExecutor(kernel, environment);
      executor.check();
      const process = executor.start(request);
      this._signals.open((signo) => process.signal(signo));
      return await process.ended;
    } finally {
      this._signals.close();
      await kernel.close();
    }
  }
}
