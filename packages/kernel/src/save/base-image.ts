/** What an image held, as far as the next one needs it: an incremental image has only the pages that differ. */
import { createHash } from 'node:crypto';
import { PAGE_SIZE, type SharedMemory } from '@troupe/abi';

export interface BaseImage {
  /** Id of the image, hexadecimal. */
  readonly id: string;
  /** Of every frame in use that is not all zero, by number. */
  readonly digests: ReadonlyMap<number, string>;
}

/** SHA-256, as text: equal digests are taken for equal pages. */
export function pageDigest(shared: SharedMemory, frame: number): string {
  // A copy: hashes do not take shared memory.
  return createHash('sha256').update(shared.u8.slice(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE)).digest('base64');
}
