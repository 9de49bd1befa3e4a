/** rename(2), renameat2(2). */
import {
  Errno, IN_MOVED_FROM, IN_MOVED_TO, IN_MOVE_SELF, IN_RENAME, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, W_OK,
} from '@troupe/abi';
import { checkAccess, checkDelete, checkDirectoryWritable, checkMountWritable } from '../access.js';
import type { Dentry } from '../dentry.js';
import { dropMountsOn, isMountPoint } from '../mount-propagation.js';
import type { PathNode } from '../mount.js';
import { nextCookie, notifyEntry } from '../notify.js';
import { LastKind, PathWalk } from '../path-walk.js';
import type { VfsContext } from '../types.js';
import { watchCount } from '../watch-count.js';

export function renamePath(
  ctx: VfsContext, fromStart: PathNode, fromPath: string, toStart: PathNode, toPath: string, flags: number,
): number {
  if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) return -Errno.EINVAL;
  if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))) return -Errno.EINVAL;
  const from = new PathWalk(ctx, fromStart);
  const to = new PathWalk(ctx, toStart);
  const found = from.toParent(fromPath) || to.toParent(toPath);
  if (found < 0) return found;
  if (from.mount !== to.mount) return -Errno.EXDEV;
  if (from.lastKind !== LastKind.NORMAL) return -Errno.EBUSY;
  if (to.lastKind !== LastKind.NORMAL) return flags & RENAME_NOREPLACE ? -Errno.EEXIST : -Errno.EBUSY;
  const readOnly = checkMountWritable(from.mount, from.dentry.inode!.mode);
  if (readOnly < 0) return readOnly;
  const source = from.lookupLast();
  if (typeof source === 'number') return source;
  if (source.inode === null) return -Errno.ENOENT;
  const target = to.lookupLast();
  if (typeof target === 'number') return target;
  const refused = checkTargets(from, to, source, target, flags) || checkPermissions(ctx, from, to, source, target, flags);
  if (refused < 0) return refused;
  if (source.inode === target.inode) return 0;
  return renameEntry(ctx, from, to, source, target, flags);
}

/** Existence, trailing slashes, loops (rename(2) ENOTDIR, EINVAL, ENOTEMPTY). */
function checkTargets(from: PathWalk, to: PathWalk, source: Dentry, target: Dentry, flags: number): number {
  if ((flags & RENAME_NOREPLACE) && target.inode !== null) return -Errno.EEXIST;
  if (flags & RENAME_EXCHANGE) {
    if (target.inode === null) return -Errno.ENOENT;
    if (!target.inode.isDirectory && to.trailingSlash) return -Errno.ENOTDIR;
  }
  if (!source.inode!.isDirectory) {
    if (from.trailingSlash) return -Errno.ENOTDIR;
    if (!(flags & RENAME_EXCHANGE) && to.trailingSlash) return -Errno.ENOTDIR;
  }
  if (source.isAncestorOf(to.dentry)) return -Errno.EINVAL;
  if (target.inode !== null && target.isAncestorOf(from.dentry)) return flags & RENAME_EXCHANGE ? -Errno.EINVAL : -Errno.ENOTEMPTY;
  return 0;
}

function checkPermissions(ctx: VfsContext, from: PathWalk, to: PathWalk, source: Dentry, target: Dentry, flags: number): number {
  const { creds } = ctx;
  const fromDir = from.dentry.inode!;
  const toDir = to.dentry.inode!;
  if (source.inode === target.inode) return 0;
  const denied = checkDelete(fromDir, source.inode!, creds)
    || (target.inode === null ? checkDirectoryWritable(toDir, creds) : checkDelete(toDir, target.inode, creds));
  if (denied < 0) return denied;
  const movesDirectory = source.inode!.isDirectory;
  if (target.inode !== null && !(flags & RENAME_EXCHANGE)) {
    if (movesDirectory && !target.inode.isDirectory) return -Errno.ENOTDIR;
    if (!movesDirectory && target.inode.isDirectory) return -Errno.EISDIR;
  }
  if (fromDir !== toDir && movesDirectory) {
    const parentEntry = checkAccess(source.inode!, creds, W_OK);
    if (parentEntry < 0) return parentEntry;
  }
  const { mount } = ctx.root;
  return isMountPoint(source, mount) || isMountPoint(target, mount) ? -Errno.EBUSY : 0;
}

function renameEntry(ctx: VfsContext, from: PathWalk, to: PathWalk, source: Dentry, target: Dentry, flags: number): number {
  const fromDir = from.dentry.inode!;
  const toDir = to.dentry.inode!;
  const moved = source.inode!;
  const result = fromDir.rename(from.lastName, moved, toDir, to.lastName, target.inode, flags, ctx);
  if (result < 0) return result;
  if (flags & RENAME_EXCHANGE) {
    source.exchangeWith(target);
  } else {
    target.deleted = target.inode !== null;
    dropMountsOn(target);
    source.moveTo(to.dentry, to.lastName);
    if (!(flags & RENAME_WHITEOUT) && !(from.dentry === to.dentry && from.lastName === to.lastName)) from.dentry.addChild(from.lastName, null);
  }
  if (watchCount.value > 0) {
    const cookie = nextCookie();
    if (fromDir === toDir) notifyEntry(fromDir, IN_RENAME, from.lastName, moved.isDirectory);
    notifyEntry(fromDir, IN_MOVED_FROM, from.lastName, moved.isDirectory, cookie);
    notifyEntry(toDir, IN_MOVED_TO, to.lastName, moved.isDirectory, cookie);
    moved.notify(IN_MOVE_SELF);
  }
  return 0;
}
