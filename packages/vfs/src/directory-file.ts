/**
 * Open file description of a directory. The list is taken when reading starts (position 0) and kept until
 * a rewind, so that removals in between neither repeat nor skip other entries (readdir(3)).
 * Positions: 0 = ".", 1 = "..", then the entries.
 */
import { Errno, IN_ACCESS, IN_CLOSE_NOWRITE, MS_NODIRATIME, MS_NOATIME, MS_RDONLY, O_NOATIME, S_IFDIR, SEEK_CUR, SEEK_SET } from '@troupe/abi';
import { FileDescription } from './file-description.js';
import type { PathNode } from './mount.js';
import type { DirEntry, VfsContext } from './types.js';

export class DirectoryFile extends FileDescription {
  private _entries: readonly DirEntry[] | null = null;

  override get pollable(): boolean {
    return false;
  }

  override get seekable(): boolean {
    return true;
  }

  override read(): number {
    return -Errno.EISDIR;
  }

  override write(): number {
    return -Errno.EBADF;
  }

  override seek(offBytes: number, whence: number): number {
    const base = whence === SEEK_SET ? 0 : whence === SEEK_CUR ? this.offBytes : NaN;
    const next = base + offBytes;
    if (!(next >= 0)) return -Errno.EINVAL;
    this.offBytes = next;
    if (next === 0) this._entries = null;
    return next;
  }

  override readDirectory(ctx: VfsContext, take: (entry: DirEntry, nextOff: number) => boolean): number {
    const { dentry } = this.node;
    if (dentry.deleted) return -Errno.ENOENT;
    const inode = dentry.inode!;
    if (this._entries === null || this.offBytes === 0) {
      const listed = inode.entries(ctx);
      if (typeof listed === 'number') return listed;
      this._entries = listed;
      if ((this.flags & O_NOATIME) === 0 && (this.node.mount.flags & (MS_NOATIME | MS_NODIRATIME | MS_RDONLY)) === 0) inode.onAccess();
      this.notify(IN_ACCESS);
    }
    for (;;) {
      const entry = this._entryAt(this.offBytes);
      if (entry === undefined || !take(entry, this.offBytes + 1)) return 0;
      this.offBytes++;
    }
  }

  private _entryAt(position: number): DirEntry | undefined {
    if (position >= 2) return this._entries![position - 2];
    const at = position === 0 ? this.node : parentOf(this.node);
    return { name: position === 0 ? '.' : '..', ino: at.inode.ino, type: S_IFDIR };
  }

  override sync(): number {
    return 0;
  }

  protected override release(): void {
    this.notify(IN_CLOSE_NOWRITE);
  }
}

function parentOf(node: PathNode): { inode: { ino: number } } {
  const { dentry, mount } = node;
  if (dentry === mount.root) return { inode: (mount.mountpoint?.parent?.inode ?? dentry.inode)! };
  return { inode: (dentry.parent?.inode ?? dentry.inode)! };
}
