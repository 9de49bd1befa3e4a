/** Names in the upper layer: whiteouts. */
import { S_IFCHR, S_IFMT } from '@troupe/abi';
import type { Inode } from '../../inode.js';
import type { VfsContext } from '../../types.js';

export function isWhiteout(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFCHR && inode.stat().rdev === 0;
}

/** Hides a lower name. */
export function makeWhiteout(upperDir: Inode, name: string, ctx: VfsContext): number {
  const made = upperDir.create(name, { mode: S_IFCHR, uid: 0, gid: 0, rdev: 0 }, ctx);
  return typeof made === 'number' ? made : 0;
}

/** Takes a whiteout away, so that the name can be used again. */
export function dropWhiteout(upperDir: Inode, name: string, ctx: VfsContext): void {
  const found = upperDir.lookup(name, ctx);
  if (typeof found !== 'number' && isWhiteout(found)) upperDir.unlink(name, found, ctx);
}
