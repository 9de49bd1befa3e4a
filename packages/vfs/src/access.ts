/** Permission checks (path_resolution(7), capabilities(7)). */
import {
  Cap, type Credentials, Errno, MS_RDONLY, R_OK, S_ISGID, S_ISVTX, S_IXGRP, S_IXUGO, W_OK, X_OK, hasCapOver, isDirectory, isDevice, isRegular,
} from '@troupe/abi';
import type { Inode } from './inode.js';
import type { Mount } from './mount.js';

export function inGroup(creds: Credentials, gid: number): boolean {
  return creds.fsgid === gid || creds.groups.includes(gid);
}

/** 0, or -EACCES. `mask` is made of R_OK, W_OK, X_OK. The mode bits decide first: capabilities are the rare case. */
export function checkAccess(inode: Inode, creds: Credentials, mask: number): number {
  const { mode } = inode;
  const bits = inode.uid === creds.fsuid ? mode >> 6 : inGroup(creds, inode.gid) ? mode >> 3 : mode;
  if ((bits & mask) === mask) return 0;
  return capabilityAllows(inode, creds, mask) ? 0 : -Errno.EACCES;
}

function capabilityAllows(inode: Inode, creds: Credentials, mask: number): boolean {
  const { mode } = inode;
  if (hasCapOver(creds, inode, Cap.DAC_OVERRIDE) && ((mask & X_OK) === 0 || isDirectory(mode) || (mode & S_IXUGO) !== 0)) return true;
  const readOnly = (mask & W_OK) === 0 && (isDirectory(mode) || (mask & X_OK) === 0);
  return readOnly && hasCapOver(creds, inode, Cap.DAC_READ_SEARCH);
}

/** Writing through a mount: EROFS for file data and directories of a read-only mount (devices are exempt). */
export function checkMountWritable(mount: Mount, mode: number): number {
  if ((mount.flags & MS_RDONLY) === 0) return 0;
  return isRegular(mode) || isDirectory(mode) || !isDevice(mode) ? -Errno.EROFS : 0;
}

/** May a name be added to or removed from the directory? */
export function checkDirectoryWritable(dir: Inode, creds: Credentials): number {
  return checkAccess(dir, creds, W_OK | X_OK);
}

export function isOwner(inode: Inode, creds: Credentials): boolean {
  return creds.fsuid === inode.uid || hasCapOver(creds, inode, Cap.FOWNER);
}

/** unlink, rmdir and rename of an existing name: write permission and the sticky bit (unlink(2) EPERM). */
export function checkDelete(dir: Inode, child: Inode, creds: Credentials): number {
  const result = checkDirectoryWritable(dir, creds);
  if (result !== 0) return result;
  if ((dir.mode & S_ISVTX) === 0) return 0;
  if (creds.fsuid === child.uid || creds.fsuid === dir.uid || hasCapOver(creds, child, Cap.FOWNER)) return 0;
  return -Errno.EPERM;
}

/** R_OK/W_OK that an open access mode asks for. */
export function accessOfFlags(accessMode: number): number {
  return accessMode === 0 ? R_OK : accessMode === 1 ? W_OK : R_OK | W_OK;
}

/** Mode bits a write or chown of a non-owner clears (inode(7): set-user-ID, set-group-ID). */
export function withoutSetId(mode: number): number {
  const clearGroup = (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  return mode & ~0o4000 & ~(clearGroup ? S_ISGID : 0);
}
