/** read(2) write(2) readv(2) pread(2) preadv2(2) lseek(2) copy_file_range(2). */
import { Errno, Nr, O_APPEND, SEEK_DATA, SEEK_HOLE } from '@troupe/abi';
import type { FileDescription } from '@troupe/vfs';
import { dropQuestion } from '../../fanotify/permission.js';
import { IoVector } from '../../file/io-vector.js';
import { AT_POSITION, readInto, writeFrom, writeInterrupted, type TransferMode } from '../../file/transfer.js';
import { contextOf } from '../../ipc/caller.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, inBuf, int, long, outBuf, size, uint, type ArgSpec, type SyscallResult, type SyscallRow } from '../row.js';

function readable(task: Task, fdNo: number): FileDescription | number {
  const file = task.fds.get(fdNo);
  return file === null || !file.readable ? -Errno.EBADF : file;
}

function writable(task: Task, fdNo: number): FileDescription | number {
  const file = task.fds.get(fdNo);
  return file === null || !file.writable ? -Errno.EBADF : file;
}

function sysRead(task: Task, fdNo: number, buffer: number, count: number): SyscallResult {
  const file = readable(task, fdNo);
  return typeof file === 'number' ? file : readInto(task, file, IoVector.single(task.mm, buffer, count), AT_POSITION);
}

function sysWrite(task: Task, fdNo: number, buffer: number, count: number): SyscallResult {
  const file = writable(task, fdNo);
  return typeof file === 'number' ? file : writeFrom(task, file, IoVector.single(task.mm, buffer, count), AT_POSITION);
}

function sysReadv(task: Task, fdNo: number, iov: number, count: number): SyscallResult {
  const file = readable(task, fdNo);
  if (typeof file === 'number') return file;
  const vector = IoVector.read(task.mm, iov, count);
  return typeof vector === 'number' ? vector : readInto(task, file, vector, AT_POSITION);
}

function sysWritev(task: Task, fdNo: number, iov: number, count: number): SyscallResult {
  const file = writable(task, fdNo);
  if (typeof file === 'number') return file;
  const vector = IoVector.read(task.mm, iov, count);
  return typeof vector === 'number' ? vector : writeFrom(task, file, vector, AT_POSITION);
}

/** Files at an explicit position: EINVAL for a negative one, ESPIPE where positions mean nothing. */
function atOffset(file: FileDescription, offBytes: number): TransferMode | number {
  if (offBytes < 0) return -Errno.EINVAL;
  return file.seekable ? { offBytes, noWait: false } : -Errno.ESPIPE;
}

function sysPread(task: Task, fdNo: number, buffer: number, count: number, offBytes: number): SyscallResult {
  const file = readable(task, fdNo);
  if (typeof file === 'number') return file;
  const mode = atOffset(file, offBytes);
  return typeof mode === 'number' ? mode : readInto(task, file, IoVector.single(task.mm, buffer, count), mode);
}

function sysPwrite(task: Task, fdNo: number, buffer: number, count: number, offBytes: number): SyscallResult {
  const file = writable(task, fdNo);
  if (typeof file === 'number') return file;
  const mode = atOffset(file, offBytes);
  return typeof mode === 'number' ? mode : writeFrom(task, file, IoVector.single(task.mm, buffer, count), mode);
}

const RWF = { HIPRI: 1, DSYNC: 2, SYNC: 4, NOWAIT: 8, APPEND: 16 } as const;
const RWF_KNOWN = 31;

/** Position and flags of preadv(2) and preadv2(2); offset -1 of the latter is the file position. */
function vectorMode(file: FileDescription, offBytes: number, rwFlags: number, isV2: boolean): TransferMode | number {
  if (rwFlags & ~RWF_KNOWN) return -Errno.EOPNOTSUPP;
  const noWait = (rwFlags & RWF.NOWAIT) !== 0;
  if (isV2 && offBytes === -1) return { offBytes: -1, noWait };
  const mode = atOffset(file, offBytes);
  return typeof mode === 'number' ? mode : { offBytes: mode.offBytes, noWait };
}

function doPreadv(task: Task, fdNo: number, iov: number, count: number, offBytes: number, rwFlags: number, isV2: boolean): SyscallResult {
  const file = readable(task, fdNo);
  if (typeof file === 'number') return file;
  const mode = vectorMode(file, offBytes, rwFlags, isV2);
  if (typeof mode === 'number') return mode;
  const vector = IoVector.read(task.mm, iov, count);
  return typeof vector === 'number' ? vector : readInto(task, file, vector, mode);
}

function doPwritev(task: Task, fdNo: number, iov: number, count: number, offBytes: number, rwFlags: number, isV2: boolean): SyscallResult {
  const file = writable(task, fdNo);
  if (typeof file === 'number') return file;
  const mode = vectorMode(file, offBytes, rwFlags, isV2);
  if (typeof mode === 'number') return mode;
  const vector = IoVector.read(task.mm, iov, count);
  if (typeof vector === 'number') return vector;
  if ((rwFlags & RWF.APPEND) === 0 || file.append) return writeFrom(task, file, vector, mode);
  file.flags |= O_APPEND;
  const result = writeFrom(task, file, vector, mode);
  file.flags &= ~O_APPEND;
  return result;
}

function sysLseek(task: Task, fdNo: number, offBytes: number, whence: number): number {
  const file = task.fds.getOpen(fdNo);
  if (file === null) return -Errno.EBADF;
  if (whence < 0 || whence > SEEK_HOLE) return -Errno.EINVAL;
  if (whence >= SEEK_DATA && !file.inode.isRegular) return file.seekable ? -Errno.EINVAL : -Errno.ESPIPE;
  return file.seek(offBytes, whence);
}

const COPY_CHUNK_BYTES = 1 << 20;

function sysCopyFileRange(task: Task, fdIn: number, offInAddr: number, fdOut: number, offOutAddr: number, length: number, rangeFlags: number): number {
  const from = readable(task, fdIn);
  const to = writable(task, fdOut);
  if (typeof from === 'number') return from;
  if (typeof to === 'number') return to;
  if (rangeFlags !== 0) return -Errno.EINVAL;
  if (to.append) return -Errno.EBADF;
  for (const file of [from, to]) if (!file.inode.isRegular) return file.inode.isDirectory ? -Errno.EISDIR : -Errno.EINVAL;
  const offIn = offInAddr === 0 ? from.offBytes : Number(BigInt.asIntN(64, task.mm.readU64(offInAddr)));
  const offOut = offOutAddr === 0 ? to.offBytes : Number(BigInt.asIntN(64, task.mm.readU64(offOutAddr)));
  if (offIn < 0 || offOut < 0) return -Errno.EINVAL;
  if (from.inode === to.inode && offIn < offOut + length && offOut < offIn + length) return -Errno.EINVAL;
  const copied = copyRange(task, from, offIn, to, offOut, length);
  if (copied <= 0) return copied;
  if (offInAddr === 0) from.offBytes = offIn + copied;
  else task.mm.writeU64(offInAddr, BigInt(offIn + copied));
  if (offOutAddr === 0) to.offBytes = offOut + copied;
  else task.mm.writeU64(offOutAddr, BigInt(offOut + copied));
  return copied;
}

function copyRange(task: Task, from: FileDescription, offIn: number, to: FileDescription, offOut: number, length: number): number {
  const ctx = contextOf(task);
  const chunk = new Uint8Array(Math.min(COPY_CHUNK_BYTES, length));
  let done = 0;
  while (done < length) {
    const count = from.read(chunk.subarray(0, Math.min(chunk.length, length - done)), offIn + done, ctx);
    if (count <= 0) return done > 0 ? done : count;
    const written = to.write(chunk.subarray(0, count), offOut + done, ctx);
    if (written < 0) return done > 0 ? done : written;
    done += written;
    if (written < count) break;
  }
  return done;
}

/** readahead(2), posix_fadvise(2): hints for a cache the host has anyway. */
function sysReadahead(task: Task, fdNo: number): number {
  const file = readable(task, fdNo);
  if (typeof file === 'number') return file;
  return file.inode.isRegular ? 0 : -Errno.EINVAL;
}

const FADVISE_MAX = 5;

function sysFadvise(task: Task, fdNo: number, _offBytes: number, lenBytes: number, advice: number): number {
  const file = task.fds.getOpen(fdNo);
  if (file === null) return -Errno.EBADF;
  if (!file.seekable) return -Errno.ESPIPE;
  return lenBytes < 0 || advice < 0 || advice > FADVISE_MAX ? -Errno.EINVAL : 0;
}

function syncFile(task: Task, fdNo: number): number {
  const file = task.fds.getOpen(fdNo);
  return file === null ? -Errno.EBADF : file.sync();
}

function sysSyncFileRange(task: Task, fdNo: number): number {
  const file = task.fds.getOpen(fdNo);
  if (file === null) return -Errno.EBADF;
  return file.seekable ? 0 : -Errno.ESPIPE;
}

function sysSync(task: Task): number {
  task.kernel.vfs.sync();
  return 0;
}

function sysSyncfs(task: Task, fdNo: number): number {
  const file = task.fds.getOpen(fdNo);
  return file === null ? -Errno.EBADF : file.node.mount.fs.sync();
}

const iovIn: ArgSpec = { name: 'iov', kind: 'iovecIn', size: 'iovcnt' };
const iovOut: ArgSpec = { name: 'iov', kind: 'iovecOut', size: 'iovcnt' };
const RWF_SYMBOLS = Object.entries(RWF).map(([name, bit]) => [`RWF_${name}`, bit] as const);
const WHENCE = [['SEEK_SET', 0], ['SEEK_CUR', 1], ['SEEK_END', 2], ['SEEK_DATA', 3], ['SEEK_HOLE', 4]] as const;
const io = { groups: ['%desc'], support: 'full', restart: 'ERESTARTSYS', interrupted: dropQuestion } as const;
const ioWrite = { ...io, interrupted: writeInterrupted } as const;
const plain = { groups: ['%desc'], support: 'full' } as const;

export const rows: readonly SyscallRow[] = [
  { ...io, nr: Nr.read, name: 'read', args: [fd(), outBuf('buf', 'return'), size('count')], man: 'read(2)', handler: sysRead },
  { ...ioWrite, nr: Nr.write, name: 'write', args: [fd(), inBuf('buf', 'count'), size('count')], man: 'write(2)', handler: sysWrite },
  { ...io, nr: Nr.readv, name: 'readv', args: [fd(), iovOut, int('iovcnt')], man: 'readv(2)', handler: sysReadv },
  { ...ioWrite, nr: Nr.writev, name: 'writev', args: [fd(), iovIn, int('iovcnt')], man: 'readv(2)', handler: sysWritev },
  { ...io, nr: Nr.pread64, name: 'pread64', args: [fd(), outBuf('buf', 'return'), size('count'), long('offset')], man: 'pread(2)', handler: sysPread },
  { ...ioWrite, nr: Nr.pwrite64, name: 'pwrite64', args: [fd(), inBuf('buf', 'count'), size('count'), long('offset')], man: 'pread(2)', handler: sysPwrite },
  { ...io, nr: Nr.preadv, name: 'preadv', args: [fd(), iovOut, int('iovcnt'), long('offset')], man: 'readv(2)', handler: (task: Task, fdNo: number, iov: number, count: number, off: number) => doPreadv(task, fdNo, iov, count, off, 0, false) },
  { ...ioWrite, nr: Nr.pwritev, name: 'pwritev', args: [fd(), iovIn, int('iovcnt'), long('offset')], man: 'readv(2)', handler: (task: Task, fdNo: number, iov: number, count: number, off: number) => doPwritev(task, fdNo, iov, count, off, 0, false) },
  { ...io, nr: Nr.preadv2, name: 'preadv2', args: [fd(), iovOut, int('iovcnt'), long('offset'), long('offset_high'), flags('flags', RWF_SYMBOLS)], man: 'readv(2)', handler: (task: Task, fdNo: number, iov: number, count: number, off: number, _high: number, rwFlags: number) => doPreadv(task, fdNo, iov, count, off, rwFlags, true) },
  { ...ioWrite, nr: Nr.pwritev2, name: 'pwritev2', args: [fd(), iovIn, int('iovcnt'), long('offset'), long('offset_high'), flags('flags', RWF_SYMBOLS)], man: 'readv(2)', handler: (task: Task, fdNo: number, iov: number, count: number, off: number, _high: number, rwFlags: number) => doPwritev(task, fdNo, iov, count, off, rwFlags, true) },
  { ...plain, nr: Nr.lseek, name: 'lseek', args: [fd(), long('offset'), flags('whence', WHENCE)], man: 'lseek(2)', handler: sysLseek },
  { ...plain, nr: Nr.copy_file_range, name: 'copy_file_range', args: [fd('fd_in'), addr('off_in'), fd('fd_out'), addr('off_out'), size('len'), uint('flags')], man: 'copy_file_range(2)', handler: sysCopyFileRange },
  { ...plain, nr: Nr.readahead, name: 'readahead', args: [fd(), long('offset'), size('count')], man: 'readahead(2)', handler: sysReadahead },
  { ...plain, nr: Nr.fadvise64, name: 'fadvise64', args: [fd(), long('offset'), long('len'), int('advice')], man: 'posix_fadvise(2)', handler: sysFadvise },
  { ...plain, nr: Nr.fsync, name: 'fsync', args: [fd()], man: 'fsync(2)', handler: syncFile },
  { ...plain, nr: Nr.fdatasync, name: 'fdatasync', args: [fd()], man: 'fsync(2)', handler: syncFile },
  { ...plain, nr: Nr.sync, name: 'sync', args: [], man: 'sync(2)', handler: sysSync },
  { ...plain, nr: Nr.syncfs, name: 'syncfs', args: [fd()], man: 'sync(2)', handler: sysSyncfs },
  { ...plain, nr: Nr.sync_file_range, name: 'sync_file_range', args: [fd(), long('offset'), long('nbytes'), uint('flags')], man: 'sync_file_range(2)', handler: sysSyncFileRange },
];
