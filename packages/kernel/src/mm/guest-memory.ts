/**
 * Kernel access to the memory of one address space. Addresses are guest virtual addresses (numbers).
 * Pages are faulted in as needed. A bad address throws ErrnoError(EFAULT), except where a short
 * count is returned. Only called on the kernel thread.
 */
export interface GuestMemory {
  /** Copies guest bytes into a fresh Uint8Array (not shared memory). */
  copyIn(addr: number, sizeBytes: number): Uint8Array;
  copyInto(addr: number, dst: Uint8Array): void;
  copyOut(addr: number, src: Uint8Array): void;
  /** Copies as much as is mapped; returns the bytes copied (0 when the first byte faults). */
  copyOutPartial(addr: number, src: Uint8Array): number;
  copyInPartial(addr: number, dst: Uint8Array): number;
  /** Between guest bytes and linear addresses of the shared memory; at most a page. False when the guest may not access all of it. */
  moveOut(addr: number, from: number, sizeBytes: number): boolean;
  moveIn(addr: number, to: number, sizeBytes: number): boolean;
  zeroOut(addr: number, sizeBytes: number): void;
  /** NUL-terminated byte string (latin1, one char per byte) without the NUL; ENAMETOOLONG past maxBytes. */
  copyInString(addr: number, maxBytes: number): string;
  readU8(addr: number): number;
  readU16(addr: number): number;
  readU32(addr: number): number;
  readI32(addr: number): number;
  readU64(addr: number): bigint;
  /** u64 as a number (inexact above 2^53). */
  readUlong(addr: number): number;
  writeU8(addr: number, value: number): void;
  writeU16(addr: number, value: number): void;
  writeU32(addr: number, value: number): void;
  writeU64(addr: number, value: bigint): void;
  writeUlong(addr: number, value: number): void;
  /** Linear address of the guest word for atomic kernel access (futex), page faulted in; write = must be writable. */
  wordAddr(addr: number, write: boolean): number;
}
