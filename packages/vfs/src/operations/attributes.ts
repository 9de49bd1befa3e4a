/** chmod(2), chown(2), utimensat(2), truncate(2), xattr(7) on objects that are already found. */
import {
  Cap, Errno, IN_ATTRIB, IN_MODIFY, S_IFMT, S_IFDIR, S_IFREG, S_ISGID, W_OK, XATTR_NAME_MAX, XATTR_SIZE_MAX, hasCap, hasCapOver, isDirectory, isRegular,
} from '@troupe/abi';
import { checkAccess, checkMountWritable, inGroup, isOwner, withoutSetId } from '../access.js';
import type { Inode } from '../inode.js';
import type { PathNode } from '../mount.js';
import { notifyNode } from '../notify.js';
import type { AttrChange, NegativeErrno, VfsContext } from '../types.js';
import type { Vfs } from '../vfs.js';

function apply(ctx: VfsContext, node: PathNode, change: AttrChange): number {
  const result = node.inode.setAttr(change, ctx);
  if (result === 0) notifyNode(node, IN_ATTRIB);
  return result;
}

export function changeMode(ctx: VfsContext, node: PathNode, mode: number): number {
  const { inode } = node;
  const readOnly = checkMountWritable(node.mount, S_IFREG);
  if (readOnly < 0) return readOnly;
  if (inode.isSymlink) return -Errno.EOPNOTSUPP;
  if (!isOwner(inode, ctx.creds)) return -Errno.EPERM;
  let bits = mode & 0o7777;
  if ((bits & S_ISGID) && !inode.isDirectory && !inGroup(ctx.creds, inode.gid) && !hasCapOver(ctx.creds, inode, Cap.FSETID)) bits &= ~S_ISGID;
  return apply(ctx, node, { mode: bits });
}

/** chown(2); 0xffffffff keeps an id. */
export function changeOwner(ctx: VfsContext, node: PathNode, uid: number, gid: number): number {
  const { inode } = node;
  const { creds } = ctx;
  const KEEP = 0xffffffff;
  const readOnly = checkMountWritable(node.mount, S_IFREG);
  if (readOnly < 0) return readOnly;
  const mayChown = hasCapOver(creds, inode, Cap.CHOWN);
  if (uid !== KEEP && !mayChown && !(creds.fsuid === inode.uid && uid === inode.uid)) return -Errno.EPERM;
  if (gid !== KEEP && !mayChown && !(creds.fsuid === inode.uid && (gid === inode.gid || inGroup(creds, gid)))) return -Errno.EPERM;
  const mode = inode.isDirectory ? inode.mode : withoutSetId(inode.mode);
  return apply(ctx, node, {
    ...(uid === KEEP ? {} : { uid }),
    ...(gid === KEEP ? {} : { gid }),
    ...(mode === inode.mode ? {} : { mode: mode & 0o7777 }),
  });
}

/** One time stamp of utimensat(2): a time, now, or keep. */
export type TimeStamp = bigint | 'now' | 'omit';

export function changeTimes(ctx: VfsContext, node: PathNode, atime: TimeStamp, mtime: TimeStamp): number {
  const { inode } = node;
  const readOnly = checkMountWritable(node.mount, S_IFREG);
  if (readOnly < 0) return readOnly;
  if (atime === 'omit' && mtime === 'omit') return 0;
  if (!isOwner(inode, ctx.creds)) {
    if (atime !== 'now' || mtime !== 'now') return -Errno.EPERM;
    const denied = checkAccess(inode, ctx.creds, W_OK);
    if (denied < 0) return denied;
  }
  const nowNs = ctx.realtimeNs();
  return apply(ctx, node, {
    ...(atime === 'omit' ? {} : { atimeNs: atime === 'now' ? nowNs : atime }),
    ...(mtime === 'omit' ? {} : { mtimeNs: mtime === 'now' ? nowNs : mtime }),
  });
}

/** truncate(2). */
export function truncateNode(vfs: Vfs, ctx: VfsContext, node: PathNode, sizeBytes: number): number {
  const { inode } = node;
  if (isDirectory(inode.mode)) return -Errno.EISDIR;
  if (!isRegular(inode.mode)) return -Errno.EINVAL;
  const denied = checkMountWritable(node.mount, inode.mode) || checkAccess(inode, ctx.creds, W_OK);
  if (denied < 0) return denied;
  if (vfs.isExecuting?.(inode) === true) return -Errno.ETXTBSY;
  const opened = inode.onOpen(1);
  if (opened < 0) return opened;
  const result = resize(ctx, inode, sizeBytes);
  inode.onRelease(1);
  if (result === 0) notifyNode(node, IN_MODIFY);
  return result;
}

/** ftruncate(2) after the descriptor was checked: size limit, then the inode. */
export function resize(ctx: VfsContext, inode: Inode, sizeBytes: number): number {
  if (sizeBytes < 0) return -Errno.EINVAL;
  if (sizeBytes > (ctx.maxFileBytes ?? Infinity) || sizeBytes > Number.MAX_SAFE_INTEGER) return -Errno.EFBIG;
  return inode.truncate(sizeBytes);
}

// Extended attributes -----------------------------------------------------------------------------

/** Name space rules of xattr(7); `write` for set and remove. */
function checkXattr(ctx: VfsContext, node: PathNode, name: string, write: boolean): number {
  if (name === '' || name.length > XATTR_NAME_MAX) return -Errno.ERANGE;
  const { inode, mount } = node;
  if (write) {
    const readOnly = checkMountWritable(mount, S_IFREG);
    if (readOnly < 0) return readOnly;
  }
  if (name.startsWith('user.')) {
    const type = inode.mode & S_IFMT;
    if (type !== S_IFREG && type !== S_IFDIR) return write ? -Errno.EPERM : -Errno.ENODATA;
    return checkAccess(inode, ctx.creds, write ? 2 : 4);
  }
  if (name.startsWith('trusted.')) return hasCap(ctx.creds, Cap.SYS_ADMIN) ? 0 : write ? -Errno.EPERM : -Errno.ENODATA;
  if (name.startsWith('security.')) return write && !hasCap(ctx.creds, Cap.SYS_ADMIN) ? -Errno.EPERM : 0;
  return -Errno.EOPNOTSUPP;
}

export function getXattr(ctx: VfsContext, node: PathNode, name: string): Uint8Array | NegativeErrno {
  const refused = checkXattr(ctx, node, name, false);
  return refused < 0 ? refused : node.inode.getXattr(name);
}

export function setXattr(ctx: VfsContext, node: PathNode, name: string, value: Uint8Array, flags: number): number {
  if (flags & ~3) return -Errno.EINVAL;
  if (value.length > XATTR_SIZE_MAX) return -Errno.E2BIG;
  const refused = checkXattr(ctx, node, name, true);
  if (refused < 0) return refused;
  const result = node.inode.setXattr(name, value, flags, ctx);
  if (result === 0) notifyNode(node, IN_ATTRIB);
  return result;
}

export function removeXattr(ctx: VfsContext, node: PathNode, name: string): number {
  const refused = checkXattr(ctx, node, name, true);
  if (refused < 0) return refused;
  const result = node.inode.removeXattr(name, ctx);
  if (result === 0) notifyNode(node, IN_ATTRIB);
  return result;
}

/** Names the caller may see: trusted.* only with CAP_SYS_ADMIN. */
export function listXattr(ctx: VfsContext, node: PathNode): readonly string[] | NegativeErrno {
  const names = node.inode.listXattr();
  if (typeof names === 'number' || hasCap(ctx.creds, Cap.SYS_ADMIN)) return names;
  return names.filter((name) => !name.startsWith('trusted.'));
}
