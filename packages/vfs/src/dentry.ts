/**
 * Dentry: a name in a directory of a file system, cached. `inode === null` is a negative entry.
 * The tree belongs to the file system, not to the mount; every mount of the file system shares it.
 */
import type { Inode } from './inode.js';

export class Dentry {
  /** Cached children; null until the first lookup. */
  children: Map<string, Dentry> | null = null;
  /** Mounts that sit on this dentry (under any parent mount): the path walk looks only when > 0. */
  mountCount = 0;
  /** When the file system last confirmed the entry (its own clock); used by `FileSystem.revalidate`. */
  checkedAt = 0;

  constructor(
    public parent: Dentry | null,
    public name: string,
    public inode: Inode | null,
  ) {}

  child(name: string): Dentry | undefined {
    return this.children?.get(name);
  }

  /** Caches a child, replacing what had the name. */
  addChild(name: string, inode: Inode | null): Dentry {
    const dentry = new Dentry(this, name, inode);
    (this.children ??= new Map()).set(name, dentry);
    return dentry;
  }

  /** Forgets the name: the next lookup asks the file system. The dentry itself stays usable by its holders. */
  dropChild(name: string): void {
    this.children?.delete(name);
  }

  /** The name was removed: a negative entry takes its place, holders of the old dentry see it as deleted. */
  markRemoved(): void {
    this.deleted = true;
    const { parent } = this;
    if (parent?.children?.get(this.name) === this) parent.addChild(this.name, null);
  }

  /** True when its name was removed (paths print " (deleted)"). */
  deleted = false;

  /** Moves this dentry to another name (rename). */
  moveTo(parent: Dentry, name: string): void {
    if (this.parent?.children?.get(this.name) === this) this.parent.children.delete(this.name);
    this.parent = parent;
    this.name = name;
    (parent.children ??= new Map()).set(name, this);
  }

  /** True when `other` is this dentry or below it. */
  isAncestorOf(other: Dentry): boolean {
    for (let at: Dentry | null = other; at !== null; at = at.parent) if (at === this) return true;
    return false;
  }
}
