/** Open file descriptions as the memory manager sees them. */
import { displayPath, type FileDescription, type Mappable, type PathNode } from '@troupe/vfs';
import type { MappedFile } from './mappable.js';

export class FileMapping implements MappedFile {
  constructor(
    readonly description: FileDescription,
    readonly pages: Mappable,
    /** Root directory of the task that mapped it. */
    readonly root: PathNode,
  ) {}

  get path(): string {
    return displayPath(this.description.node, this.root);
  }

  get dev(): number {
    return this.description.inode.fs.dev;
  }

  get ino(): number {
    return this.description.inode.ino;
  }

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

/** A mapping came with an image. */
export function rememberMapping(mapping: FileMapping): void {
  mappings.set(mapping.description, mapping);
}

/** The mapping object of an open file: one per description, so that neighbouring mappings merge. Or -errno. */
export function mappingOf(description: FileDescription, shared: boolean, root: PathNode): FileMapping | number {
  const pages = description.mapping(shared);
  if (typeof pages === 'number') return pages;
  const known = mappings.get(description);
  if (known !== undefined && known.pages === pages) return known;
  const made = new FileMapping(description, pages, root);
  mappings.set(description, made);
  return made;
}
