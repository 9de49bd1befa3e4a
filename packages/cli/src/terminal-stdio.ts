/** Standard streams when at least one is a terminal: the guest gets a terminal of its own in raw passthrough. */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isatty, type WriteStream } from 'node:tty';
import { O_RDONLY, O_WRONLY, type WindowSize } from '@troupe/abi';
import { HostConsole, type Kernel, type Process } from '@troupe/kernel';
import { HostStream, type FileDescription } from '@troupe/vfs';
import type { Stdio } from './stdio.js';

/** Stop reading the host's input while the guest has this much to read. */
const HIGH_WATER_BYTES = 1 << 16;
const POLL_MS = 5;
/** Major number of /dev/null and its like. */
const MEMORY_DEVICES = 1;
/** Ctrl-C and Ctrl-Z are bytes for the guest's line discipline; these come from outside the terminal. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Standard input must be a terminal, or nothing could be typed. */
export function hasTerminal(): boolean {
  return mayBeTerminal(0) && isatty(0);
}

/** node:tty takes a while to load, so pipes, files and /dev/null are told from terminals without it. */
function mayBeTerminal(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev >> 8 !== MEMORY_DEVICES;
  } catch {
    return false;
  }
}

export class TerminalStdio implements Stdio {
  readonly stdin: FileDescription;
  readonly stdout: FileDescription;
  readonly stderr: FileDescription;
  readonly #console: HostConsole;
  readonly #cleanups: (() => void)[] = [];

  constructor(kernel: Kernel, restored?: Process) {
    const screenFd = [1, 2, 0].find((fd) => isatty(fd))!;
    const screen = new HostStream({ flags: O_WRONLY, output: screenFd });
    this.#console = new HostConsole(kernel.core, process.getuid?.() ?? 0, (bytes) => void screen.write(bytes));
    this.#console.resize(windowSize());
    const streamFor = (fd: number, flags: number): FileDescription => (isatty(fd) ? this.#console.open() : new HostStream({ flags, output: fd }));
    const files = restored && kernel.core.launched.get(restored.group)?.files;
    [this.stdin, this.stdout, this.stderr] = files ?? [streamFor(0, O_RDONLY), streamFor(1, O_WRONLY), streamFor(2, O_WRONLY)];
  }

  start(target: Process): void {
    this.#console.attach(target.group);
    const { stdin } = process;
    stdin.setRawMode(true);
    this.#console.typeShown(readTypeAhead());
    stopOutputProcessing();
    const onData = (chunk: Buffer): void => this.#onData(chunk);
    const onEnd = (): void => this.#console.hangUp();
    stdin.on('data', onData).on('end', onEnd).on('error', onEnd);
    const onResize = (): void => this.#console.resize(windowSize());
    const screen = screenStream();
    screen?.on('resize', onResize);
    this.#cleanups.push(() => {
      stdin.off('data', onData).off('end', onEnd).off('error', onEnd);
      screen?.off('resize', onResize);
      stdin.setRawMode(false);
      stdin.pause();
      stdin.unref();
    });
    for (const name of FORWARDED) {
      const forward = (): void => target.kill(name);
      process.on(name, forward);
      this.#cleanups.push(() => process.off(name, forward));
    }
  }

  #onData(chunk: Buffer): void {
    this.#console.type(new Uint8Array(chunk));
    if (this.#console.backlogBytes <= HIGH_WATER_BYTES) return;
    process.stdin.pause();
    const timer = setInterval(() => {
      if (this.#console.backlogBytes > 0) return;
      clearInterval(timer);
      process.stdin.resume();
    }, POLL_MS);
    timer.unref();
  }

  stop(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }
}

/** What was typed before raw mode: the host's terminal has shown it, the guest's must not show it again. */
function readTypeAhead(): Uint8Array {
  const bytes = new Uint8Array(HIGH_WATER_BYTES);
  let count = 0;
  try {
    const fd = openSync('/dev/stdin', constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      for (let more = 1; more > 0 && count < bytes.length; count += more) more = readSync(fd, bytes, count, bytes.length - count, null);
    } finally {
      closeSync(fd);
    }
  } catch {
    // EAGAIN: that was all. A terminal that cannot be opened again has its input read as it comes.
  }
  return bytes.subarray(0, count);
}

/**
 * The guest's terminal processes output itself; Node's raw mode leaves the host's processing on, and has no
 * other. Without stty(1) lines end in one carriage return too many. setRawMode(false) restores everything.
 */
function stopOutputProcessing(): void {
  spawnSync('stty', ['-opost'], { stdio: [0, 'ignore', 'ignore'] });
}

function screenStream(): WriteStream | undefined {
  return [process.stdout, process.stderr].find((stream) => stream.isTTY);
}

/** The size of the host's window; 24 by 80 when no output goes there. */
function windowSize(): WindowSize {
  const screen = screenStream();
  return { rows: screen?.rows ?? 24, cols: screen?.columns ?? 80, xpixel: 0, ypixel: 0 };
}
