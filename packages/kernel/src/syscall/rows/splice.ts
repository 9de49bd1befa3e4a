/** splice(2), tee(2), vmsplice(2), sendfile(2). */
import { EPOLLIN, EPOLLOUT, Errno, MAX_RW_COUNT, Nr } from '@troupe/abi';
import { PipeFile, type FileDescription } from '@troupe/vfs';
import { contextOf } from '../../ipc/caller.js';
import { gather, readVectors, scatter, totalBytes } from '../../ipc/iovec.js';
import { copyBetween, stopped } from '../../ipc/splice-copy.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, size, uint, waitOn, type SyscallResult, type SyscallRow } from '../row.js';

const SPLICE_F_NONBLOCK = 2;
const SPLICE_FLAGS = 15;
const SYMBOLS = [['SPLICE_F_MOVE', 1], ['SPLICE_F_NONBLOCK', 2], ['SPLICE_F_MORE', 4], ['SPLICE_F_GIFT', 8]] as const;

/** Position given by the guest: -1 when it gave none; a pipe takes none (ESPIPE). */
function offsetOf(task: Task, file: FileDescription, at: number): number {
  if (at === 0) return -1;
  if (!file.seekable) return file instanceof PipeFile ? -Errno.ESPIPE : -Errno.EINVAL;
  const offset = Number(BigInt.asIntN(64, task.mm.readU64(at)));
  return offset < 0 ? -Errno.EINVAL : offset;
}

function storeOffset(task: Task, at: number, offBytes: number, count: number): void {
  if (at !== 0 && count > 0) task.mm.writeU64(at, BigInt(offBytes + count));
}

function sysSplice(task: Task, fdIn: number, offInAt: number, fdOut: number, offOutAt: number, length: number, spliceFlags: number): SyscallResult {
  if (length === 0) return 0;
  if ((spliceFlags & ~SPLICE_FLAGS) !== 0) return -Errno.EINVAL;
  const from = task.fds.getOpen(fdIn);
  const to = task.fds.getOpen(fdOut);
  if (!from?.readable || !to?.writable) return -Errno.EBADF;
  if (!(from instanceof PipeFile) && !(to instanceof PipeFile)) return -Errno.EINVAL;
  if (from instanceof PipeFile && to instanceof PipeFile && from.pipe === to.pipe) return -Errno.EINVAL;
  if (to.append) return -Errno.EINVAL;
  const offIn = offsetOf(task, from, offInAt);
  const offOut = offsetOf(task, to, offOutAt);
  if (offIn < -1 || offOut < -1) return Math.min(offIn, offOut);
  const result = copyBetween({ file: from, offBytes: offIn }, { file: to, offBytes: offOut }, Math.min(length, MAX_RW_COUNT), contextOf(task));
  if (result.count === 0 && result.stop !== 0) return stopped(task, result, from, to, (spliceFlags & SPLICE_F_NONBLOCK) === 0);
  storeOffset(task, offInAt, offIn, result.count);
  storeOffset(task, offOutAt, offOut, result.count);
  return result.count;
}

function sysTee(task: Task, fdIn: number, fdOut: number, length: number, teeFlags: number): SyscallResult {
  const from = task.fds.getOpen(fdIn);
  const to = task.fds.getOpen(fdOut);
  if (!from?.readable || !to?.writable) return -Errno.EBADF;
  if (!(from instanceof PipeFile) || !(to instanceof PipeFile) || from.pipe === to.pipe || (teeFlags & ~SPLICE_FLAGS) !== 0) return -Errno.EINVAL;
  const mayWait = (teeFlags & SPLICE_F_NONBLOCK) === 0;
  const bytes = new Uint8Array(Math.min(length, from.pipe.length, to.pipe.roomBytes));
  if (bytes.length > 0) return to.pipe.write(bytes.subarray(0, from.pipe.peek(bytes)));
  if (length === 0 || (from.pipe.length === 0 && from.pipe.writers === 0)) return 0;
  const side = from.pipe.length === 0 ? 'source' : 'destination';
  return stopped(task, { count: 0, stop: to.pipe.readers === 0 ? -Errno.EPIPE : -Errno.EAGAIN, side }, from, to, mayWait);
}

function sysVmsplice(task: Task, fdNo: number, vectorsAt: number, count: number, spliceFlags: number): SyscallResult {
  const file = task.fds.getOpen(fdNo);
  if (!(file instanceof PipeFile) || (spliceFlags & ~SPLICE_FLAGS) !== 0) return file instanceof PipeFile ? -Errno.EINVAL : -Errno.EBADF;
  const vectors = readVectors(task.mm, vectorsAt, count);
  if (totalBytes(vectors) === 0) return 0;
  const mayWait = (spliceFlags & SPLICE_F_NONBLOCK) === 0 && !file.nonBlocking;
  const result = file.writable ? file.pipe.write(gather(task.mm, vectors, 0, Math.max(1, file.pipe.roomBytes))) : readOut(task, file, vectors);
  if (result !== -Errno.EAGAIN || !mayWait) return result;
  return waitOn(file.waiters, file.writable ? EPOLLOUT : EPOLLIN);
}

function readOut(task: Task, file: PipeFile, vectors: ReturnType<typeof readVectors>): number {
  const bytes = new Uint8Array(Math.min(totalBytes(vectors), Math.max(1, file.pipe.length)));
  const count = file.pipe.read(bytes);
  if (count > 0) scatter(task.mm, vectors, bytes.subarray(0, count));
  return count;
}

/** Bytes sent before the call had to wait. */
interface SendProgress {
  doneBytes: number;
}

function sysSendfile(task: Task, fdOut: number, fdIn: number, offsetAt: number, length: number): SyscallResult {
  const from = task.fds.getOpen(fdIn);
  const to = task.fds.getOpen(fdOut);
  if (!from?.readable || !to?.writable) return -Errno.EBADF;
  if (!from.seekable || to.append) return offsetAt !== 0 && !from.seekable ? -Errno.ESPIPE : -Errno.EINVAL;
  const offset = offsetOf(task, from, offsetAt);
  if (offset < -1) return offset;
  const progress = (task.syscall!.data ??= { doneBytes: 0 }) as SendProgress;
  const total = Math.min(length, MAX_RW_COUNT);
  const result = copyBetween({ file: from, offBytes: offset }, { file: to, offBytes: -1 }, total - progress.doneBytes, contextOf(task));
  storeOffset(task, offsetAt, offset, result.count);
  progress.doneBytes += result.count;
  if (result.stop === 0 || progress.doneBytes >= total) return progress.doneBytes;
  const stop = stopped(task, result, from, to, true);
  return typeof stop === 'number' && progress.doneBytes > 0 ? progress.doneBytes : stop;
}

function sendfileOnInterrupt(task: Task): number | undefined {
  const data = task.syscall?.data as SendProgress | undefined;
  return data?.doneBytes ? data.doneBytes : undefined;
}

export const rows: readonly SyscallRow[] = [
  {
    nr: Nr.splice, name: 'splice', args: [fd('fd_in'), addr('off_in'), fd('fd_out'), addr('off_out'), size('len'), flags('flags', SYMBOLS)], groups: ['%desc'],
    restart: 'ERESTARTSYS', support: 'full', man: 'splice(2)', handler: sysSplice,
  },
  { nr: Nr.tee, name: 'tee', args: [fd('fd_in'), fd('fd_out'), size('len'), flags('flags', SYMBOLS)], groups: ['%desc'], restart: 'ERESTARTSYS', support: 'full', man: 'tee(2)', handler: sysTee },
  {
    nr: Nr.vmsplice, name: 'vmsplice', args: [fd(), addr('iov'), uint('nr_segs'), flags('flags', SYMBOLS)], groups: ['%desc'],
    restart: 'ERESTARTSYS', support: { partial: 'pages are copied, never shared' }, man: 'vmsplice(2)', handler: sysVmsplice,
  },
  {
    nr: Nr.sendfile, name: 'sendfile', args: [fd('out_fd'), fd('in_fd'), addr('offset'), size('count')], groups: ['%desc'],
    restart: 'ERESTARTSYS', support: 'full', man: 'sendfile(2)', handler: sysSendfile, interrupted: sendfileOnInterrupt,
  },
];
