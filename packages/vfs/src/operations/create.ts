/** mkdir(2), mknod(2), symlink(2), link(2). */
import {
  AT_SYMLINK_FOLLOW, Cap, Errno, IN_ATTRIB, IN_CREATE, R_OK, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, S_ISGID, S_ISUID, S_IXGRP, W_OK, hasCap, hasCapOver, isDevice,
} from '@troupe/abi';
import { checkAccess, checkDirectoryWritable, checkMountWritable, inGroup, isOwner } from '../access.js';
import type { Inode } from '../inode.js';
import { PathNode } from '../mount.js';
import { notifyEntry } from '../notify.js';
import { Follow, LastKind, PathWalk } from '../path-walk.js';
import type { NegativeErrno, NewInode, VfsContext } from '../types.js';
import type { Vfs } from '../vfs.js';

/** Owner and mode of a new object (inode(7)): umask; a set-gid directory passes its group on. */
export function newInode(ctx: VfsContext, dir: Inode, mode: number, extra?: { rdev?: number; target?: string }): NewInode {
  const { creds } = ctx;
  const inherits = (dir.mode & S_ISGID) !== 0;
  const gid = inherits ? dir.gid : creds.fsgid;
  let bits = (mode & S_IFMT) === S_IFLNK ? mode : mode & ~ctx.umask;
  if (inherits && (mode & S_IFMT) === S_IFDIR) bits |= S_ISGID;
  else if (inherits && (bits & 0o2010) === 0o2010 && !inGroup(creds, gid) && !hasCapOver(creds, { uid: creds.fsuid, gid }, Cap.FSETID)) bits &= ~S_ISGID;
  return { mode: bits, uid: creds.fsuid, gid, ...extra };
}

/** A walk that stands at the parent of a name nothing has yet; -EEXIST when something has it. */
function walkToNewName(ctx: VfsContext, start: PathNode, path: string): PathWalk | NegativeErrno {
  const walk = new PathWalk(ctx, start);
  const found = walk.toParent(path);
  if (found < 0) return found;
  if (walk.lastKind !== LastKind.NORMAL) return -Errno.EEXIST;
  const existing = walk.lookupLast();
  if (typeof existing === 'number') return existing;
  if (existing.inode !== null) return -Errno.EEXIST;
  return walk;
}

/** Makes an object at a path that must not exist yet. The result is its node. */
function createAt(ctx: VfsContext, start: PathNode, path: string, mode: number, extra?: { rdev?: number; target?: string }): PathNode | NegativeErrno {
  const walk = walkToNewName(ctx, start, path);
  if (typeof walk === 'number') return walk;
  const isDirectory = (mode & S_IFMT) === S_IFDIR;
  if (walk.trailingSlash && !isDirectory) return -Errno.ENOENT;
  const { mount, dentry, lastName } = walk;
  const dir = dentry.inode!;
  const denied = checkMountWritable(mount, dir.mode) || checkDirectoryWritable(dir, ctx.creds);
  if (denied < 0) return denied;
  if (isDevice(mode) && !isWhiteout(mode, extra?.rdev) && !hasCap(ctx.creds, Cap.MKNOD)) return -Errno.EPERM;
  const inode = dir.create(lastName, newInode(ctx, dir, mode, extra), ctx);
  if (typeof inode === 'number') return inode;
  notifyEntry(dir, IN_CREATE, lastName, isDirectory);
  return new PathNode(mount, dentry.addChild(lastName, inode));
}

/** The character device 0:0, which anybody may make (overlayfs whiteouts). */
const isWhiteout = (mode: number, rdev: number | undefined): boolean => (mode & S_IFMT) === S_IFCHR && rdev === 0;

const resultOf = (made: PathNode | NegativeErrno): number => (typeof made === 'number' ? made : 0);

export function makeDirectory(ctx: VfsContext, start: PathNode, path: string, mode: number): number {
  return resultOf(createAt(ctx, start, path, S_IFDIR | (mode & 0o1777)));
}

export function makeSymlink(ctx: VfsContext, start: PathNode, path: string, target: string): number {
  if (target === '') return -Errno.ENOENT;
  return resultOf(createAt(ctx, start, path, S_IFLNK | 0o777, { target }));
}

/** mknod(2); type 0 means a regular file. Device nodes need CAP_MKNOD, except the overlay whiteout (char 0:0). */
export function makeNode(ctx: VfsContext, start: PathNode, path: string, mode: number, rdev: number): number {
  return resultOf(makeNodeAt(ctx, start, path, mode, rdev));
}

/** As makeNode, but gives the node: bind(2) of a socket needs it. */
export function makeNodeAt(ctx: VfsContext, start: PathNode, path: string, mode: number, rdev: number): PathNode | NegativeErrno {
  const type = mode & S_IFMT;
  switch (type) {
    case 0: return createAt(ctx, start, path, S_IFREG | (mode & 0o7777));
    case S_IFREG: case S_IFIFO: case S_IFSOCK: return createAt(ctx, start, path, mode);
    case S_IFCHR: case S_IFBLK: return createAt(ctx, start, path, mode, { rdev });
    case S_IFDIR: return -Errno.EPERM;
    default: return -Errno.EINVAL;
  }
}

/** linkat(2); `flags` of AT_SYMLINK_FOLLOW. */
export function makeLink(vfs: Vfs, ctx: VfsContext, from: PathNode, fromPath: string, start: PathNode, path: string, flags: number): number {
  const target = vfs.lookup(ctx, from, fromPath, flags & AT_SYMLINK_FOLLOW ? Follow.YES : Follow.NO);
  return typeof target === 'number' ? target : linkNode(ctx, target, start, path);
}

/** fs.protected_hardlinks (proc(5)): others' files only when they could be opened for writing anyway. */
function mayLink(ctx: VfsContext, inode: Inode): boolean {
  if (isOwner(inode, ctx.creds)) return true;
  const isSetId = (inode.mode & S_ISUID) !== 0 || (inode.mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  return inode.isRegular && !isSetId && checkAccess(inode, ctx.creds, R_OK | W_OK) === 0;
}

/** Gives an object that is already found another name (AT_EMPTY_PATH, O_TMPFILE files). */
export function linkNode(ctx: VfsContext, target: PathNode, start: PathNode, path: string): number {
  const walk = walkToNewName(ctx, start, path);
  if (typeof walk === 'number') return walk;
  if (walk.trailingSlash) return -Errno.ENOENT;
  const { mount, dentry, lastName } = walk;
  const dir = dentry.inode!;
  if (mount !== target.mount) return -Errno.EXDEV;
  const readOnly = checkMountWritable(mount, dir.mode);
  if (readOnly < 0) return readOnly;
  if (!mayLink(ctx, target.inode)) return -Errno.EPERM;
  const denied = checkDirectoryWritable(dir, ctx.creds);
  if (denied < 0) return denied;
  if (target.inode.isDirectory) return -Errno.EPERM;
  const result = dir.link(lastName, target.inode, ctx);
  if (result < 0) return result;
  dentry.addChild(lastName, target.inode);
  notifyEntry(dir, IN_CREATE, lastName, false);
  target.inode.notify(IN_ATTRIB);
  return 0;
}
