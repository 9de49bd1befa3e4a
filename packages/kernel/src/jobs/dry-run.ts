/** Jobs that only say what they would run (parallel(1) --dry-run). */
import { exited } from '@troupe/abi';
import type { JobExecutor, JobProcess, JobRequest } from './executor.js';

export class DryRunExecutor implements JobExecutor {
  constructor(readonly cpus: number) {}

  check(): void {
    // Nothing is started.
  }

  start({ command, onOutput }: JobRequest): JobProcess {
    onOutput?.(1, Buffer.from(`${command}\n`));
    return { ended: Promise.resolve({ status: exited(0), usage: { cpuTimeNs: 0, maxRssBytes: 0 } }), signal: () => undefined };
  }

  freeBytes(): number {
    return Infinity;
  }
}
