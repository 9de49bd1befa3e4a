/** Open file descriptions as the memory manager sees them. */
import type { FileDescription, Mappable } from '@troupe/vfs';
import type { MappedFile } from './mappable.js';

export class FileMapping implements MappedFile {
  constructor(
    readonly description: FileDescription,
    readonly pages: Mappable,
    /** Path of the file when it was mapped. */
    readonly path: string,
    readonly dev: number,
    readonly ino: number,
  ) {}

  incRef(): void {
    this.description.incRef();
  }

  decRef(): void {
    this.description.decRef();
  }

  sync(): number {
    return this.description.sync();
  }
}

const mappings = new WeakMap<FileDescription, FileMapping>();

/** The mapping object of an open file: one per description, so that neighbouring mappings merge. Or -errno. */
export function mappingOf(description: FileDescription, shared: boolean, path: (description: FileDescription) => string): FileMapping | number {
  const pages = description.mapping(shared);
  if (typeof pages === 'number') return pages;
  const known = mappings.get(description);
  if (known !== undefined && known.pages === pages) return known;
  const { inode } = description;
  const made = new FileMapping(description, pages, path(description), inode.fs.dev, inode.ino);
  mappings.set(description, made);
  return made;
}
