/** A process started through the library: its streams, its end, signals to it. */
import type { Readable, Writable } from 'node:stream';
import { Sig, Si, type ExitStatus } from '@troupe/abi';
import type { Kernel as KernelCore } from '../kernel.js';
import type { ThreadGroup } from '../task/thread-group.js';
import type { StdioStreams } from './stdio.js';

export type SignalName = `SIG${keyof typeof Sig}`;

export class Process {
  /** Null unless asked for as 'pipe'; the readable ones end when the guest has closed its end. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;

  constructor(readonly core: KernelCore, readonly group: ThreadGroup, streams: StdioStreams) {
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
  }

  get pid(): number {
    return this.group.tgid;
  }

  /** Resolves with the exit status once every thread of the process has ended. */
  async wait(): Promise<ExitStatus> {
    await this.core.runner.whenReached(() => this.group.isZombie || this.group.isReaped);
    return this.group.exitStatus!;
  }

  kill(signal: SignalName = 'SIGTERM'): void {
    const signo = Sig[signal.slice(3) as keyof typeof Sig];
    this.core.signals.sendToGroup(this.group, { signo, code: Si.USER, pid: 0, uid: 0 });
    this.core.host.kick();
  }
}
