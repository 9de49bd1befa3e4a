/** Inodes of an overlay: the upper layer's object when there is one, else the lower layer's. Directories: overlay-directory.ts. */
import { Errno, O_TRUNC, S_IFLNK, S_IFMT, S_IFREG } from '@troupe/abi';
import type { FileDescription } from '../../file-description.js';
import { Inode } from '../../inode.js';
import type { PathNode } from '../../mount.js';
import { openRegularFile } from '../../regular-file.js';
import type { AttrChange, Mappable, NegativeErrno, PageMapper, Stat, VfsContext } from '../../types.js';
import { copyUp } from './copy-up.js';
import type { OverlayFileSystem } from './overlay-file-system.js';

/** Layers are memory and a read-only file system: neither asks who copies up. */
export const NO_CONTEXT = null as unknown as VfsContext;

export class OverlayInode extends Inode implements PageMapper {
  private _upper: Inode | null;
  /** The lower object; a merged directory has both. A directory made in the overlay has none (it is opaque). */
  private _lower: Inode | null;
  private _parent: OverlayInode | null;
  private _name: string;
  private _unlinked = false;
  /** Open descriptions while only the lower object exists; they move to the upper one at copy-up. */
  private _lowerOpens = 0;
  private _mapperSet: Set<PageMapper> | null = null;

  constructor(readonly overlay: OverlayFileSystem, upper: Inode | null, lower: Inode | null, parent: OverlayInode | null, name: string, ino: number) {
    const real = upper ?? lower!;
    super(overlay, ino, real.mode, real.uid, real.gid);
    this._upper = upper;
    this._lower = lower;
    this._parent = parent;
    this._name = name;
  }

  private get _real(): Inode {
    return this._upper ?? this._lower!;
  }

  get lower(): Inode | null {
    return this._lower;
  }

  get upper(): Inode | null {
    return this._upper;
  }

  relocate(parent: OverlayInode, name: string): void {
    this._parent = parent;
    this._name = name;
    this._unlinked = false;
  }

  /** Its name is gone; copy-up makes it without one. */
  markUnlinked(): void {
    this._unlinked = true;
  }

  syncAttributes(): void {
    const real = this._real;
    this.mode = real.mode;
    this.uid = real.uid;
    this.gid = real.gid;
  }

  // Copy-up -----------------------------------------------------------------------------------------

  /** Makes sure that there is an upper object. `withData` false: the caller truncates anyway. */
  copyUp(ctx: VfsContext, withData = true): number {
    if (this._upper !== null) return 0;
    const parent = this._parent!;
    const above = parent.copyUp(ctx);
    if (above < 0) return above;
    const { atimeNs, mtimeNs } = parent._upper!.stat();
    const upper = copyUp(this._lower!, parent._upper!, this._unlinked ? null : this._name, withData, ctx);
    if (typeof upper === 'number') return upper;
    parent._upper!.setAttr({ atimeNs, mtimeNs }, ctx);
    this._upper = upper;
    this.overlay.adopt(upper, this);
    this._moveOpens(upper);
    this._replacePages(upper);
    return 0;
  }

  private _moveOpens(upper: Inode): void {
    for (; this._lowerOpens > 0; this._lowerOpens--) {
      upper.onOpen(0);
      this._lower!.onRelease(0);
    }
  }

  /** Mappings fault again and then see the upper pages. */
  private _replacePages(upper: Inode): void {
    if (this._mapperSet === null) return;
    this._lower!.mappers.delete(this);
    upper.mappers.add(this);
    this.unmapPages(upper, 0, Number.MAX_SAFE_INTEGER);
  }

  // Attributes --------------------------------------------------------------------------------------

  override stat(): Stat {
    const stat = this._real.stat();
    this.mode = stat.mode;
    this.uid = stat.uid;
    this.gid = stat.gid;
    stat.dev = this.overlay.dev;
    stat.ino = this.ino;
    // As overlayfs does: counting merged subdirectories would need a listing.
    if (this.isDirectory) stat.nlink = 1;
    if (this._unlinked && this._upper === null) stat.nlink = 0;
    return stat;
  }

  override setAttr(change: AttrChange, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const result = this._upper!.setAttr(change, ctx);
    this.syncAttributes();
    return result;
  }

  override getXattr(name: string): Uint8Array | NegativeErrno {
    return this._real.getXattr(name);
  }

  override setXattr(name: string, value: Uint8Array, flags: number, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    return copied < 0 ? copied : this._upper!.setXattr(name, value, flags, ctx);
  }

  override removeXattr(name: string, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    return copied < 0 ? copied : this._upper!.removeXattr(name, ctx);
  }

  override listXattr(): readonly string[] | NegativeErrno {
    return this._real.listXattr();
  }

  // Open, read, write -------------------------------------------------------------------------------

  override open(node: PathNode, flags: number): FileDescription | NegativeErrno {
    switch (this.mode & S_IFMT) {
      case S_IFREG: return openRegularFile(node, flags);
      case S_IFLNK: return -Errno.ELOOP;
      default: return -Errno.ENXIO;
    }
  }

  override onOpen(flags: number): number {
    if ((flags & 3) !== 0) {
      const copied = this.copyUp(NO_CONTEXT, (flags & O_TRUNC) === 0);
      if (copied < 0) return copied;
    }
    if (this._upper !== null) return this._upper.onOpen(flags);
    const opened = this._lower!.onOpen(flags);
    if (opened === 0) this._lowerOpens++;
    return opened;
  }

  override onRelease(flags: number): void {
    if (this._upper === null) this._lowerOpens--;
    this._real.onRelease(flags);
  }

  override onAccess(): void {
    this._upper?.onAccess();
  }

  override get sizeBytes(): number {
    return this._real.sizeBytes;
  }

  override readAt(dst: Uint8Array, offBytes: number): number {
    return this._real.readAt(dst, offBytes);
  }

  override writeAt(src: Uint8Array, offBytes: number): number {
    return this._upper!.writeAt(src, offBytes);
  }

  override truncate(sizeBytes: number): number {
    const copied = this.copyUp(NO_CONTEXT, sizeBytes > 0);
    return copied < 0 ? copied : this._upper!.truncate(sizeBytes);
  }

  override fallocate(flags: number, offBytes: number, lenBytes: number): number {
    const copied = this.copyUp(NO_CONTEXT);
    return copied < 0 ? copied : this._upper!.fallocate(flags, offBytes, lenBytes);
  }

  override seekData(offBytes: number, hole: boolean): number {
    return this._real.seekData(offBytes, hole);
  }

  override readlink(ctx: VfsContext): string | NegativeErrno {
    return this._real.readlink(ctx);
  }

  // Pages -------------------------------------------------------------------------------------------

  override get mappers(): Set<PageMapper> {
    if (this._mapperSet === null) {
      this._mapperSet = new Set();
      this._real.mappers.add(this);
    }
    return this._mapperSet;
  }

  unmapPages(_file: Mappable, first: number, end: number): void {
    if (this._mapperSet !== null) for (const mapper of [...this._mapperSet]) mapper.unmapPages(this, first, end);
  }

  override getPage(index: number, forWrite: boolean): number {
    if (forWrite && this._upper === null) {
      const copied = this.copyUp(NO_CONTEXT);
      if (copied < 0) return copied;
    }
    return this._real.getPage(index, forWrite);
  }

  override peekPage(index: number): number {
    return this._real.peekPage(index);
  }
}
