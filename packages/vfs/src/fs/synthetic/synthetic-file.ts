/** Open description of a synthetic file: text is made when reading starts and kept until a rewind (seq_file). */
import { Errno, SEEK_CUR, SEEK_END, SEEK_SET } from '@troupe/abi';
import { FileDescription } from '../../file-description.js';
import type { VfsContext } from '../../types.js';
import type { FileEntry } from './entry.js';
import type { SyntheticInode } from './synthetic-file-system.js';

export class SyntheticFile extends FileDescription {
  private _bytes: Uint8Array | null = null;

  private get _entry(): FileEntry {
    return (this.inode as SyntheticInode).fileEntry;
  }

  override get pollable(): boolean {
    return false;
  }

  override get seekable(): boolean {
    return true;
  }

  override read(dst: Uint8Array, offBytes: number, ctx: VfsContext): number {
    const at = offBytes < 0 ? this.offBytes : offBytes;
    if (this._bytes === null || at === 0) {
      const made = this._entry.read?.(ctx) ?? -Errno.EINVAL;
      if (typeof made === 'number') return made;
      this._bytes = typeof made === 'string' ? Buffer.from(made, 'latin1') : made;
    }
    const count = Math.max(0, Math.min(dst.length, this._bytes.length - at));
    dst.set(this._bytes.subarray(at, at + count));
    if (offBytes < 0) this.offBytes = at + count;
    return count;
  }

  override write(src: Uint8Array, offBytes: number, ctx: VfsContext): number {
    if (this._entry.write === undefined) return -Errno.EINVAL;
    const result = this._entry.write(Buffer.from(src).toString('latin1'), ctx);
    if (result < 0) return result;
    if (offBytes < 0) this.offBytes += src.length;
    return src.length;
  }

  override seek(offBytes: number, whence: number): number {
    if (whence === SEEK_END) return -Errno.EINVAL;
    const base = whence === SEEK_SET ? 0 : whence === SEEK_CUR ? this.offBytes : NaN;
    const next = base + offBytes;
    if (!(next >= 0)) return -Errno.EINVAL;
    this.offBytes = next;
    return next;
  }
}
