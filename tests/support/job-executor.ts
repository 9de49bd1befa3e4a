/** Jobs that are no processes: for tests of runs. A command is `SECONDS/1000 STATUS…`, the nth try ends with the nth status. */
import { exited, killedBy } from '@troupe/abi';
import type { JobExecutor, JobProcess, JobRequest } from '@troupe/kernel/jobs';

export class FakeExecutor implements JobExecutor {
  readonly cpus = 2;
  /** Seqs in the order in which they began. */
  readonly started: number[] = [];
  running = 0;
  mostRunning = 0;
  free = Infinity;
  /** Starts fail while so many run. */
  room = Infinity;
  private readonly _tries = new Map<number, number>();

  check(): void {
    // Always possible.
  }

  start({ command, seq, onOutput }: JobRequest): JobProcess {
    if (this.running >= this.room) throw Object.assign(new Error('no room'), { errno: 11 });
    this.started.push(seq);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    const [ms, ...statuses] = command.split(' ').map(Number);
    const attempt = this._tries.get(seq) ?? 0;
    this._tries.set(seq, attempt + 1);
    onOutput?.(1, Buffer.from(`out ${seq}\n`));
    let end: (signo: number) => void = () => undefined;
    const ended: JobProcess['ended'] = new Promise((resolve) => {
      const timer = setTimeout(() => end(0), ms);
      end = (signo) => {
        clearTimeout(timer);
        end = () => undefined;
        this.running--;
        resolve({ status: signo === 0 ? exited(statuses[Math.min(attempt, statuses.length - 1)]!) : killedBy(signo), usage: { cpuTimeNs: 0, maxRssBytes: 0 } });
      };
    });
    return { ended, signal: (signo) => end(signo) };
  }

  freeBytes(): number {
    return this.free;
  }
}
