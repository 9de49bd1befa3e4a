/**
 * Random bytes of the host. node:crypto takes 5 ms to load, so the few bytes that most programs want
 * come from the device where there is one.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';

/** So many bytes are read at once; one who wants more than that can wait for node:crypto. */
const STORE_BYTES = 512;

const store = new Uint8Array(STORE_BYTES);
let left = 0;

function readDevice(): boolean {
  try {
    const fd = openSync('/dev/urandom', 'r');
    try {
      return readSync(fd, store) === STORE_BYTES;
    } finally {
      closeSync(fd);
    }
  } catch {
    // No such device: not a Unix.
    return false;
  }
}

/** Fills with random bytes, none of which anybody else gets. */
export function fillRandom(bytes: Uint8Array): void {
  if (bytes.length > STORE_BYTES) return void randomFillSync(bytes);
  if (left < bytes.length) {
    if (!readDevice()) return void randomFillSync(bytes);
    left = STORE_BYTES;
  }
  const taken = store.subarray(left - bytes.length, left);
  bytes.set(taken);
  taken.fill(0);
  left -= bytes.length;
}

export function hostRandomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  fillRandom(bytes);
  return bytes;
}
