/** Copy-up: making the upper layer's version of a lower object. */
import { Errno, S_IFMT, S_IFREG } from '@troupe/abi';
import type { Inode } from '../../inode.js';
import type { NewInode, VfsContext } from '../../types.js';

const CHUNK_BYTES = 1 << 20;

/** Contents and attributes of `lower` in a new upper inode; `name` null makes an unnamed file. */
export function copyUp(lower: Inode, upperDir: Inode, name: string | null, withData: boolean, ctx: VfsContext): Inode | number {
  const init = describe(lower, ctx);
  if (typeof init === 'number') return init;
  const upper = name === null ? upperDir.createUnnamed(init, ctx) : upperDir.create(name, init, ctx);
  if (typeof upper === 'number') return upper;
  if ((lower.mode & S_IFMT) === S_IFREG && withData) {
    const copied = copyData(lower, upper);
    if (copied < 0) {
      if (name !== null) upperDir.unlink(name, upper, ctx);
      return copied;
    }
  }
  copyXattrs(lower, upper, ctx);
  const { atimeNs, mtimeNs } = lower.stat();
  upper.setAttr({ atimeNs, mtimeNs }, ctx);
  return upper;
}

function describe(lower: Inode, ctx: VfsContext): NewInode | number {
  const { mode, uid, gid, rdev } = lower.stat();
  if (!lower.isSymlink) return { mode, uid, gid, rdev };
  const target = lower.readlink(ctx);
  return typeof target === 'number' ? target : { mode, uid, gid, target };
}

function copyData(lower: Inode, upper: Inode): number {
  const opened = lower.onOpen(0);
  if (opened < 0) return opened;
  try {
    const sizeBytes = lower.sizeBytes;
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes));
    for (let at = 0; at < sizeBytes;) {
      const count = lower.readAt(chunk, at);
      if (count < 0) return count;
      if (count === 0) break;
      const written = upper.writeAt(chunk.subarray(0, count), at);
      if (written !== count) return written < 0 ? written : -Errno.ENOSPC;
      at += count;
    }
    return 0;
  } finally {
    lower.onRelease(0);
  }
}

function copyXattrs(lower: Inode, upper: Inode, ctx: VfsContext): void {
  const names = lower.listXattr();
  if (typeof names === 'number') return;
  for (const name of names) {
    const value = lower.getXattr(name);
    if (typeof value !== 'number') upper.setXattr(name, value, 0, ctx);
  }
}
