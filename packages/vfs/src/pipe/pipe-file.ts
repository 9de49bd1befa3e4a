/** The ends of pipes and FIFOs (pipe(7), fifo(7)). */
import { Errno, O_ACCMODE, O_DIRECT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, type WaitQueue } from '@troupe/abi';
import { AnonymousInode, newPipeNode, type Reopener } from '../anonymous.js';
import { FileDescription } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { PathNode } from '../mount.js';
import type { NegativeErrno, VfsContext } from '../types.js';
import { Pipe } from './pipe.js';

export class PipeFile extends FileDescription {
  override readonly waiters: WaitQueue;
  /** Partner ends ever opened before this one: the open of a FIFO is pending until the count moves. Reopened pipes (/proc/pid/fd/N) never wait. */
  private readonly _readerOpensSeen: number;
  private readonly _writerOpensSeen: number;
  private readonly _mayWait: boolean;

  constructor(node: PathNode, flags: number, readonly pipe: Pipe) {
    super(node, flags);
    this.waiters = pipe.waiters;
    const isUnnamed = node.inode instanceof AnonymousInode;
    this._readerOpensSeen = isUnnamed || pipe.readers > 0 ? -1 : pipe.readerOpens;
    this._writerOpensSeen = isUnnamed || pipe.writers > 0 ? -1 : pipe.writerOpens;
    this._mayWait = (flags & O_ACCMODE) !== O_RDWR && (flags & O_NONBLOCK) === 0;
    if (this.readable) pipe.addReader();
    if (this.writable) pipe.addWriter();
  }

  override openPending(): boolean {
    if (!this._mayWait) return false;
    return this.readable ? this.pipe.writerOpens === this._writerOpensSeen : this.pipe.readerOpens === this._readerOpensSeen;
  }

  override read(dst: Uint8Array): number {
    return this.readable ? this.pipe.read(dst) : -Errno.EBADF;
  }

  override write(src: Uint8Array): number {
    return this.writable ? this.pipe.write(src, (this.flags & O_DIRECT) !== 0) : -Errno.EBADF;
  }

  override poll(): number {
    const hadWriter = this.pipe.writerOpens !== this._writerOpensSeen;
    return (this.readable ? this.pipe.pollRead(hadWriter) : 0) | (this.writable ? this.pipe.pollWrite() : 0);
  }

  override bytesReadable(): number {
    return this.pipe.length;
  }

  protected override release(): void {
    if (this.readable) this.pipe.removeReader();
    if (this.writable) this.pipe.removeWriter();
  }
}

function pipeOf(inode: Inode): Pipe {
  return (inode.attachment ??= new Pipe()) as Pipe;
}

/**
 * open(2) of a FIFO. The result may be pending (openPending): it counts as an open end already, and the
 * caller waits on its `waiters` before it installs a descriptor, or releases it when interrupted.
 */
export function openFifo(node: PathNode, flags: number): FileDescription | NegativeErrno {
  const pipe = pipeOf(node.inode);
  const isWriteOnly = (flags & O_ACCMODE) === O_WRONLY;
  const isUnnamed = node.inode instanceof AnonymousInode;
  if (!isUnnamed && isWriteOnly && (flags & O_NONBLOCK) !== 0 && pipe.readers === 0) return -Errno.ENXIO;
  return new PipeFile(node, flags, pipe);
}

export const fifoReopener: Reopener = { reopen: openFifo };

export interface PipeEnds {
  readonly reader: PipeFile;
  readonly writer: PipeFile;
}

/** pipe2(2): both ends without references. `flags` may hold O_NONBLOCK and O_DIRECT. */
export function createPipe(ctx: VfsContext, flags: number): PipeEnds {
  const node = newPipeNode(ctx.creds.fsuid, ctx.creds.fsgid, ctx.realtimeNs());
  const pipe = pipeOf(node.inode);
  (node.inode as AnonymousInode).reopener = fifoReopener;
  const status = flags & (O_NONBLOCK | O_DIRECT);
  return { reader: new PipeFile(node, O_RDONLY | status, pipe), writer: new PipeFile(node, O_WRONLY | status, pipe) };
}
