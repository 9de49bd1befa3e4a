/**
 * Asynchronous I/O contexts (io_setup(2), io_submit(2)): requests are carried out when they are submitted,
 * so that a context only holds results nobody has fetched.
 *
 * Owns:  the results. A context belongs to an address space; its id is the address of a page there.
 */
import { Errno, O_APPEND, WaitQueue } from '@troupe/abi';
import { EventFile, type FileDescription } from '@troupe/vfs';
import type { Task } from '../task/task.js';
import { IoVector } from './io-vector.js';
import { readInto, writeFrom } from './transfer.js';

export interface IoEvent {
  readonly data: bigint;
  /** Address of the request. */
  readonly request: number;
  readonly result: number;
}

export class IoContext {
  readonly events: IoEvent[] = [];
  readonly waiters = new WaitQueue();

  constructor(readonly maxEvents: number) {}

  complete(event: IoEvent): void {
    this.events.push(event);
    this.waiters.wake(0, Infinity);
  }
}

const Opcode = { PREAD: 0, PWRITE: 1, FSYNC: 2, FDSYNC: 3, NOOP: 6, PREADV: 7, PWRITEV: 8 } as const;
const FLAG_RESFD = 1;
const RWF_APPEND = 16;
const RWF_KNOWN = 31;
export const IOCB_BYTES = 64;

/** struct iocb. */
interface Request {
  readonly data: bigint;
  readonly rwFlags: number;
  readonly opcode: number;
  readonly fd: number;
  readonly buffer: number;
  readonly count: number;
  readonly offBytes: number;
  readonly flags: number;
  readonly resultFd: number;
}

function readRequest(task: Task, at: number): Request | number {
  const bytes = Buffer.from(task.mm.copyIn(at, IOCB_BYTES));
  if (bytes.readBigUInt64LE(48) !== 0n) return -Errno.EINVAL;
  return {
    data: bytes.readBigUInt64LE(0), rwFlags: bytes.readUInt32LE(12), opcode: bytes.readUInt16LE(16), fd: bytes.readUInt32LE(20) | 0, buffer: Number(bytes.readBigUInt64LE(24)),
    count: Number(bytes.readBigUInt64LE(32)), offBytes: Number(bytes.readBigInt64LE(40)), flags: bytes.readUInt32LE(56), resultFd: bytes.readUInt32LE(60) | 0,
  };
}

/** Carries the request at an address out. 0 when it is in the context, or -errno when it was refused. */
export function submit(task: Task, context: IoContext, at: number): number {
  const request = readRequest(task, at);
  if (typeof request === 'number') return request;
  const file = task.fds.getOpen(request.fd);
  if (file === null) return -Errno.EBADF;
  const counter = (request.flags & FLAG_RESFD) !== 0 ? task.fds.getOpen(request.resultFd) : null;
  if ((request.flags & FLAG_RESFD) !== 0 && !(counter instanceof EventFile)) return counter === null ? -Errno.EBADF : -Errno.EINVAL;
  if (request.rwFlags & ~RWF_KNOWN) return -Errno.EOPNOTSUPP;
  const result = perform(task, file, request);
  if (typeof result !== 'number') return result.refused;
  task.mm.writeU32(at + 8, 0);
  context.complete({ data: request.data, request: at, result });
  (counter as EventFile | null)?.write(new Uint8Array(BigUint64Array.of(1n).buffer));
  return 0;
}

/** The result, or why the request is not even accepted. */
function perform(task: Task, file: FileDescription, request: Request): number | { readonly refused: number } {
  switch (request.opcode) {
    case Opcode.PREAD: case Opcode.PREADV: return file.readable ? transfer(task, file, request, 'read') : { refused: -Errno.EBADF };
    case Opcode.PWRITE: case Opcode.PWRITEV: return file.writable ? transfer(task, file, request, 'write') : { refused: -Errno.EBADF };
    case Opcode.FSYNC: case Opcode.FDSYNC: return file.inode.isRegular ? file.sync() : { refused: -Errno.EINVAL };
    case Opcode.NOOP: return 0;
    default: return { refused: -Errno.EINVAL };
  }
}

function transfer(task: Task, file: FileDescription, request: Request, direction: 'read' | 'write'): number | { readonly refused: number } {
  const isVector = request.opcode === Opcode.PREADV || request.opcode === Opcode.PWRITEV;
  const vector = isVector ? IoVector.read(task.mm, request.buffer, request.count) : IoVector.single(task.mm, request.buffer, request.count);
  if (typeof vector === 'number') return { refused: vector };
  if (request.offBytes < 0 && file.seekable) return -Errno.EINVAL;
  const mode = { offBytes: file.seekable ? request.offBytes : -1, noWait: true };
  if (direction === 'read') return readInto(task, file, vector, mode) as number;
  const appends = (request.rwFlags & RWF_APPEND) !== 0 && !file.append;
  if (appends) file.flags |= O_APPEND;
  const written = writeFrom(task, file, vector, mode) as number;
  if (appends) file.flags &= ~O_APPEND;
  return written;
}
