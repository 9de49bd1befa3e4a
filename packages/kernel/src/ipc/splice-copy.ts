/**
 * Moving bytes between files without guest memory (splice(2), tee(2), sendfile(2)). Nothing is taken from
 * the source before the destination has it, so that a transfer that stops half-way loses nothing.
 */
import { EPOLLIN, EPOLLOUT, Errno, Si, Sig } from '@troupe/abi';
import { PipeFile, type FileDescription, type VfsContext } from '@troupe/vfs';
import { waitOn, type Block } from '../syscall/row.js';
import type { Task } from '../task/task.js';

const CHUNK_BYTES = 65536;

/** A file with the position of the transfer; -1 = the file's own position, which moves. */
export interface Endpoint {
  readonly file: FileDescription;
  readonly offBytes: number;
}

export interface CopyResult {
  readonly count: number;
  /** Why it stopped early: a negative errno, 0 at the end of the source. */
  readonly stop: number;
  /** Who could not go on. */
  readonly side: 'source' | 'destination';
}

/** Takes bytes from a source in two steps: look, then take what found a place. */
interface Source {
  peek(maxBytes: number): Uint8Array | number;
  take(count: number): void;
}

function pipeSource({ pipe }: PipeFile): Source {
  return {
    peek(maxBytes) {
      const bytes = new Uint8Array(Math.min(maxBytes, pipe.length));
      if (bytes.length === 0) return pipe.writers === 0 ? bytes : -Errno.EAGAIN;
      pipe.peek(bytes);
      return bytes;
    },
    take: (count) => pipe.consume(count),
  };
}

/** Files with positions are read at one and moved afterwards; others only give what is asked for. */
function fileSource({ file, offBytes }: Endpoint, ctx: VfsContext): Source {
  let at = offBytes < 0 ? file.offBytes : offBytes;
  return {
    peek(maxBytes) {
      const bytes = new Uint8Array(maxBytes);
      const count = file.read(bytes, file.seekable ? at : -1, ctx);
      return count < 0 ? count : bytes.subarray(0, count);
    },
    take(count) {
      at += count;
      if (file.seekable && offBytes < 0) file.offBytes = at;
    },
  };
}

function roomOf(file: FileDescription): number {
  return file instanceof PipeFile ? file.pipe.roomBytes : CHUNK_BYTES;
}

/** Copies until the count is reached or one side stops. */
export function copyBetween(from: Endpoint, to: Endpoint, maxBytes: number, ctx: VfsContext): CopyResult {
  const source = from.file instanceof PipeFile ? pipeSource(from.file) : fileSource(from, ctx);
  let count = 0;
  while (count < maxBytes) {
    const room = Math.min(maxBytes - count, CHUNK_BYTES, roomOf(to.file));
    if (to.file instanceof PipeFile && to.file.pipe.readers === 0) return { count, stop: -Errno.EPIPE, side: 'destination' };
    if (room === 0) return { count, stop: -Errno.EAGAIN, side: 'destination' };
    const bytes = source.peek(room);
    if (typeof bytes === 'number') return { count, stop: bytes, side: 'source' };
    if (bytes.length === 0) return { count, stop: 0, side: 'source' };
    const written = to.file.write(bytes, to.offBytes < 0 ? -1 : to.offBytes + count, ctx);
    if (written < 0) return { count, stop: written, side: 'destination' };
    source.take(written);
    count += written;
  }
  return { count, stop: 0, side: 'source' };
}

/** What the call gives when a copy stopped without progress: an error, or a wait for the side that stopped. */
export function stopped(task: Task, result: CopyResult, from: FileDescription, to: FileDescription, mayWait: boolean): number | Block {
  if (result.stop === -Errno.EPIPE) task.kernel.signals.sendToTask(task, { signo: Sig.PIPE, code: Si.USER, pid: task.group.tgid, uid: task.creds.uid });
  const file = result.side === 'source' ? from : to;
  if (result.stop !== -Errno.EAGAIN || !mayWait || file.nonBlocking) return result.stop;
  return waitOn(file.waiters, result.side === 'source' ? EPOLLIN : EPOLLOUT);
}
