/** The guest buffers of one transfer: one range, or the ranges of an iovec array (readv(2)). */
import { Errno, MAX_RW_COUNT } from '@troupe/abi';
import type { GuestMemory } from '../mm/guest-memory.js';

const IOV_MAX = 1024;
const IOVEC_BYTES = 16;

export class IoVector {
  constructor(readonly memory: GuestMemory, readonly addrs: readonly number[], readonly lengths: readonly number[], readonly totalBytes: number) {}

  static single(memory: GuestMemory, addr: number, sizeBytes: number): IoVector {
    const bounded = Math.min(sizeBytes, MAX_RW_COUNT);
    return new IoVector(memory, [addr], [bounded], bounded);
  }

  /** Reads an iovec array; EINVAL for bad counts and lengths. Throws EFAULT. */
  static read(memory: GuestMemory, at: number, count: number): IoVector | number {
    if (count < 0 || count > IOV_MAX) return -Errno.EINVAL;
    const raw = count === 0 ? new Uint8Array(0) : memory.copyIn(at, count * IOVEC_BYTES);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    const addrs: number[] = [];
    const lengths: number[] = [];
    let total = 0;
    for (let i = 0; i < count; i++) {
      const length = Number(view.getBigInt64(i * IOVEC_BYTES + 8, true));
      if (length < 0) return -Errno.EINVAL;
      addrs.push(Number(view.getBigUint64(i * IOVEC_BYTES, true)));
      lengths.push(Math.min(length, MAX_RW_COUNT - total));
      total = Math.min(total + length, MAX_RW_COUNT);
    }
    return new IoVector(memory, addrs, lengths, total);
  }

  /** Copies guest bytes from `offBytes` of the transfer; the count that was readable. */
  copyIn(offBytes: number, dst: Uint8Array): number {
    return this._transfer(offBytes, dst, (addr, part) => this.memory.copyInPartial(addr, part));
  }

  copyOut(offBytes: number, src: Uint8Array): number {
    return this._transfer(offBytes, src, (addr, part) => this.memory.copyOutPartial(addr, part));
  }

  private _transfer(offBytes: number, bytes: Uint8Array, copy: (addr: number, part: Uint8Array) => number): number {
    let skip = offBytes;
    let done = 0;
    for (let i = 0; i < this.addrs.length && done < bytes.length; i++) {
      const length = this.lengths[i]!;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      const count = Math.min(length - skip, bytes.length - done);
      const copied = copy(this.addrs[i]! + skip, count === bytes.length ? bytes : bytes.subarray(done, done + count));
      done += copied;
      if (copied < count) break;
      skip = 0;
    }
    return done;
  }
}
