/** A process started through the library: its streams, its end, signals to it. */
import { Readable, Writable } from 'node:stream';
import { O_RDONLY, O_WRONLY, Sig, Si, type ExitStatus } from '@troupe/abi';
import { HostStream } from '@troupe/vfs';
import type { Kernel as KernelCore } from '../kernel.js';
import type { ThreadGroup } from '../task/thread-group.js';

export type SignalName = `SIG${keyof typeof Sig}`;

/** 'inherit': the host process's own descriptor. 'pipe': a stream of the library. 'ignore': empty. */
export type StdioMode = 'inherit' | 'pipe' | 'ignore';

export class Process {
  /** Ends when the guest closes its end; null unless that stream is 'pipe'. */
  stdin: Writable | null = null;
  stdout: Readable | null = null;
  stderr: Readable | null = null;

  constructor(readonly core: KernelCore, readonly group: ThreadGroup) {}

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

/** A stream of the host program whose bytes the guest reads. */
export function inputStream(file: HostStream, kick: () => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      file.push(new Uint8Array(chunk));
      kick();
      done();
    },
    final(done) {
      file.end();
      kick();
      done();
    },
  });
}

/** Descriptor file and host stream for what the guest writes. */
export function outputStream(): { readonly file: HostStream; readonly stream: Readable } {
  const stream = new Readable({ read: () => undefined });
  const file = new ClosingStream({ flags: O_WRONLY, onOutput: (bytes) => void stream.push(Buffer.from(bytes)) });
  file.onClosed = () => void stream.push(null);
  return { file, stream };
}

class ClosingStream extends HostStream {
  onClosed: () => void = () => undefined;

  protected override release(): void {
    this.onClosed();
  }
}

export function emptyInput(): HostStream {
  const file = new HostStream({ flags: O_RDONLY });
  file.end();
  return file;
}
