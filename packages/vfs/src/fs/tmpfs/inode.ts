/** What all tmpfs inodes share: attributes, times, link count, extended attributes. */
import { Cap, Errno, PERMISSION_BITS, XATTR_CREATE, XATTR_REPLACE, hasCap } from '@troupe/abi';
import { Inode } from '../../inode.js';
import type { AttrChange, NegativeErrno, NewInode, Stat, VfsContext } from '../../types.js';
import type { Tmpfs } from './tmpfs.js';

const DAY_NS = 86_400_000_000_000n;

export abstract class TmpfsInode extends Inode {
  nlink = 1;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  btimeNs: bigint;
  rdev: number;
  /** Open descriptions; storage of an unlinked inode goes when it gets 0. */
  opens = 0;
  private _xattrs: Map<string, Uint8Array> | null = null;

  constructor(readonly tmpfs: Tmpfs, ino: number, init: NewInode) {
    super(tmpfs, ino, init.mode, init.uid, init.gid);
    this.rdev = init.rdev ?? 0;
    const nowNs = tmpfs.realtimeNs();
    this.atimeNs = nowNs;
    this.mtimeNs = nowNs;
    this.ctimeNs = nowNs;
    this.btimeNs = nowNs;
  }

  /** Bytes of storage. */
  protected get storageBytes(): number {
    return 0;
  }

  override stat(): Stat {
    return {
      dev: this.fs.dev, ino: this.ino, mode: this.mode, nlink: this.nlink, uid: this.uid, gid: this.gid, rdev: this.rdev,
      sizeBytes: this.sizeBytes, blockBytes: 4096, blocks: this.storageBytes / 512,
      atimeNs: this.atimeNs, mtimeNs: this.mtimeNs, ctimeNs: this.ctimeNs, btimeNs: this.btimeNs,
    };
  }

  override setAttr(change: AttrChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & ~PERMISSION_BITS) | change.mode;
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    if (change.atimeNs !== undefined) this.atimeNs = change.atimeNs;
    if (change.mtimeNs !== undefined) this.mtimeNs = change.mtimeNs;
    this.ctimeNs = this.tmpfs.realtimeNs();
    return 0;
  }

  /** Contents changed. */
  touch(): void {
    const nowNs = this.tmpfs.realtimeNs();
    this.mtimeNs = nowNs;
    this.ctimeNs = nowNs;
  }

  touchChange(): void {
    this.ctimeNs = this.tmpfs.realtimeNs();
  }

  /** relatime (mount(2) MS_RELATIME). */
  override onAccess(): void {
    if (this.atimeNs > this.mtimeNs && this.atimeNs > this.ctimeNs) {
      const nowNs = this.tmpfs.realtimeNs();
      if (nowNs - this.atimeNs < DAY_NS) return;
      this.atimeNs = nowNs;
      return;
    }
    this.atimeNs = this.tmpfs.realtimeNs();
  }

  override onOpen(_flags: number): number {
    this.opens++;
    return 0;
  }

  override onRelease(_flags: number): void {
    this.opens--;
    this.freeIfUnused();
  }

  /** A name went away. */
  dropLink(): void {
    this.nlink--;
    this.touchChange();
    this.freeIfUnused();
  }

  protected freeIfUnused(): void {
    if (this.nlink <= 0 && this.opens <= 0) this.freeStorage();
  }

  /** The inode is gone: gives its pages back. */
  protected freeStorage(): void {
    this.tmpfs.inodesUsed--;
  }

  override getXattr(name: string): Uint8Array | NegativeErrno {
    return this._xattrs?.get(name) ?? -Errno.ENODATA;
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    const present = this._xattrs?.has(name) ?? false;
    if (present && (flags & XATTR_CREATE) !== 0) return -Errno.EEXIST;
    if (!present && (flags & XATTR_REPLACE) !== 0) return -Errno.ENODATA;
    (this._xattrs ??= new Map()).set(name, value.slice());
    this.touchChange();
    return 0;
  }

  override removeXattr(name: string): number {
    if (!this._xattrs?.delete(name)) return -Errno.ENODATA;
    this.touchChange();
    return 0;
  }

  override listXattr(): readonly string[] {
    return this._xattrs === null ? [] : [...this._xattrs.keys()];
  }
}

/** trusted.* needs CAP_SYS_ADMIN (xattr(7)). */
export function mayUseTrusted(ctx: VfsContext): boolean {
  return hasCap(ctx.creds, Cap.SYS_ADMIN);
}
