/**
 * Moving bytes between guest memory and files for read(2), write(2) and their relatives. Guest memory is
 * staged through one buffer; large transfers go in chunks. A blocking write that had to wait keeps its
 * progress in the system call's data.
 */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRNORM, Errno, Si, Sig } from '@troupe/abi';
import type { FileDescription, VfsContext } from '@troupe/vfs';
import { askToRead } from '../fanotify/permission.js';
import { contextOf } from '../ipc/caller.js';
import { waitOn, type SyscallResult } from '../syscall/row.js';
import type { Task } from '../task/task.js';
import type { IoVector } from './io-vector.js';

const CHUNK_BYTES = 1 << 20;
const staging = new Uint8Array(CHUNK_BYTES);

export const READ_EVENTS = EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR | EPOLLRDHUP;
export const WRITE_EVENTS = EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR;

/** Bytes written before the wait. */
interface WriteProgress {
  done: number;
}

/** How one call transfers: position (-1 = the file's own) and RWF_NOWAIT. */
export interface TransferMode {
  readonly offBytes: number;
  readonly noWait: boolean;
}

export const AT_POSITION: TransferMode = { offBytes: -1, noWait: false };

export function readInto(task: Task, file: FileDescription, vector: IoVector, mode: TransferMode): SyscallResult {
  const asked = askToRead(task, file);
  if (asked !== 0) return asked;
  const ctx = contextOf(task);
  let done = 0;
  do {
    const wanted = Math.min(vector.totalBytes - done, CHUNK_BYTES);
    const dst = staging.subarray(0, wanted);
    const count = file.read(dst, mode.offBytes < 0 ? -1 : mode.offBytes + done, ctx);
    if (count < 0) {
      if (done > 0) return done;
      return count === -Errno.EAGAIN && !file.nonBlocking && !mode.noWait ? waitOn(file.waiters, READ_EVENTS) : count;
    }
    const copied = count === 0 ? 0 : vector.copyOut(done, count === wanted ? dst : dst.subarray(0, count));
    done += copied;
    if (copied < count) return giveBack(file, count - copied, mode, done);
    if (count < wanted || !file.seekable) return done;
  } while (done < vector.totalBytes);
  return done;
}

/** The guest buffer ended early: the position of a regular file only covers what arrived. */
function giveBack(file: FileDescription, missing: number, mode: TransferMode, done: number): number {
  if (mode.offBytes < 0 && file.seekable) file.offBytes -= missing;
  return done > 0 ? done : -Errno.EFAULT;
}

export function writeFrom(task: Task, file: FileDescription, vector: IoVector, mode: TransferMode): SyscallResult {
  const ctx = contextOf(task);
  const state = task.syscall!;
  const progress = (state.data as WriteProgress | undefined) ?? { done: 0 };
  for (;;) {
    const result = writeChunk(file, vector, mode, progress.done, ctx);
    if (result === -Errno.EAGAIN && !file.nonBlocking && !mode.noWait) {
      state.data = progress;
      return waitOn(file.waiters, WRITE_EVENTS);
    }
    if (result < 0) return progress.done > 0 ? progress.done : writeFailed(task, file, result);
    progress.done += result;
    if (progress.done >= vector.totalBytes || result === 0 || (file.nonBlocking && !file.seekable)) return progress.done;
  }
}

function writeChunk(file: FileDescription, vector: IoVector, mode: TransferMode, done: number, ctx: VfsContext): number {
  const wanted = Math.min(vector.totalBytes - done, CHUNK_BYTES);
  const src = staging.subarray(0, wanted);
  const readable = wanted === 0 ? 0 : vector.copyIn(done, src);
  if (readable === 0 && wanted > 0) return -Errno.EFAULT;
  return file.write(readable === wanted ? src : src.subarray(0, readable), mode.offBytes < 0 ? -1 : mode.offBytes + done, ctx);
}

/** EPIPE raises SIGPIPE (pipe(7)), EFBIG at RLIMIT_FSIZE raises SIGXFSZ (getrlimit(2)). */
function writeFailed(task: Task, file: FileDescription, result: number): number {
  const { signals } = task.kernel;
  if (result === -Errno.EPIPE) signals.sendToTask(task, { signo: Sig.PIPE, code: Si.USER, pid: task.group.tgid, uid: task.creds.uid });
  if (result === -Errno.EFBIG && file.inode.isRegular) signals.sendToTask(task, { signo: Sig.XFSZ, code: Si.KERNEL });
  return result;
}

/** `interrupted` of the write rows: what was written counts. */
export function writeInterrupted(task: Task): number | undefined {
  const progress = task.syscall?.data as WriteProgress | undefined;
  return progress !== undefined && progress.done > 0 ? progress.done : undefined;
}
