/** A file that execve may load: readable bytes and a mapping of the same bytes. */
import { Errno, ErrnoError } from '@troupe/abi';
import type { FileDescription } from '@troupe/vfs';
import { mappingOf } from '../mm/file-mapping.js';
import type { MappedFile } from '../mm/mappable.js';

export interface ProgramFile {
  /** Up to `lenBytes` at `offBytes`; shorter at the end of the file. Throws ErrnoError on I/O errors. */
  read(offBytes: number, lenBytes: number): Uint8Array;
  readonly mapping: MappedFile;
}

class OpenProgram implements ProgramFile {
  constructor(readonly description: FileDescription, readonly mapping: MappedFile) {}

  read(offBytes: number, lenBytes: number): Uint8Array {
    const bytes = new Uint8Array(lenBytes);
    const count = this.description.inode.readAt(bytes, offBytes);
    if (count < 0) throw new ErrnoError(-count);
    return bytes.subarray(0, count);
  }
}

/** A program behind an open description; the caller keeps a reference until loading is over. -EACCES when it cannot be mapped. */
export function programFile(description: FileDescription, path: string): ProgramFile | number {
  const mapping = mappingOf(description, false, () => path);
  return typeof mapping === 'number' ? -Errno.EACCES : new OpenProgram(description, mapping);
}
