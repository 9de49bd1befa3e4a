/** Open file description of a regular file: position, append, size limits; the bytes are the inode's. */
import {
  Cap, Errno, IN_ACCESS, IN_CLOSE_NOWRITE, IN_CLOSE_WRITE, IN_MODIFY, MS_NOATIME, MS_RDONLY, O_DSYNC, O_NOATIME, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE,
  SEEK_SET, hasCapOver,
} from '@troupe/abi';
import { withoutSetId } from './access.js';
import { FileDescription } from './file-description.js';
import type { Inode } from './inode.js';
import type { PathNode } from './mount.js';
import type { Mappable, NegativeErrno, VfsContext } from './types.js';

export class RegularFile extends FileDescription {
  private readonly _inode: Inode;
  private readonly _touchesAtime: boolean;

  constructor(node: PathNode, flags: number) {
    super(node, flags);
    this._inode = node.inode;
    this._touchesAtime = (flags & O_NOATIME) === 0 && (node.mount.flags & (MS_NOATIME | MS_RDONLY)) === 0;
  }

  override get inode(): Inode {
    return this._inode;
  }

  override get pollable(): boolean {
    return false;
  }

  override get seekable(): boolean {
    return true;
  }

  override read(dst: Uint8Array, offBytes: number): number {
    const at = offBytes < 0 ? this.offBytes : offBytes;
    const count = this._inode.readAt(dst, at);
    if (count <= 0) return count;
    if (offBytes < 0) this.offBytes = at + count;
    if (this._touchesAtime) this._inode.onAccess();
    this.notify(IN_ACCESS);
    return count;
  }

  override write(src: Uint8Array, offBytes: number, ctx: VfsContext): number {
    const inode = this._inode;
    const at = this.append ? inode.sizeBytes : offBytes < 0 ? this.offBytes : offBytes;
    const room = (ctx.maxFileBytes ?? Infinity) - at;
    if (src.length === 0) return 0;
    if (room <= 0) return -Errno.EFBIG;
    const count = inode.writeAt(room < src.length ? src.subarray(0, room) : src, at);
    if (count <= 0) return count;
    if (offBytes < 0) this.offBytes = at + count;
    if ((inode.mode & 0o6000) !== 0 && !hasCapOver(ctx.creds, inode, Cap.FSETID)) inode.setAttr({ mode: withoutSetId(inode.mode) & 0o7777 }, ctx);
    if ((this.flags & O_DSYNC) !== 0) inode.sync();
    this.notify(IN_MODIFY);
    return count;
  }

  override seek(offBytes: number, whence: number): number {
    const next = this._seekTarget(offBytes, whence);
    if (next >= 0) this.offBytes = next;
    return next;
  }

  private _seekTarget(offBytes: number, whence: number): number {
    const inode = this._inode;
    switch (whence) {
      case SEEK_DATA: return inode.seekData(offBytes, false);
      case SEEK_HOLE: return inode.seekData(offBytes, true);
      default: {
        const base = whence === SEEK_SET ? 0 : whence === SEEK_CUR ? this.offBytes : whence === SEEK_END ? inode.sizeBytes : NaN;
        const next = base + offBytes;
        return next >= 0 ? next : -Errno.EINVAL;
      }
    }
  }

  override bytesReadable(): number {
    return Math.max(0, this._inode.sizeBytes - this.offBytes);
  }

  override mapping(): Mappable | NegativeErrno {
    return this._inode;
  }

  override sync(): number {
    return this._inode.sync();
  }

  protected override release(): void {
    if (this.writable) this._inode.writers--;
    this._inode.onRelease(this.flags);
    this.notify(this.writable ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
  }
}

/** Opens a regular file: storage, count of writers (execve(2) ETXTBSY), then the description. */
export function openRegularFile(node: PathNode, flags: number): FileDescription | NegativeErrno {
  const { inode } = node;
  const writes = (flags & 3) !== 0;
  const result = inode.onOpen(flags);
  if (result < 0) return result;
  if (writes) inode.writers++;
  return new RegularFile(node, flags);
}
