/** unlink(2), rmdir(2). */
import { Errno, IN_ATTRIB, IN_DELETE, IN_DELETE_SELF, IN_ISDIR } from '@troupe/abi';
import { checkDelete, checkMountWritable } from '../access.js';
import type { Dentry } from '../dentry.js';
import { dropMountsOn, isMountPoint } from '../mount-propagation.js';
import type { PathNode } from '../mount.js';
import { notifyEntry } from '../notify.js';
import { LastKind, PathWalk } from '../path-walk.js';
import type { NegativeErrno, VfsContext } from '../types.js';

export function unlinkPath(ctx: VfsContext, start: PathNode, path: string): number {
  const walk = new PathWalk(ctx, start);
  const found = walk.toParent(path);
  if (found < 0) return found;
  if (walk.lastKind !== LastKind.NORMAL) return -Errno.EISDIR;
  const victim = findVictim(walk);
  if (typeof victim === 'number') return victim;
  const inode = victim.inode!;
  if (walk.trailingSlash) return inode.isDirectory ? -Errno.EISDIR : -Errno.ENOTDIR;
  const dir = walk.dentry.inode!;
  const denied = checkDelete(dir, inode, ctx.creds);
  if (denied < 0) return denied;
  if (inode.isDirectory) return -Errno.EISDIR;
  if (isMountPoint(victim, ctx.root.mount)) return -Errno.EBUSY;
  const result = dir.unlink(walk.lastName, inode, ctx);
  if (result < 0) return result;
  victim.markRemoved();
  dropMountsOn(victim);
  inode.notify(IN_ATTRIB);
  if (inode.watches !== null && inode.stat().nlink === 0) inode.notify(IN_DELETE_SELF);
  notifyEntry(dir, IN_DELETE, walk.lastName, false);
  return 0;
}

export function removeDirectory(ctx: VfsContext, start: PathNode, path: string): number {
  const walk = new PathWalk(ctx, start);
  const found = walk.toParent(path);
  if (found < 0) return found;
  if (walk.lastKind === LastKind.DOT) return -Errno.EINVAL;
  if (walk.lastKind === LastKind.DOTDOT) return -Errno.ENOTEMPTY;
  if (walk.lastKind === LastKind.ROOT) return -Errno.EBUSY;
  const victim = findVictim(walk);
  if (typeof victim === 'number') return victim;
  const inode = victim.inode!;
  const dir = walk.dentry.inode!;
  const denied = checkDelete(dir, inode, ctx.creds);
  if (denied < 0) return denied;
  if (!inode.isDirectory) return -Errno.ENOTDIR;
  if (isMountPoint(victim, ctx.root.mount)) return -Errno.EBUSY;
  const result = dir.rmdir(walk.lastName, inode, ctx);
  if (result < 0) return result;
  victim.markRemoved();
  dropMountsOn(victim);
  inode.notify(IN_DELETE_SELF | IN_ISDIR);
  notifyEntry(dir, IN_DELETE, walk.lastName, true);
  return 0;
}

/** The entry to remove; a read-only mount is reported before a missing name (unlink(2) EROFS). */
function findVictim(walk: PathWalk): Dentry | NegativeErrno {
  const readOnly = checkMountWritable(walk.mount, walk.dentry.inode!.mode);
  if (readOnly < 0) return readOnly;
  const victim = walk.lookupLast();
  if (typeof victim === 'number') return victim;
  return victim.inode === null ? -Errno.ENOENT : victim;
}
