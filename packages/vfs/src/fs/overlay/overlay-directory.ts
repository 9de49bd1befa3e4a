/** Directories of an overlay: names of both layers, whiteouts (overlay-file-system.ts). */
import { Errno, RENAME_EXCHANGE, RENAME_WHITEOUT, S_IFCHR } from '@troupe/abi';
import { DirectoryFile } from '../../directory-file.js';
import type { FileDescription } from '../../file-description.js';
import type { Inode } from '../../inode.js';
import type { PathNode } from '../../mount.js';
import type { DirEntry, LookupResult, NegativeErrno, NewInode, VfsContext } from '../../types.js';
import { HostDirectory } from '../host/host-directory.js';
import { dropWhiteout, isWhiteout, makeWhiteout } from './layer-names.js';
import { NO_CONTEXT, OverlayInode } from './overlay-inode.js';

export class OverlayDirectory extends OverlayInode {
  override open(node: PathNode, flags: number): FileDescription {
    return new DirectoryFile(node, flags);
  }

  /** The upper entry (whiteouts included), or null. */
  private _upperEntry(name: string, ctx: VfsContext): Inode | null {
    if (this.upper === null) return null;
    const found = this.upper.lookup(name, ctx);
    return typeof found === 'number' ? null : found;
  }

  override lookup(name: string, ctx: VfsContext): LookupResult {
    const upper = this._upperEntry(name, ctx);
    if (upper !== null) return isWhiteout(upper) ? -Errno.ENOENT : this.overlay.inodeFor(upper, null, this, name);
    if (this.lower === null) return -Errno.ENOENT;
    const lower = this.lower.lookup(name, ctx);
    return typeof lower === 'number' ? lower : this.overlay.inodeFor(null, lower, this, name);
  }

  /** Is the cached result for `name` still right? Only the lower layer changes by itself. */
  confirms(name: string, inode: OverlayInode | null): boolean {
    if (this.lower === null || inode?.upper || this._upperEntry(name, NO_CONTEXT) !== null) return true;
    if (this.lower instanceof HostDirectory) {
      const confirmed = this.lower.confirms(name, inode?.lower ?? null);
      if (confirmed) inode?.syncAttributes();
      return confirmed;
    }
    return true;
  }

  private _hasLowerName(name: string, ctx: VfsContext): boolean {
    return this.lower !== null && typeof this.lower.lookup(name, ctx) !== 'number';
  }

  override create(name: string, init: NewInode, ctx: VfsContext): LookupResult {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    dropWhiteout(this.upper!, name, ctx);
    const made = this.upper!.create(name, init, ctx);
    if (typeof made !== 'number') return this.overlay.inodeFor(made, null, this, name);
    if (this._hasLowerName(name, ctx)) makeWhiteout(this.upper!, name, ctx);
    return made;
  }

  override createUnnamed(init: NewInode, ctx: VfsContext): LookupResult {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const made = this.upper!.createUnnamed(init, ctx);
    return typeof made === 'number' ? made : this.overlay.inodeFor(made, null, this, '');
  }

  override link(name: string, target: Inode, ctx: VfsContext): number {
    if (!(target instanceof OverlayInode) || target.overlay !== this.overlay) return -Errno.EXDEV;
    const copied = target.copyUp(ctx) || this.copyUp(ctx);
    if (copied < 0) return copied;
    dropWhiteout(this.upper!, name, ctx);
    return this.upper!.link(name, target.upper!, ctx);
  }

  override unlink(name: string, child: Inode, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const upper = this._upperEntry(name, ctx);
    const result = upper === null ? 0 : this.upper!.unlink(name, upper, ctx);
    if (result < 0) return result;
    (child as OverlayInode).markUnlinked();
    return this._hasLowerName(name, ctx) ? makeWhiteout(this.upper!, name, ctx) : 0;
  }

  override rmdir(name: string, child: Inode, ctx: VfsContext): number {
    const copied = this.copyUp(ctx);
    if (copied < 0) return copied;
    const refused = (child as OverlayDirectory)._makeRemovable(ctx);
    if (refused < 0) return refused;
    const upper = this._upperEntry(name, ctx);
    const result = upper === null ? 0 : this.upper!.rmdir(name, upper, ctx);
    if (result < 0) return result;
    (child as OverlayInode).markUnlinked();
    return this._hasLowerName(name, ctx) ? makeWhiteout(this.upper!, name, ctx) : 0;
  }

  /** -ENOTEMPTY, or 0 with the whiteouts of the upper directory gone. */
  private _makeRemovable(ctx: VfsContext): number {
    const listed = this.entries(ctx);
    if (typeof listed === 'number') return listed;
    if (listed.length > 0) return -Errno.ENOTEMPTY;
    const whiteouts = this.upper?.entries(ctx) ?? [];
    if (typeof whiteouts !== 'number') for (const { name } of whiteouts) dropWhiteout(this.upper!, name, ctx);
    return 0;
  }

  override rename(name: string, child: Inode, newDir: Inode, newName: string, replaced: Inode | null, flags: number, ctx: VfsContext): number {
    if (!(newDir instanceof OverlayDirectory) || !(child instanceof OverlayInode)) return -Errno.EXDEV;
    const other = replaced as OverlayInode | null;
    const copied = child.copyUp(ctx) || newDir.copyUp(ctx) || (flags & RENAME_EXCHANGE ? other!.copyUp(ctx) : 0);
    if (copied < 0) return copied;
    if (flags & RENAME_EXCHANGE) {
      const swapped = this.upper!.rename(name, child.upper!, newDir.upper!, newName, other!.upper!, flags, ctx);
      if (swapped === 0) other!.relocate(this, name);
      if (swapped === 0) child.relocate(newDir, newName);
      return swapped;
    }
    return this._renameOver(name, child, newDir, newName, other, flags & ~RENAME_WHITEOUT, (flags & RENAME_WHITEOUT) !== 0, ctx);
  }

  private _renameOver(
    name: string, child: OverlayInode, newDir: OverlayDirectory, newName: string, other: OverlayInode | null, flags: number, leaveWhiteout: boolean,
    ctx: VfsContext,
  ): number {
    if (other instanceof OverlayDirectory) {
      const refused = other._makeRemovable(ctx);
      if (refused < 0) return refused;
    }
    dropWhiteout(newDir.upper!, newName, ctx);
    const upperTarget = newDir._upperEntry(newName, ctx);
    const result = this.upper!.rename(name, child.upper!, newDir.upper!, newName, upperTarget, flags, ctx);
    if (result < 0) return result;
    other?.markUnlinked();
    child.relocate(newDir, newName);
    if (leaveWhiteout || this._hasLowerName(name, ctx)) makeWhiteout(this.upper!, name, ctx);
    return 0;
  }

  override entries(ctx: VfsContext): DirEntry[] | NegativeErrno {
    const merged: DirEntry[] = [];
    const seen = new Set<string>();
    const upper = this.upper?.entries(ctx) ?? [];
    if (typeof upper === 'number') return upper;
    for (const { name, type } of upper) {
      seen.add(name);
      const inode = this._upperEntry(name, ctx)!;
      if (type === S_IFCHR && isWhiteout(inode)) continue;
      merged.push({ name, type, ino: (this.overlay.overlayOf(inode)?.ino) ?? this.overlay.inoOf(inode, true) });
    }
    const lower = this.lower?.entries(ctx) ?? [];
    if (typeof lower === 'number') return merged.length > 0 ? merged : lower;
    for (const { name, type, ino } of lower) if (!seen.has(name)) merged.push({ name, type, ino });
    return merged;
  }
}
