/** A file that execve may load: readable bytes and a mapping of the same bytes. */
import type { MappedFile } from '../mm/mappable.js';

export interface ProgramFile {
  /** Up to `lenBytes` at `offBytes`; shorter at the end of the file. Throws ErrnoError on I/O errors. */
  read(offBytes: number, lenBytes: number): Uint8Array;
  readonly mapping: MappedFile;
}
