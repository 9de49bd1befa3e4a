/**
 * Dentry: a name in a directory of a file system, cached. `inode === null` is a negative entry.
 * The tree belongs to the file system, not to the mount; every mount of the file system shares it.
 */
import type { Inode } from './inode.js';
import type { Mount } from './mount.js';

/** Cached names of non-directories that may stay; beyond it the oldest directories forget theirs. */
const MAX_LEAVES = 200_000;

/**
 * Bounds the cache of all kernels of the host process. It does not keep directories of a closed kernel alive.
 * Only names of non-directories that nothing holds open are forgotten: the file system
 * finds them again. Order: the directories that were filled first are emptied first.
 */
class DentryCache {
  private readonly _filled = new Set<WeakRef<Dentry>>();
  private _leaves = 0;

  private _pruneAt: number;

  constructor(readonly maxLeaves: number) {
    this._pruneAt = maxLeaves;
  }

  added(directory: Dentry): void {
    this._filled.add(directory.cacheRef);
    if (++this._leaves > this._pruneAt) this._prune();
  }

  /** A directory came with an image. */
  loaded(directory: Dentry): void {
    if (directory.children === null || directory.children.size === 0) return;
    this._filled.add(directory.cacheRef);
    this._leaves += directory.children.size;
  }

  removed(): void {
    this._leaves--;
  }

  get leaves(): number {
    return this._leaves;
  }

  /** Directories that still exist, oldest first; counts their names. */
  private _live(): Dentry[] {
    const live: Dentry[] = [];
    this._leaves = 0;
    for (const ref of this._filled) {
      const directory = ref.deref();
      if (directory === undefined) this._filled.delete(ref);
      else {
        live.push(directory);
        this._leaves += directory.children?.size ?? 0;
      }
    }
    return live;
  }

  private _prune(): void {
    const target = this.maxLeaves * 3 / 4;
    for (const directory of this._live()) {
      if (this._leaves <= target) break;
      this._filled.delete(directory.cacheRef);
      this._leaves -= directory.forgetLeaves();
      if (directory.hasLeaves) this._filled.add(directory.cacheRef);
    }
    // Directories stay: when they are most of the cache, the next attempt waits for more names.
    this._pruneAt = Math.max(this.maxLeaves, this._leaves + this.maxLeaves / 4);
  }
}

export const dentryCache = new DentryCache(MAX_LEAVES);

export class Dentry {
  /** Cached children; null until the first lookup. */
  children: Map<string, Dentry> | null = null;
  /** Mounts that sit on this dentry (under any parent mount): the path walk looks only when > 0. */
  mountCount = 0;
  /** Those mounts; null until the first one. */
  mounts: Set<Mount> | null = null;
  /** When the file system last confirmed the entry (its own clock); used by `FileSystem.revalidate`. */
  checkedAt = 0;
  /** Open file descriptions on it. */
  holders = 0;
  private _cacheRef: WeakRef<Dentry> | null = null;

  constructor(
    public parent: Dentry | null,
    public name: string,
    public inode: Inode | null,
  ) {}

  /** By which the cache knows it. */
  get cacheRef(): WeakRef<Dentry> {
    return (this._cacheRef ??= new WeakRef(this));
  }

  child(name: string): Dentry | undefined {
    return this.children?.get(name);
  }

  /** Caches a child, replacing what had the name. */
  addChild(name: string, inode: Inode | null): Dentry {
    const dentry = new Dentry(this, name, inode);
    this._put(name, dentry);
    return dentry;
  }

  /** Forgets the name: the next lookup asks the file system. The dentry itself stays usable by its holders. */
  dropChild(name: string): void {
    if (this.children?.delete(name)) dentryCache.removed();
  }

  private _put(name: string, dentry: Dentry): void {
    const children = this.children ??= new Map();
    const isNew = !children.has(name);
    children.set(name, dentry);
    if (isNew) dentryCache.added(this);
  }

  private get _isForgettable(): boolean {
    return this.holders === 0 && this.mountCount === 0 && (this.inode === null || !this.inode.isDirectory);
  }

  /** Drops the names of non-directories; returns how many. */
  forgetLeaves(): number {
    let count = 0;
    for (const [name, child] of this.children ?? []) {
      if (!child._isForgettable) continue;
      this.children!.delete(name);
      count++;
    }
    return count;
  }

  get hasLeaves(): boolean {
    return this.children !== null && this.children.size > 0;
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
    if (this.parent?.children?.get(this.name) === this) this.parent.dropChild(this.name);
    this.parent = parent;
    this.name = name;
    parent._put(name, this);
  }

  /** Two names change places (RENAME_EXCHANGE). */
  exchangeWith(other: Dentry): void {
    const { parent, name } = this;
    this.moveTo(other.parent!, other.name);
    other.moveTo(parent!, name);
  }

  /** True when `other` is this dentry or below it. */
  isAncestorOf(other: Dentry): boolean {
    for (let at: Dentry | null = other; at !== null; at = at.parent) if (at === this) return true;
    return false;
  }
}
