/** Directories of tmpfs. */
import { Errno, RENAME_EXCHANGE, RENAME_WHITEOUT, S_IFCHR, S_IFMT } from '@troupe/abi';
import { DirectoryFile } from '../../directory-file.js';
import type { FileDescription } from '../../file-description.js';
import type { Inode } from '../../inode.js';
import type { PathNode } from '../../mount.js';
import type { DirEntry, LookupResult, NewInode, VfsContext } from '../../types.js';
import { TmpfsInode } from './inode.js';
import type { Tmpfs } from './tmpfs.js';

/** tmpfs counts 20 bytes per entry in st_size. */
const ENTRY_BYTES = 20;

export class TmpfsDirectory extends TmpfsInode {
  private readonly _entries = new Map<string, TmpfsInode>();

  constructor(tmpfs: Tmpfs, ino: number, init: NewInode) {
    super(tmpfs, ino, init);
    this.nlink = 2;
  }

  override get sizeBytes(): number {
    return (this._entries.size + 2) * ENTRY_BYTES;
  }

  override open(node: PathNode, flags: number): FileDescription {
    return new DirectoryFile(node, flags);
  }

  override lookup(name: string): LookupResult {
    return this._entries.get(name) ?? -Errno.ENOENT;
  }

  override create(name: string, init: NewInode): LookupResult {
    if (this.nlink === 0) return -Errno.ENOENT;
    if (this._entries.has(name)) return -Errno.EEXIST;
    const inode = this.tmpfs.makeInode(init) as TmpfsInode;
    this._add(name, inode);
    return inode;
  }

  override createUnnamed(init: NewInode): LookupResult {
    const inode = this.tmpfs.makeInode(init) as TmpfsInode;
    inode.nlink = 0;
    return inode;
  }

  override link(name: string, target: Inode): number {
    if (this.nlink === 0) return -Errno.ENOENT;
    if (!(target instanceof TmpfsInode) || target.tmpfs !== this.tmpfs) return -Errno.EXDEV;
    if (this._entries.has(name)) return -Errno.EEXIST;
    target.nlink++;
    target.touchChange();
    this._entries.set(name, target);
    this.touch();
    return 0;
  }

  override unlink(name: string): number {
    const child = this._entries.get(name);
    if (child === undefined) return -Errno.ENOENT;
    this._entries.delete(name);
    this.touch();
    child.dropLink();
    return 0;
  }

  override rmdir(name: string): number {
    const child = this._entries.get(name);
    if (child === undefined) return -Errno.ENOENT;
    if (!(child instanceof TmpfsDirectory)) return -Errno.ENOTDIR;
    if (child._entries.size > 0) return -Errno.ENOTEMPTY;
    this._entries.delete(name);
    this.nlink--;
    this.touch();
    child.nlink = 0;
    child.touchChange();
    this.tmpfs.inodesUsed--;
    return 0;
  }

  override rename(name: string, child: Inode, newDir: Inode, newName: string, replaced: Inode | null, flags: number, ctx: VfsContext): number {
    if (!(newDir instanceof TmpfsDirectory) || newDir.tmpfs !== this.tmpfs || !(child instanceof TmpfsInode)) return -Errno.EXDEV;
    if (newDir.nlink === 0) return -Errno.ENOENT;
    if ((flags & RENAME_EXCHANGE) !== 0) return this._exchange(name, child, newDir, newName, replaced);
    if (replaced instanceof TmpfsDirectory) {
      const removed = newDir.rmdir(newName);
      if (removed < 0) return removed;
    } else if (replaced !== null) {
      newDir.unlink(newName);
    }
    this._take(name, child);
    newDir._put(newName, child);
    if ((flags & RENAME_WHITEOUT) !== 0) this.create(name, { mode: S_IFCHR, uid: ctx.creds.fsuid, gid: ctx.creds.fsgid, rdev: 0 });
    return 0;
  }

  private _exchange(name: string, child: TmpfsInode, newDir: TmpfsDirectory, newName: string, other: Inode | null): number {
    if (!(other instanceof TmpfsInode)) return -Errno.ENOENT;
    this._take(name, child);
    newDir._take(newName, other);
    newDir._put(newName, child);
    this._put(name, other);
    return 0;
  }

  private _add(name: string, inode: TmpfsInode): void {
    this._put(name, inode);
  }

  private _put(name: string, inode: TmpfsInode): void {
    this._entries.set(name, inode);
    if (inode instanceof TmpfsDirectory) this.nlink++;
    this.touch();
    inode.touchChange();
  }

  private _take(name: string, inode: TmpfsInode): void {
    this._entries.delete(name);
    if (inode instanceof TmpfsDirectory) this.nlink--;
    this.touch();
  }

  override entries(): DirEntry[] {
    const list: DirEntry[] = [];
    for (const [name, inode] of this._entries) list.push({ name, ino: inode.ino, type: inode.mode & S_IFMT });
    return list;
  }

  get isEmpty(): boolean {
    return this._entries.size === 0;
  }
}
