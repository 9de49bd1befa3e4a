/** O_PATH descriptors (open(2)): only name an object. */
import { Errno } from '@troupe/abi';
import { FileDescription } from './file-description.js';

export class PathFile extends FileDescription {
  override read(): number {
    return -Errno.EBADF;
  }

  override write(): number {
    return -Errno.EBADF;
  }

  override seek(): number {
    return -Errno.EBADF;
  }
}
