/** struct iovec arrays of the guest (readv(2)): staged through one buffer. */
import { Errno, ErrnoError, MAX_RW_COUNT, UIO_MAXIOV } from '@troupe/abi';
import type { GuestMemory } from '../mm/guest-memory.js';

const IOVEC_BYTES = 16;

export interface GuestVector {
  readonly addr: number;
  readonly sizeBytes: number;
}

export function readVectors(memory: GuestMemory, at: number, count: number): GuestVector[] {
  if (count < 0 || count > UIO_MAXIOV) throw new ErrnoError(Errno.EINVAL);
  if (count === 0) return [];
  const view = new DataView(memory.copyIn(at, count * IOVEC_BYTES).buffer);
  const vectors: GuestVector[] = [];
  let total = 0;
  for (let index = 0; index < count; index++) {
    const length = view.getBigInt64(index * IOVEC_BYTES + 8, true);
    if (length < 0n) throw new ErrnoError(Errno.EINVAL);
    const sizeBytes = Math.min(Number(length), MAX_RW_COUNT - total);
    total += sizeBytes;
    vectors.push({ addr: Number(view.getBigUint64(index * IOVEC_BYTES, true)), sizeBytes });
  }
  return vectors;
}

export function totalBytes(vectors: readonly GuestVector[]): number {
  return vectors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Bytes [skip, skip + maxBytes) of what the vectors hold. */
export function gather(memory: GuestMemory, vectors: readonly GuestVector[], skip = 0, maxBytes = Infinity): Uint8Array {
  const out = new Uint8Array(Math.min(Math.max(0, totalBytes(vectors) - skip), maxBytes));
  let at = 0;
  let toSkip = skip;
  for (const { addr, sizeBytes } of vectors) {
    const skipped = Math.min(toSkip, sizeBytes);
    toSkip -= skipped;
    const count = Math.min(sizeBytes - skipped, out.length - at);
    if (count > 0) memory.copyInto(addr + skipped, out.subarray(at, at + count));
    at += Math.max(0, count);
  }
  return out;
}

/** Spreads bytes over the vectors, starting behind `skip` bytes. */
export function scatter(memory: GuestMemory, vectors: readonly GuestVector[], src: Uint8Array, skip = 0): void {
  let at = 0;
  let toSkip = skip;
  for (const { addr, sizeBytes } of vectors) {
    const skipped = Math.min(toSkip, sizeBytes);
    toSkip -= skipped;
    const count = Math.min(sizeBytes - skipped, src.length - at);
    if (count <= 0) continue;
    memory.copyOut(addr + skipped, src.subarray(at, at + count));
    at += count;
  }
}
