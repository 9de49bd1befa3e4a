/** stat(2) statx(2) access(2) readlink(2) statfs(2). */
import {
  ALL_CAPABILITIES, AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW, Errno, MS_NOEXEC, Nr, W_OK,
  X_OK, isRegular, type Credentials,
} from '@troupe/abi';
import { Follow, checkAccess, checkMountWritable, type Mount, type PathNode } from '@troupe/vfs';
import { locate, locatePath, pathArg, startOf, type Located } from '../../file/path-args.js';
import { encodeStat, encodeStatFs, encodeStatx } from '../../file/stat-codec.js';
import { contextOf } from '../../ipc/caller.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, int, outBuf, path, size, uint, type SyscallRow } from '../row.js';

function giveStat(task: Task, node: PathNode, statAddr: number): number {
  task.mm.copyOut(statAddr, encodeStat(node.inode.stat(), task.creds.userNamespace));
  return 0;
}

function statPath(task: Task, pathAddr: number, statAddr: number, follow: number): number {
  const found = locatePath(task, AT_FDCWD, pathArg(task, pathAddr), follow);
  return typeof found === 'number' ? found : giveStat(task, found.node, statAddr);
}

function sysFstat(task: Task, fdNo: number, statAddr: number): number {
  const file = task.fds.get(fdNo);
  if (file === null) return -Errno.EBADF;
  task.mm.copyOut(statAddr, encodeStat(file.inode.stat(), task.creds.userNamespace));
  return 0;
}

function sysNewfstatat(task: Task, dirFd: number, pathAddr: number, statAddr: number, atFlags: number): number {
  if (atFlags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) return -Errno.EINVAL;
  const found = locate(task, dirFd, pathAddr, atFlags);
  return typeof found === 'number' ? found : giveStat(task, found.node, statAddr);
}

const STATX_RESERVED = 0x80000000;

function sysStatx(task: Task, dirFd: number, pathAddr: number, atFlags: number, mask: number, statAddr: number): number {
  if (atFlags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) return -Errno.EINVAL;
  if ((mask & STATX_RESERVED) !== 0 || (atFlags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return -Errno.EINVAL;
  const found = locate(task, dirFd, pathAddr, atFlags);
  if (typeof found === 'number') return found;
  const { mount, dentry } = found.node;
  task.mm.copyOut(statAddr, encodeStatx(found.node.inode.stat(), mount, dentry === mount.root, task.creds.userNamespace));
  return 0;
}

/** access(2) asks for the real ids; capabilities count only for a real root. */
function realCredentials(creds: Credentials): Credentials {
  if (creds.uid === creds.fsuid && creds.gid === creds.fsgid) return creds;
  return { ...creds, fsuid: creds.uid, fsgid: creds.gid, capEffective: creds.uid === creds.userNamespace.uidOutside(0) ? creds.capPermitted & ALL_CAPABILITIES : 0n };
}

function doAccess(task: Task, dirFd: number, pathAddr: number, mode: number, atFlags: number): number {
  if (mode & ~7) return -Errno.EINVAL;
  if (atFlags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -Errno.EINVAL;
  const creds = atFlags & AT_EACCESS ? task.creds : realCredentials(task.creds);
  const found = locateAs(task, creds, dirFd, pathAddr, atFlags);
  if (typeof found === 'number') return found;
  const { inode, mount } = found.node;
  if ((mode & X_OK) !== 0 && isRegular(inode.mode) && (mount.flags & MS_NOEXEC) !== 0) return -Errno.EACCES;
  const denied = checkAccess(inode, creds, mode);
  if (denied < 0) return denied;
  return mode & W_OK ? checkMountWritable(mount, inode.mode) : 0;
}

function locateAs(task: Task, creds: Credentials, dirFd: number, pathAddr: number, atFlags: number): Located | number {
  if (creds === task.creds) return locate(task, dirFd, pathAddr, atFlags);
  const name = pathArg(task, pathAddr);
  if (name === '' && (atFlags & AT_EMPTY_PATH) !== 0) return locate(task, dirFd, pathAddr, atFlags);
  const start = startOf(task, dirFd, name);
  if (typeof start === 'number') return start;
  const ctx = { ...contextOf(task), creds };
  const node = task.kernel.vfs.lookup(ctx, start, name, atFlags & AT_SYMLINK_NOFOLLOW ? Follow.NO : Follow.YES);
  return typeof node === 'number' ? node : { ctx, node, file: null };
}

function doReadlink(task: Task, dirFd: number, pathAddr: number, buffer: number, sizeBytes: number): number {
  if (sizeBytes <= 0) return -Errno.EINVAL;
  const found = locate(task, dirFd, pathAddr, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
  if (typeof found === 'number') return found;
  if (!found.node.inode.isSymlink) return found.file !== null ? -Errno.ENOENT : -Errno.EINVAL;
  const target = found.node.inode.readlink(found.ctx);
  if (typeof target === 'number') return target;
  const bytes = Buffer.from(target.slice(0, sizeBytes), 'latin1');
  task.mm.copyOut(buffer, bytes);
  return bytes.length;
}

function giveStatFs(task: Task, mount: Mount, statAddr: number): number {
  task.mm.copyOut(statAddr, encodeStatFs(mount.fs.statFs(), mount));
  return 0;
}

function sysStatfs(task: Task, pathAddr: number, statAddr: number): number {
  const found = locatePath(task, AT_FDCWD, pathArg(task, pathAddr), Follow.YES);
  return typeof found === 'number' ? found : giveStatFs(task, found.node.mount, statAddr);
}

function sysFstatfs(task: Task, fdNo: number, statAddr: number): number {
  const file = task.fds.get(fdNo);
  return file === null ? -Errno.EBADF : giveStatFs(task, file.node.mount, statAddr);
}

const USTAT_BYTES = 32;

/** ustat(2): free space of the file system with that device number. */
function sysUstat(task: Task, dev: number, at: number): number {
  const mount = task.namespaces.mount.list().find(({ fs }) => fs.dev === dev >>> 0);
  if (mount === undefined) return -Errno.EINVAL;
  const stat = mount.fs.statFs();
  const bytes = new Uint8Array(USTAT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, stat.blocksFree, true);
  view.setBigUint64(8, BigInt(stat.filesFree), true);
  task.mm.copyOut(at, bytes);
  return 0;
}

const AT_SYMBOLS = [['AT_SYMLINK_NOFOLLOW', AT_SYMLINK_NOFOLLOW], ['AT_NO_AUTOMOUNT', AT_NO_AUTOMOUNT], ['AT_EMPTY_PATH', AT_EMPTY_PATH]] as const;
const ACCESS_AT = [['AT_EACCESS', AT_EACCESS], ['AT_SYMLINK_NOFOLLOW', AT_SYMLINK_NOFOLLOW], ['AT_EMPTY_PATH', AT_EMPTY_PATH]] as const;
const ACCESS_MODES = [['F_OK', 0], ['R_OK', 4], ['W_OK', 2], ['X_OK', 1]] as const;
const file = { groups: ['%file'], support: 'full' } as const;
const STAT = outBuf('statbuf', 144);

export const rows: readonly SyscallRow[] = [
  { ...file, nr: Nr.stat, name: 'stat', args: [path(), STAT], man: 'stat(2)', handler: (task: Task, at: number, out: number) => statPath(task, at, out, Follow.YES) },
  { ...file, nr: Nr.lstat, name: 'lstat', args: [path(), STAT], man: 'stat(2)', handler: (task: Task, at: number, out: number) => statPath(task, at, out, Follow.NO) },
  { ...file, nr: Nr.fstat, name: 'fstat', args: [fd(), STAT], groups: ['%desc'], man: 'stat(2)', handler: sysFstat },
  { ...file, nr: Nr.newfstatat, name: 'newfstatat', args: [fd('dirfd'), path(), STAT, flags('flags', AT_SYMBOLS)], man: 'stat(2)', handler: sysNewfstatat },
  { ...file, nr: Nr.statx, name: 'statx', args: [fd('dirfd'), path(), flags('flags', AT_SYMBOLS), uint('mask'), outBuf('statxbuf', 256)], man: 'statx(2)', handler: sysStatx },
  { ...file, nr: Nr.access, name: 'access', args: [path(), flags('mode', ACCESS_MODES)], man: 'access(2)', handler: (task: Task, at: number, mode: number) => doAccess(task, AT_FDCWD, at, mode, 0) },
  { ...file, nr: Nr.faccessat, name: 'faccessat', args: [fd('dirfd'), path(), flags('mode', ACCESS_MODES)], man: 'access(2)', handler: (task: Task, dirFd: number, at: number, mode: number) => doAccess(task, dirFd, at, mode, 0) },
  { ...file, nr: Nr.faccessat2, name: 'faccessat2', args: [fd('dirfd'), path(), flags('mode', ACCESS_MODES), flags('flags', ACCESS_AT)], man: 'access(2)', handler: doAccess },
  { ...file, nr: Nr.readlink, name: 'readlink', args: [path(), outBuf('buf', 'return'), int('bufsiz')], man: 'readlink(2)', handler: (task: Task, at: number, out: number, bytes: number) => doReadlink(task, AT_FDCWD, at, out, bytes) },
  { ...file, nr: Nr.readlinkat, name: 'readlinkat', args: [fd('dirfd'), path(), outBuf('buf', 'return'), int('bufsiz')], man: 'readlink(2)', handler: doReadlink },
  { ...file, nr: Nr.statfs, name: 'statfs', args: [path(), outBuf('buf', 120)], man: 'statfs(2)', handler: sysStatfs },
  { ...file, nr: Nr.fstatfs, name: 'fstatfs', args: [fd(), outBuf('buf', 120)], groups: ['%desc'], man: 'statfs(2)', handler: sysFstatfs },
  { ...file, nr: Nr.ustat, name: 'ustat', args: [size('dev'), addr('ubuf')], man: 'ustat(2)', handler: sysUstat },
];
