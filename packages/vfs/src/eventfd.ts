/** Event counters (eventfd(2)). */
import { IdCounter, EPOLLERR, EPOLLIN, EPOLLOUT, Errno, O_RDWR } from '@troupe/abi';
import { newAnonymousNode } from './anonymous.js';
import { FileDescription } from './file-description.js';

export const EFD_SEMAPHORE = 1;

const MAX_COUNT = (1n << 64n) - 1n;
const BYTES = 8;
const ids = new IdCounter('eventfd');

export class EventFile extends FileDescription {
  private readonly _id = ids.take();

  constructor(public count: bigint, readonly isSemaphore: boolean, flags: number) {
    super(newAnonymousNode('[eventfd]'), O_RDWR | flags);
  }

  override read(dst: Uint8Array): number {
    if (dst.length < BYTES) return -Errno.EINVAL;
    if (this.count === 0n) return -Errno.EAGAIN;
    const taken = this.isSemaphore ? 1n : this.count;
    this.count -= taken;
    new DataView(dst.buffer, dst.byteOffset).setBigUint64(0, taken, true);
    this.waiters.wake(EPOLLOUT);
    return BYTES;
  }

  override write(src: Uint8Array): number {
    if (src.length < BYTES) return -Errno.EINVAL;
    const added = new DataView(src.buffer, src.byteOffset).getBigUint64(0, true);
    if (added === MAX_COUNT) return -Errno.EINVAL;
    if (this.count + added >= MAX_COUNT) return -Errno.EAGAIN;
    this.count += added;
    this.waiters.wake(EPOLLIN);
    return BYTES;
  }

  override poll(): number {
    const isReadable = this.count > 0n;
    const isWritable = this.count < MAX_COUNT - 1n;
    return (isReadable ? EPOLLIN : 0) | (isWritable ? EPOLLOUT : 0) | (this.count === MAX_COUNT ? EPOLLERR : 0);
  }

  override fdInfo(): string {
    return `eventfd-count: ${this.count.toString(16).padStart(16)}\neventfd-id: ${this._id}\neventfd-semaphore: ${this.isSemaphore ? 1 : 0}\n`;
  }
}
