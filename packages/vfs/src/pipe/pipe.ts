/**
 * The pipe shared by its read and write ends (pipe(7)).
 *
 * Owns: the buffered bytes, the packet boundaries, the number of open read and write ends.
 * Order: an end that disappears wakes the other end after the count changed.
 */
import { Errno, WaitQueue } from '@troupe/abi';
import { ByteRing } from './byte-ring.js';

/** pipe(7) PIPE_BUF: writes up to this size are atomic. */
export const PIPE_BUF = 4096;
export const PIPE_DEFAULT_BYTES = 65536;
/** /proc/sys/fs/pipe-max-size. */
export const PIPE_MAX_BYTES = 1 << 20;

const POLLIN = 0x1 | 0x40;
const POLLOUT = 0x4 | 0x100;
const POLLERR = 0x8;
const POLLHUP = 0x10;

/** A run of buffered bytes; a packet (O_DIRECT) is never merged with its neighbours. */
interface Segment {
  bytes: number;
  readonly isPacket: boolean;
}

export class Pipe {
  /** Waiters of both ends, as Linux wakes readers and writers of one pipe; the mask tells which. */
  readonly waiters = new WaitQueue();
  readers = 0;
  writers = 0;
  /** How many read and write ends were ever opened (fifo(7): an open waits for the partner's next open). */
  readerOpens = 0;
  writerOpens = 0;
  private readonly _ring = new ByteRing(PIPE_DEFAULT_BYTES);
  /** Empty unless a packet is buffered: stream bytes alone need no boundaries. */
  private _segments: Segment[] = [];

  get length(): number {
    return this._ring.length;
  }

  get capacity(): number {
    return this._ring.limit;
  }

  /** fcntl(2) F_SETPIPE_SZ: rounds up to a power of two of pages; returns the size or -errno. */
  setCapacity(sizeBytes: number, isPrivileged: boolean): number {
    if (sizeBytes < 0 || sizeBytes > 2 ** 31) return -Errno.EINVAL;
    let size = PIPE_BUF;
    while (size < sizeBytes) size *= 2;
    if (size > PIPE_MAX_BYTES && size > this.capacity && !isPrivileged) return -Errno.EPERM;
    if (size < this.length) return -Errno.EBUSY;
    this._ring.resize(size);
    this.waiters.wake(POLLOUT);
    return size;
  }

  addReader(): void {
    this.readers++;
    this.readerOpens++;
    this.waiters.wake(POLLIN | POLLOUT | POLLHUP | POLLERR);
  }

  addWriter(): void {
    this.writers++;
    this.writerOpens++;
    this.waiters.wake(POLLIN | POLLOUT | POLLHUP | POLLERR);
  }

  removeReader(): void {
    this.readers--;
    if (this.readers === 0) this.waiters.wake(POLLOUT | POLLERR, Infinity);
    this._clearWhenUnused();
  }

  removeWriter(): void {
    this.writers--;
    if (this.writers === 0) this.waiters.wake(POLLIN | POLLHUP, Infinity);
    this._clearWhenUnused();
  }

  /** Bytes read, 0 at end of file, or -EAGAIN. A packet that does not fit loses its rest (pipe(2) O_DIRECT). */
  read(dst: Uint8Array): number {
    if (dst.length === 0) return 0;
    if (this.length === 0) return this.writers === 0 ? 0 : -Errno.EAGAIN;
    const wasFull = !this.isWritable;
    const count = this._segments.length === 0 ? this._ring.shift(dst) : this._readSegments(dst);
    if (wasFull && this.isWritable) this.waiters.wake(POLLOUT);
    return count;
  }

  /** Copies buffered bytes from position `skip` without consuming them (tee(2)). */
  peek(dst: Uint8Array, skip = 0): number {
    return this._ring.peek(dst, skip);
  }

  /** Removes bytes that were peeked and have found another place (splice(2)). */
  consume(count: number): void {
    if (count > 0) this.read(new Uint8Array(count));
  }

  get roomBytes(): number {
    return this._ring.free;
  }

  /** Bytes written (partial only above PIPE_BUF), -EAGAIN when nothing can be written, -EPIPE without reader. */
  write(src: Uint8Array, isPacket = false): number {
    if (this.readers === 0) return -Errno.EPIPE;
    if (src.length === 0) return 0;
    const count = isPacket ? this._writePackets(src) : this._writeStream(src);
    if (count === 0) return -Errno.EAGAIN;
    this.waiters.wake(POLLIN);
    return count;
  }

  /** A page is free (Linux: a buffer slot is free), so a write of PIPE_BUF bytes will not block. */
  get isWritable(): boolean {
    return this._ring.free >= PIPE_BUF && this._segments.length < this.capacity / PIPE_BUF;
  }

  pollRead(hadWriter = true): number {
    return (this.length > 0 ? POLLIN : 0) | (this.writers === 0 && hadWriter ? POLLHUP : 0);
  }

  pollWrite(): number {
    return (this.isWritable ? POLLOUT : 0) | (this.readers === 0 ? POLLERR : 0);
  }

  private _writeStream(src: Uint8Array): number {
    if (src.length <= PIPE_BUF && this._ring.free < src.length) return 0;
    const count = this._ring.push(src);
    const last = this._segments.at(-1);
    if (last && !last.isPacket) last.bytes += count;
    else if (last) this._segments.push({ bytes: count, isPacket: false });
    return count;
  }

  private _writePackets(src: Uint8Array): number {
    let at = 0;
    while (at < src.length && this.isWritable) {
      if (this._segments.length === 0 && this.length > 0) this._segments.push({ bytes: this.length, isPacket: false });
      const bytes = this._ring.push(src.subarray(at, at + PIPE_BUF));
      this._segments.push({ bytes, isPacket: true });
      at += bytes;
    }
    return at;
  }

  private _readSegments(dst: Uint8Array): number {
    let at = 0;
    while (at < dst.length && this._segments.length > 0) {
      const segment = this._segments[0]!;
      const count = this._ring.shift(dst.subarray(at, Math.min(dst.length, at + segment.bytes)));
      at += count;
      segment.bytes -= count;
      if (segment.isPacket) this._ring.drop(segment.bytes);
      if (segment.isPacket || segment.bytes === 0) this._segments.shift();
      if (segment.isPacket) break;
    }
    if (this._segments.length === 1 && !this._segments[0]!.isPacket) this._segments = [];
    return at;
  }

  private _clearWhenUnused(): void {
    if (this.readers > 0 || this.writers > 0) return;
    this._ring.clear();
    this._segments = [];
  }
}
