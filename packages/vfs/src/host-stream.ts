/**
 * Standard input, output and error of the host as file descriptions (not terminals: those are ttys).
 * Output goes to the host descriptor at once; input is pushed by whoever reads the host's.
 *
 * Owns: the bytes that arrived and were not read yet.
 */
import fs from 'node:fs';
import { EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM, Errno, S_IFIFO } from '@troupe/abi';
import { AnonymousInode, anonymousNode, type Reopener } from './anonymous.js';
import { FileDescription } from './file-description.js';

const RETRY_MS = 5;
const sleepWord = new Int32Array(new SharedArrayBuffer(4));

export interface HostStreamOptions {
  /** Host descriptor for output, or 'discard'; absent = `onOutput` gets the bytes. */
  readonly output?: number | 'discard';
  /** O_RDONLY, O_WRONLY or O_RDWR. */
  readonly flags: number;
}

export class HostStream extends FileDescription implements Reopener {
  output: number | 'discard' | 'listener';
  /** Gets what is written, when `output` is 'listener'. Without it writing fails with EBADF. */
  onOutput: ((bytes: Uint8Array) => void) | null = null;
  /** Called once, when a program first asks for input. */
  onWanted: (() => void) | null = null;
  /** The guest has closed the file. */
  onClosed: (() => void) | null = null;
  private readonly _chunks: Uint8Array[] = [];
  private _bytes = 0;
  private _ended = false;

  constructor(options: HostStreamOptions) {
    const inode = new AnonymousInode(S_IFIFO | 0o600, 0, 0);
    super(anonymousNode(inode), options.flags);
    this.output = options.output ?? 'listener';
    inode.reopener = this;
  }

  reopen(): FileDescription {
    return this;
  }

  private _want(): void {
    const { onWanted } = this;
    this.onWanted = null;
    onWanted?.();
  }

  /** Bytes arrived at the host. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0 || this._ended) return;
    this._chunks.push(bytes);
    this._bytes += bytes.length;
    this.waiters.wake(EPOLLIN | EPOLLRDNORM);
  }

  /** The host's input ended: reads give 0 from now on. */
  end(): void {
    this._ended = true;
    this.waiters.wake(EPOLLIN | EPOLLRDNORM | EPOLLHUP);
  }

  /** The host's input has ended. */
  get hasEnded(): boolean {
    return this._ended;
  }

  /** Output goes elsewhere from now on: to a descriptor of the host, or to a function. */
  redirect(to: number | ((bytes: Uint8Array) => void)): void {
    this.output = typeof to === 'number' ? to : 'listener';
    this.onOutput = typeof to === 'number' ? null : to;
  }

  /** Bytes not read yet; the reader of the host stops above its own limit. */
  get pendingBytes(): number {
    return this._bytes;
  }

  override read(dst: Uint8Array): number {
    this._want();
    if (this._bytes === 0) return this._ended ? 0 : -Errno.EAGAIN;
    let done = 0;
    while (done < dst.length && this._chunks.length > 0) {
      const chunk = this._chunks[0]!;
      const count = Math.min(chunk.length, dst.length - done);
      dst.set(count === chunk.length ? chunk : chunk.subarray(0, count), done);
      if (count === chunk.length) this._chunks.shift();
      else this._chunks[0] = chunk.subarray(count);
      done += count;
    }
    this._bytes -= done;
    return done;
  }

  override write(src: Uint8Array): number {
    if (typeof this.output === 'number') return writeAll(this.output, src);
    if (this.output === 'listener') {
      if (this.onOutput === null) return -Errno.EBADF;
      this.onOutput(src.slice());
    }
    return src.length;
  }

  override poll(): number {
    this._want();
    let mask = EPOLLOUT | EPOLLWRNORM;
    if (this._bytes > 0 || this._ended) mask |= EPOLLIN | EPOLLRDNORM;
    if (this._ended && this._bytes === 0) mask |= EPOLLHUP;
    return mask;
  }

  override bytesReadable(): number {
    this._want();
    return this._bytes;
  }

  protected override release(): void {
    this.onClosed?.();
  }
}

/** The host's descriptor may be non-blocking (a pipe to another Node process): waits and goes on. */
function writeAll(hostFd: number, src: Uint8Array): number {
  let done = 0;
  while (done < src.length) {
    try {
      done += fs.writeSync(hostFd, src, done, src.length - done);
    } catch (error) {
      const { errno } = error as NodeJS.ErrnoException;
      if (errno !== -Errno.EAGAIN) return done > 0 ? done : errno ?? -Errno.EIO;
      Atomics.wait(sleepWord, 0, 0, RETRY_MS);
    }
  }
  return done;
}
