/** Connects the command's standard streams, or its terminal, to the program. */
import { fstatSync } from 'node:fs';
import { O_RDONLY, O_WRONLY } from '@troupe/abi';
import type { Kernel, Process } from '@troupe/kernel';
import { HostStream, type FileDescription } from '@troupe/vfs';
import { TerminalStdio, hasTerminal } from './terminal-stdio.js';

export interface Stdio {
  readonly stdin: FileDescription;
  readonly stdout: FileDescription;
  readonly stderr: FileDescription;
  start(process: Process): void;
  stop(): void;
}

/** Stop reading the host's input while the guest has this much to read. */
const HIGH_WATER_BYTES = 1 << 20;
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** Input that the program does not ask for stays where it is. */
class PlainStdio implements Stdio {
  readonly stdin: HostStream;
  readonly stdout = new HostStream({ flags: O_WRONLY, output: 1 });
  readonly stderr = new HostStream({ flags: O_WRONLY, output: 2 });
  readonly #cleanups: (() => void)[] = [];

  /** `restored`: a process that has its files already. */
  constructor(readonly kernel: Kernel, readonly restored?: Process) {
    const file = restored && kernel.core.launched.get(restored.group)?.files[0];
    this.stdin = file instanceof HostStream ? file : new HostStream({ flags: O_RDONLY });
  }

  start(target: Process): void {
    // One that came from an image may be waiting for input already.
    if (this.restored) this.#readInput();
    else this.stdin.onWanted = () => this.#readInput();
    for (const name of FORWARDED) {
      const forward = (): void => target.kill(name);
      process.on(name, forward);
      this.#cleanups.push(() => process.off(name, forward));
    }
  }

  #readInput(): void {
    if (!hasInput()) {
      this.stdin.end();
      return;
    }
    const onData = (chunk: Buffer): void => {
      this.stdin.push(new Uint8Array(chunk));
      this.kernel.host.kick();
      if (this.stdin.pendingBytes > HIGH_WATER_BYTES) this.#pauseInput();
    };
    const onEnd = (): void => {
      this.stdin.end();
      this.kernel.host.kick();
    };
    process.stdin.on('data', onData).on('end', onEnd).on('error', onEnd);
    this.#cleanups.push(() => {
      process.stdin.off('data', onData).off('end', onEnd).off('error', onEnd);
      process.stdin.pause();
      process.stdin.unref?.();
    });
  }

  #pauseInput(): void {
    process.stdin.pause();
    const timer = setInterval(() => {
      if (this.stdin.pendingBytes > HIGH_WATER_BYTES / 2) return;
      clearInterval(timer);
      process.stdin.resume();
    }, 5);
    timer.unref();
  }

  stop(): void {
    this.stdin.onWanted = null;
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }
}

/** A closed or absent standard input reads as empty. */
function hasInput(): boolean {
  try {
    fstatSync(0);
    return true;
  } catch {
    return false;
  }
}

/** Of a machine that came from an image, with its first process: as it was when it was saved, as far as there is a terminal now. */
export function attachStdio(kernel: Kernel, restored?: Process): Stdio {
  const wantsTerminal = restored === undefined || kernel.core.ipc.terminals.host !== null;
  return hasTerminal() && wantsTerminal ? new TerminalStdio(kernel, restored) : new PlainStdio(kernel, restored);
}
