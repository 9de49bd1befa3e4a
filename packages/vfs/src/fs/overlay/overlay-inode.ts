/** Inodes of an overlay: the upper layer's object when there is one, else the lower layer's. */
import { Errno, O_TRUNC, RENAME_EXCHANGE, RENAME_WHITEOUT, S_IFCHR, S_IFLNK, S_IFMT, S_IFREG } from '@troupe/abi';
import { DirectoryFile } from '../../directory-file.js';
import type { FileDescription } from '../../file-description.js';
import { Inode } from '../../inode.js';
import type { PathNode } from '../../mount.js';
import { openRegularFile } from '../../regular-file.js';
import type {
  AttrChange, DirEntry, LookupResult, Mappable, NegativeErrno, NewInode, PageMapper, Stat, VfsContext,
} from '../../types.js';
import { HostDirectory } from '../host/host-directory.js';
import { copyUp } from './copy-up.js';
import { dropWhiteout, isWhiteout, makeWhiteout } from './layer-names.js';
import type { OverlayFileSystem } from './overlay-file-system.js';

const NO_CONTEXT = null as unknown as VfsContext;

export class OverlayInode extends Inode implements PageMapper {
  #upper: Inode | null;
  /** The lower object; a merged directory has both. A directory made in the overlay has none (it is opaque). */
  #lower: Inode | null;
  #parent: OverlayInode | null;
  #name: string;
  #unlinked = false;
  /** Open descriptions while only the lower object exists; they move to the upper one at copy-up. */
  #lowerOpens = 0;
  #mapperSet: Set<PageMapper> | null = null;

  constructor(readonly overlay: OverlayFileSystem, upper: Inode | null, lower: Inode | null, parent: OverlayInode | null, name: string, ino: number) {
    const real = upper ?? lower!;
    super(overlay, ino, real.mode, real.uid, real.gid);
    this.#upper = upper;
    this.#lower = lower;
    this.#parent = parent;
    this.#name = name;
  }

  get #real(): Inode {
    return this.#upper ?? this.#lower!;
  }

  get lower(): Inode | null {
    return this.#lower;
  }

  get upper(): Inode | null {
    return this.#upper;
  }

  relocate(parent: OverlayInode, name: string): void {
    this.#parent = parent;
    this.#name = name;
    this.#unlinked = false;
  }

  syncAttributes(): void {
    const real = this.#real;
    this.mode = real.mode;
    this.uid = real.uid;
    this.gid = real.gid;
  }

  // Copy-up -----------------------------------------------------------------------------------------

  /** Makes sure that there is an upper object. `withData` false: the caller truncates anyway. */
  copyUp(ctx: VfsContext, withData = true): number {
    if (this.#upper !== null) return 0;
    const parent = this.#parent!;
    const above = parent.copyUp(ctx);
    if (above < 0) return above;
    const { atimeNs, mtimeNs } = parent.#upper!.stat();
    const upper = copyUp(this.#lower!, parent.#upper!, this.#unlinked ? null : this.#name, withData, ctx);
    if (typeof upper === 'number') return upper;
    parent.#upper!.setAttr({ atimeNs, mtimeNs }, ctx);
    this.#upper = upper;
    this.overlay.adopt(upper, this);
    this.#moveOpens(upper);
    this.#replacePages(upper);
    return 0;
  }

  #moveOpens(upper: Inode): void {
    for (; this.#lowerOpens > 0; this.#lowerOpens--) {
      upper.onOpen(0);
      this.#lower!.onRelease(0);
    }
  }

  /** Mappings fault again and then see the upper pages. */
  #replacePages(upper: Inode): void {
    if (this.#mapperSet === null) return;
    this.#lower!.mappers.delete(this);
    upper.mappers.add(this);
    this.unmapPages(upper, 0, Number.MAX_SAFE_INTEGER);
  }

  // Attributes --------------------------------------------------------------------------------------

  override stat(): Stat {
    const stat = this.#real.stat();
    this.mode = stat.mode;
    this.uid = stat.uid;
    this.gid = stat.gid;
    stat.dev = this.overlay.dev;
    stat.ino = this.ino;
    // As overlayfs does: counting merged subdirectories would need a listing.
    if (this.isDirectory) stat.nlink = 1;
    if (this.#unlinked && this.#upper === null) stat.nlink = 0;
    return stat;
  }

  override setAttr(change: AttrChange, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const result = this.#upper!.setAttr(change, ctx);
    this.syncAttributes();
    return result;
  }

  override getXattr(name: string): Uint8Array | NegativeErrno {
    return this.#real.getXattr(name);
  }

  override setXattr(name: string, value: Uint8Array, flags: number, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    return copied < 0 ? copied : this.#upper!.setXattr(name, value, flags, ctx);
  }

  override removeXattr(name: string, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    return copied < 0 ? copied : this.#upper!.removeXattr(name, ctx);
  }

  override listXattr(): readonly string[] | NegativeErrno {
    return this.#real.listXattr();
  }

  // Open, read, write -------------------------------------------------------------------------------

  override open(node: PathNode, flags: number): FileDescription | NegativeErrno {
    switch (this.mode & S_IFMT) {
      case S_IFREG: return openRegularFile(node, flags);
      case S_IFLNK: return -Errno.ELOOP;
      default: return this.isDirectory ? new DirectoryFile(node, flags) : -Errno.ENXIO;
    }
  }

  override onOpen(flags: number): number {
    if ((flags & 3) !== 0) {
      const copied = this.copyUp(NO_CONTEXT, (flags & O_TRUNC) === 0);
      if (copied < 0) return copied;
    }
    if (this.#upper !== null) return this.#upper.onOpen(flags);
    const opened = this.#lower!.onOpen(flags);
    if (opened === 0) this.#lowerOpens++;
    return opened;
  }

  override onRelease(flags: number): void {
    if (this.#upper === null) this.#lowerOpens--;
    this.#real.onRelease(flags);
  }

  override onAccess(): void {
    this.#upper?.onAccess();
  }

  override get sizeBytes(): number {
    return this.#real.sizeBytes;
  }

  override readAt(dst: Uint8Array, offBytes: number): number {
    return this.#real.readAt(dst, offBytes);
  }

  override writeAt(src: Uint8Array, offBytes: number): number {
    return this.#upper!.writeAt(src, offBytes);
  }

  override truncate(sizeBytes: number): number {
    const copied = this.copyUp(NO_CONTEXT, sizeBytes > 0);
    return copied < 0 ? copied : this.#upper!.truncate(sizeBytes);
  }

  override fallocate(flags: number, offBytes: number, lenBytes: number): number {
    const copied = this.copyUp(NO_CONTEXT);
    return copied < 0 ? copied : this.#upper!.fallocate(flags, offBytes, lenBytes);
  }

  override seekData(offBytes: number, hole: boolean): number {
    return this.#real.seekData(offBytes, hole);
  }

  override readlink(ctx: VfsContext): string | NegativeErrno {
    return this.#real.readlink(ctx);
  }

  // Pages -------------------------------------------------------------------------------------------

  override get mappers(): Set<PageMapper> {
    if (this.#mapperSet === null) {
      this.#mapperSet = new Set();
      this.#real.mappers.add(this);
    }
    return this.#mapperSet;
  }

  unmapPages(_file: Mappable, first: number, end: number): void {
    if (this.#mapperSet !== null) for (const mapper of [...this.#mapperSet]) mapper.unmapPages(this, first, end);
  }

  override getPage(index: number, forWrite: boolean): number {
    if (forWrite && this.#upper === null) {
      const copied = this.copyUp(NO_CONTEXT);
      if (copied < 0) return copied;
    }
    return this.#real.getPage(index, forWrite);
  }

  override peekPage(index: number): number {
    return this.#real.peekPage(index);
  }

  // Directories -------------------------------------------------------------------------------------

  /** The upper entry (whiteouts included), or null. */
  #upperEntry(name: string, ctx: VfsContext): Inode | null {
    if (this.#upper === null) return null;
    const found = this.#upper.lookup(name, ctx);
    return typeof found === 'number' ? null : found;
  }

  override lookup(name: string, ctx: VfsContext): LookupResult {
    const upper = this.#upperEntry(name, ctx);
    if (upper !== null) return isWhiteout(upper) ? -Errno.ENOENT : this.overlay.inodeFor(upper, null, this, name);
    if (this.#lower === null) return -Errno.ENOENT;
    const lower = this.#lower.lookup(name, ctx);
    return typeof lower === 'number' ? lower : this.overlay.inodeFor(null, lower, this, name);
  }

  /** Is the cached result for `name` still right? Only the lower layer changes by itself. */
  confirms(name: string, inode: OverlayInode | null): boolean {
    if (this.#lower === null || inode?.upper || this.#upperEntry(name, NO_CONTEXT) !== null) return true;
    if (this.#lower instanceof HostDirectory) {
      const confirmed = this.#lower.confirms(name, inode?.lower ?? null);
      if (confirmed) inode?.syncAttributes();
      return confirmed;
    }
    return true;
  }

  #hasLowerName(name: string, ctx: VfsContext): boolean {
    return this.#lower !== null && typeof this.#lower.lookup(name, ctx) !== 'number';
  }

  override create(name: string, init: NewInode, ctx: VfsContext): LookupResult {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    dropWhiteout(this.#upper!, name, ctx);
    const made = this.#upper!.create(name, init, ctx);
    if (typeof made !== 'number') return this.overlay.inodeFor(made, null, this, name);
    if (this.#hasLowerName(name, ctx)) makeWhiteout(this.#upper!, name, ctx);
    return made;
  }

  override createUnnamed(init: NewInode, ctx: VfsContext): LookupResult {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const made = this.#upper!.createUnnamed(init, ctx);
    return typeof made === 'number' ? made : this.overlay.inodeFor(made, null, this, '');
  }

  override link(name: string, target: Inode, ctx: VfsContext): number {
    if (!(target instanceof OverlayInode) || target.overlay !== this.overlay) return -Errno.EXDEV;
    const copied = target.copyUp(ctx) || this.copyUp(ctx);
    if (copied < 0) return copied;
    dropWhiteout(this.#upper!, name, ctx);
    return this.#upper!.link(name, target.#upper!, ctx);
  }

  override unlink(name: string, child: Inode, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const upper = this.#upperEntry(name, ctx);
    const result = upper === null ? 0 : this.#upper!.unlink(name, upper, ctx);
    if (result < 0) return result;
    (child as OverlayInode).#unlinked = true;
    return this.#hasLowerName(name, ctx) ? makeWhiteout(this.#upper!, name, ctx) : 0;
  }

  override rmdir(name: string, child: Inode, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const refused = (child as OverlayInode).#makeRemovable(ctx);
    if (refused < 0) return refused;
    const upper = this.#upperEntry(name, ctx);
    const result = upper === null ? 0 : this.#upper!.rmdir(name, upper, ctx);
    if (result < 0) return result;
    (child as OverlayInode).#unlinked = true;
    return this.#hasLowerName(name, ctx) ? makeWhiteout(this.#upper!, name, ctx) : 0;
  }

  /** -ENOTEMPTY, or 0 with the whiteouts of the upper directory gone. */
  #makeRemovable(ctx: VfsContext): number {
    const listed = this.entries(ctx);
    if (typeof listed === 'number') return listed;
    if (listed.length > 0) return -Errno.ENOTEMPTY;
    const whiteouts = this.#upper?.entries(ctx) ?? [];
    if (typeof whiteouts !== 'number') for (const { name } of whiteouts) dropWhiteout(this.#upper!, name, ctx);
    return 0;
  }

  override rename(name: string, child: Inode, newDir: Inode, newName: string, replaced: Inode | null, flags: number, ctx: VfsContext): number {
    if (!(newDir instanceof OverlayInode) || !(child instanceof OverlayInode)) return -Errno.EXDEV;
    const other = replaced as OverlayInode | null;
    const copied = child.copyUp(ctx) || newDir.copyUp(ctx) || (flags & RENAME_EXCHANGE ? other!.copyUp(ctx) : 0);
    if (copied < 0) return copied;
    if (flags & RENAME_EXCHANGE) {
      const swapped = this.#upper!.rename(name, child.#upper!, newDir.#upper!, newName, other!.#upper!, flags, ctx);
      if (swapped === 0) other!.relocate(this, name);
      if (swapped === 0) child.relocate(newDir, newName);
      return swapped;
    }
    return this.#renameOver(name, child, newDir, newName, other, flags & ~RENAME_WHITEOUT, (flags & RENAME_WHITEOUT) !== 0, ctx);
  }

  #renameOver(
    name: string, child: OverlayInode, newDir: OverlayInode, newName: string, other: OverlayInode | null, flags: number, leaveWhiteout: boolean,
    ctx: VfsContext,
  ): number {
    if (other?.isDirectory) {
      const refused = other.#makeRemovable(ctx);
      if (refused < 0) return refused;
    }
    dropWhiteout(newDir.#upper!, newName, ctx);
    const upperTarget = newDir.#upperEntry(newName, ctx);
    const result = this.#upper!.rename(name, child.#upper!, newDir.#upper!, newName, upperTarget, flags, ctx);
    if (result < 0) return result;
    if (other !== null) other.#unlinked = true;
    child.relocate(newDir, newName);
    if (leaveWhiteout || this.#hasLowerName(name, ctx)) makeWhiteout(this.#upper!, name, ctx);
    return 0;
  }

  override entries(ctx: VfsContext): DirEntry[] | NegativeErrno {
    const merged: DirEntry[] = [];
    const seen = new Set<string>();
    const upper = this.#upper?.entries(ctx) ?? [];
    if (typeof upper === 'number') return upper;
    for (const { name, type } of upper) {
      seen.add(name);
      const inode = this.#upperEntry(name, ctx)!;
      if (type === S_IFCHR && isWhiteout(inode)) continue;
      merged.push({ name, type, ino: (this.overlay.overlayOf(inode)?.ino) ?? this.overlay.inoOf(inode, true) });
    }
    const lower = this.#lower?.entries(ctx) ?? [];
    if (typeof lower === 'number') return merged.length > 0 ? merged : lower;
    for (const { name, type, ino } of lower) if (!seen.has(name)) merged.push({ name, type, ino });
    return merged;
  }
}
