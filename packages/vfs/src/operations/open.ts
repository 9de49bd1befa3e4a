/** open(2), openat2(2): from a path and flags to an open file description. */
import {
  Errno, IN_CREATE, IN_MODIFY, IN_OPEN, IN_OPEN_EXEC, MS_NODEV, O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_FOR_EXEC, O_LARGEFILE, O_NOATIME, O_NOFOLLOW, O_NO_EVENTS, O_PATH, O_RDONLY,
  O_TMPFILE, O_TMPFILE_BIT, O_TRUNC, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, W_OK,
} from '@troupe/abi';
import { accessOfFlags, checkAccess, checkDirectoryWritable, checkMountWritable, isOwner } from '../access.js';
import { AnonymousInode } from '../anonymous.js';
import { Dentry } from '../dentry.js';
import type { FileDescription } from '../file-description.js';
import { PathNode } from '../mount.js';
import { notifyEntry, notifyNode, notifyOpen } from '../notify.js';
import { PathFile } from '../path-file.js';
import { Follow, JUMPED, LastKind, PathWalk } from '../path-walk.js';
import type { NegativeErrno, VfsContext } from '../types.js';
import type { Vfs } from '../vfs.js';
import { newInode } from './create.js';

export function openPath(
  vfs: Vfs, ctx: VfsContext, start: PathNode, path: string, flags: number, mode: number, resolve = 0,
): FileDescription | NegativeErrno {
  const result = openOnce(vfs, ctx, start, path, flags, mode, resolve);
  return result === -Errno.ESTALE ? openOnce(vfs, ctx, start, path, flags, mode, resolve) : result;
}

function openOnce(
  vfs: Vfs, ctx: VfsContext, start: PathNode, path: string, flags: number, mode: number, resolve: number,
): FileDescription | NegativeErrno {
  const walk = new PathWalk(ctx, start, resolve);
  if (flags & O_PATH) return openAsPath(walk, path, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const opened = flags | O_LARGEFILE;
  if (flags & O_TMPFILE_BIT) return openUnnamed(vfs, walk, path, opened, mode);
  if (flags & O_CREAT) return openOrCreate(vfs, walk, path, opened, mode);
  const result = walk.toObject(path, flags & O_NOFOLLOW ? Follow.NO : Follow.YES);
  return result < 0 ? result : openNode(vfs, ctx, walk.node, opened);
}

function openAsPath(walk: PathWalk, path: string, flags: number): FileDescription | NegativeErrno {
  const result = walk.toObject(path, flags & O_NOFOLLOW ? Follow.NO : Follow.YES);
  if (result < 0) return result;
  const { node } = walk;
  if ((flags & O_DIRECTORY) && !node.inode.isDirectory) return -Errno.ENOTDIR;
  return new PathFile(node, flags);
}

/** O_TMPFILE: an unnamed file in the file system of the directory. */
function openUnnamed(vfs: Vfs, walk: PathWalk, path: string, flags: number, mode: number): FileDescription | NegativeErrno {
  if ((flags & O_TMPFILE) !== O_TMPFILE || (flags & O_ACCMODE) === O_RDONLY || (flags & O_CREAT)) return -Errno.EINVAL;
  const { ctx } = walk;
  const result = walk.toObject(path, Follow.YES);
  if (result < 0) return result;
  const dir = walk.dentry.inode!;
  if (!dir.isDirectory) return -Errno.ENOTDIR;
  const denied = checkMountWritable(walk.mount, dir.mode) || checkDirectoryWritable(dir, ctx.creds);
  if (denied < 0) return denied;
  const inode = dir.createUnnamed(newInode(ctx, dir, S_IFREG | (mode & 0o7777)), ctx);
  if (typeof inode === 'number') return inode;
  const dentry = new Dentry(walk.dentry, `#${inode.ino}`, inode);
  dentry.deleted = true;
  return openNode(vfs, ctx, new PathNode(walk.mount, dentry), flags & ~(O_TMPFILE_BIT | O_DIRECTORY), true);
}

function openOrCreate(vfs: Vfs, walk: PathWalk, path: string, flags: number, mode: number): FileDescription | NegativeErrno {
  if (flags & O_DIRECTORY) return -Errno.EINVAL;
  const { ctx } = walk;
  let result = walk.toParent(path);
  for (;;) {
    if (result < 0) return result;
    if (result === JUMPED) return walk.dentry.inode!.isDirectory ? -Errno.EISDIR : openNode(vfs, ctx, walk.node, flags);
    if (walk.lastKind !== LastKind.NORMAL) return flags & O_EXCL ? -Errno.EEXIST : -Errno.EISDIR;
    if (walk.trailingSlash) return -Errno.EISDIR;
    const dentry = walk.lookupLast();
    if (typeof dentry === 'number') return dentry;
    if (dentry.inode === null) return createAndOpen(vfs, walk, flags, mode);
    if (flags & O_EXCL) return -Errno.EEXIST;
    if (!dentry.inode.isSymlink) {
      const entered = walk.enter(dentry);
      if (entered < 0) return entered;
      return walk.dentry.inode!.isDirectory ? -Errno.EISDIR : openNode(vfs, ctx, walk.node, flags);
    }
    if (flags & O_NOFOLLOW) return -Errno.ELOOP;
    result = walk.followLast(dentry);
  }
}

function createAndOpen(vfs: Vfs, walk: PathWalk, flags: number, mode: number): FileDescription | NegativeErrno {
  const { ctx, mount, dentry: dir, lastName } = walk;
  const parent = dir.inode!;
  const denied = checkMountWritable(mount, parent.mode) || checkDirectoryWritable(parent, ctx.creds);
  if (denied < 0) return denied;
  const inode = parent.create(lastName, newInode(ctx, parent, S_IFREG | (mode & 0o7777)), ctx);
  if (typeof inode === 'number') return inode;
  const node = new PathNode(mount, dir.addChild(lastName, inode));
  notifyEntry(parent, IN_CREATE, lastName, false);
  return openNode(vfs, ctx, node, flags & ~O_TRUNC, true);
}

/** Opens an object that is already found; `created` skips the permission checks (open(2): mode applies to later opens). */
export function openNode(vfs: Vfs, ctx: VfsContext, node: PathNode, flags: number, created = false): FileDescription | NegativeErrno {
  const { inode } = node;
  const denied = checkOpen(ctx, node, flags, created) || (ctx.mayOpen?.(node, flags) ?? 0);
  if (denied < 0) return denied;
  if ((flags & O_ACCMODE) !== O_RDONLY && inode.isRegular && vfs.isExecuting?.(inode) === true) return -Errno.ETXTBSY;
  const file = openByType(vfs, ctx, node, flags);
  if (typeof file === 'number') {
    // The name means another object by now: the next walk must ask the file system.
    if (file === -Errno.ESTALE) node.dentry.parent?.dropChild(node.dentry.name);
    return file;
  }
  if ((flags & O_TRUNC) && inode.isRegular) {
    const result = inode.truncate(0);
    if (result < 0) {
      file.incRef().decRef();
      return result;
    }
    notifyNode(node, IN_MODIFY);
  }
  if ((flags & O_NO_EVENTS) === 0) notifyOpen(node, (flags & O_FOR_EXEC) === 0 ? IN_OPEN : IN_OPEN | IN_OPEN_EXEC);
  return file;
}

function checkOpen(ctx: VfsContext, node: PathNode, flags: number, created: boolean): number {
  const { inode, mount } = node;
  const type = inode.mode & S_IFMT;
  const accessMode = flags & O_ACCMODE;
  const writes = accessMode !== O_RDONLY || (flags & O_TRUNC) !== 0;
  if (type === S_IFLNK) return -Errno.ELOOP;
  if ((flags & O_DIRECTORY) && type !== S_IFDIR) return -Errno.ENOTDIR;
  if (type === S_IFDIR && writes) return -Errno.EISDIR;
  if ((type === S_IFCHR || type === S_IFBLK) && (mount.flags & MS_NODEV)) return -Errno.EACCES;
  if (created) return 0;
  const access = checkAccess(inode, ctx.creds, accessOfFlags(accessMode) | (flags & O_TRUNC ? W_OK : 0));
  if (access < 0) return access;
  if (writes && type === S_IFREG) {
    const readOnly = checkMountWritable(mount, inode.mode);
    if (readOnly < 0) return readOnly;
  }
  if ((flags & O_NOATIME) && !isOwner(inode, ctx.creds)) return -Errno.EPERM;
  return 0;
}

function openByType(vfs: Vfs, ctx: VfsContext, node: PathNode, flags: number): FileDescription | NegativeErrno {
  const { inode } = node;
  switch (inode.mode & S_IFMT) {
    case S_IFIFO:
      if (inode instanceof AnonymousInode) return inode.open(node, flags, ctx);
      return vfs.special.openFifo === null ? -Errno.ENXIO : vfs.special.openFifo(node, flags, ctx);
    case S_IFCHR: {
      const open = vfs.special.charDevices.get(inode.stat().rdev);
      return open === undefined ? -Errno.ENXIO : open(node, flags, ctx);
    }
    case S_IFBLK: case S_IFSOCK: return -Errno.ENXIO;
    default: return inode.open(node, flags, ctx);
  }
}
