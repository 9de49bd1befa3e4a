/**
 * What stands behind a mapping that is not private anonymous memory: an object with pages (page
 * cache of a file, shared anonymous memory, System V segment, the kernel's own pages) together with
 * its name and life time.
 */
import type { Mappable } from '@troupe/vfs';

export interface MappedFile {
  /** The object with the pages. Equal objects share frames, whatever name they were opened by. */
  readonly pages: Mappable;
  /** Each VMA holds one reference. */
  incRef(): unknown;
  decRef(): void;
  /** Name shown in /proc/pid/maps. */
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
  /** Writes dirty pages back (msync MS_SYNC); 0 or -errno. */
  sync(): number;
}
