/**
 * Random bytes of the host. node:crypto takes 5 ms to load, so the few bytes that every program gets
 * come from the device where there is one.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';

export function hostRandomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  try {
    const fd = openSync('/dev/urandom', 'r');
    try {
      if (readSync(fd, bytes) === count) return bytes;
    } finally {
      closeSync(fd);
    }
  } catch {
    // No such device: not a Unix.
  }
  return randomFillSync(bytes);
}
