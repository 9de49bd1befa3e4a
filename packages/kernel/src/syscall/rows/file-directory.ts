/** getdents(2) getcwd(2) chdir(2) chroot(2) umask(2) mkdir(2) rmdir(2). */
import { AT_FDCWD, Cap, Errno, Nr, X_OK, hasOwnCap } from '@troupe/abi';
import { Follow, checkAccess, makeDirectory, pathFrom, removeDirectory, type PathNode, type VfsContext } from '@troupe/vfs';
import { askToRead, dropQuestion } from '../../fanotify/permission.js';
import { DirentWriter } from '../../file/dirent-writer.js';
import { locatePath, pathArg, targetOf } from '../../file/path-args.js';
import { contextOf } from '../../ipc/caller.js';
import type { Task } from '../../task/task.js';
import { fd, mode, outBuf, path, size, uint, type SyscallResult, type SyscallRow } from '../row.js';

const MAX_DIRENT_BYTES = 1 << 18;

function doGetdents(task: Task, fdNo: number, buffer: number, sizeBytes: number, old: boolean): SyscallResult {
  const file = task.fds.getOpen(fdNo);
  if (file === null) return -Errno.EBADF;
  const asked = askToRead(task, file);
  if (asked !== 0) return asked;
  const writer = new DirentWriter(Math.min(sizeBytes, MAX_DIRENT_BYTES), old);
  const before = file.offBytes;
  const result = file.readDirectory(contextOf(task), (entry, nextOff) => writer.add(entry, nextOff));
  if (result < 0) return result;
  if (writer.length === 0) return writer.isFull ? -Errno.EINVAL : 0;
  if (task.mm.copyOutPartial(buffer, writer.bytes) === writer.length) return writer.length;
  file.offBytes = before;
  return -Errno.EFAULT;
}

function sysGetcwd(task: Task, buffer: number, sizeBytes: number): number {
  const { cwd, root } = task.fs;
  if (cwd.dentry.deleted) return -Errno.ENOENT;
  const { path: name, reachable } = pathFrom(cwd, root);
  const bytes = Buffer.from(`${reachable ? '' : '(unreachable)'}${name}\0`, 'latin1');
  if (bytes.length > sizeBytes) return -Errno.ERANGE;
  task.mm.copyOut(buffer, bytes);
  return bytes.length;
}

/** A directory one may enter. */
function checkEnter(ctx: VfsContext, node: PathNode): number {
  return node.inode.isDirectory ? checkAccess(node.inode, ctx.creds, X_OK) : -Errno.ENOTDIR;
}

function sysChdir(task: Task, pathAddr: number): number {
  const found = locatePath(task, AT_FDCWD, pathArg(task, pathAddr), Follow.YES);
  if (typeof found === 'number') return found;
  const refused = checkEnter(found.ctx, found.node);
  if (refused < 0) return refused;
  task.fs.cwd = found.node;
  return 0;
}

function sysFchdir(task: Task, fdNo: number): number {
  const file = task.fds.get(fdNo);
  if (file === null) return -Errno.EBADF;
  const refused = checkEnter(contextOf(task), file.node);
  if (refused < 0) return refused;
  task.fs.cwd = file.node;
  return 0;
}

function sysChroot(task: Task, pathAddr: number): number {
  const found = locatePath(task, AT_FDCWD, pathArg(task, pathAddr), Follow.YES);
  if (typeof found === 'number') return found;
  const refused = checkEnter(found.ctx, found.node);
  if (refused < 0) return refused;
  if (!hasOwnCap(task.creds, Cap.SYS_CHROOT)) return -Errno.EPERM;
  task.fs.root = found.node;
  return 0;
}

function sysUmask(task: Task, mask: number): number {
  const old = task.fs.umask;
  task.fs.umask = mask & 0o777;
  return old;
}

function doMkdir(task: Task, dirFd: number, pathAddr: number, bits: number): number {
  const target = targetOf(task, dirFd, pathAddr);
  return typeof target === 'number' ? target : makeDirectory(target.ctx, target.start, target.path, bits);
}

function sysRmdir(task: Task, pathAddr: number): number {
  const target = targetOf(task, AT_FDCWD, pathAddr);
  return typeof target === 'number' ? target : removeDirectory(target.ctx, target.start, target.path);
}

const file = { groups: ['%file'], support: 'full' } as const;
const dents = { groups: ['%desc'], support: 'full', interrupted: dropQuestion } as const;

export const rows: readonly SyscallRow[] = [
  { ...dents, nr: Nr.getdents, name: 'getdents', args: [fd(), outBuf('dirp', 'return'), uint('count')], man: 'getdents(2)', handler: (task: Task, fdNo: number, at: number, bytes: number) => doGetdents(task, fdNo, at, bytes, true) },
  { ...dents, nr: Nr.getdents64, name: 'getdents64', args: [fd(), outBuf('dirp', 'return'), uint('count')], man: 'getdents(2)', handler: (task: Task, fdNo: number, at: number, bytes: number) => doGetdents(task, fdNo, at, bytes, false) },
  { ...file, nr: Nr.getcwd, name: 'getcwd', args: [outBuf('buf', 'return'), size('size')], man: 'getcwd(2)', handler: sysGetcwd },
  { ...file, nr: Nr.chdir, name: 'chdir', args: [path()], man: 'chdir(2)', handler: sysChdir },
  { ...file, nr: Nr.fchdir, name: 'fchdir', args: [fd()], groups: ['%desc'], man: 'chdir(2)', handler: sysFchdir },
  { ...file, nr: Nr.chroot, name: 'chroot', args: [path()], man: 'chroot(2)', handler: sysChroot },
  { ...file, nr: Nr.umask, name: 'umask', args: [mode('mask')], man: 'umask(2)', handler: sysUmask },
  { ...file, nr: Nr.mkdir, name: 'mkdir', args: [path(), mode()], man: 'mkdir(2)', handler: (task: Task, at: number, bits: number) => doMkdir(task, AT_FDCWD, at, bits) },
  { ...file, nr: Nr.mkdirat, name: 'mkdirat', args: [fd('dirfd'), path(), mode()], man: 'mkdir(2)', handler: doMkdir },
  { ...file, nr: Nr.rmdir, name: 'rmdir', args: [path()], man: 'rmdir(2)', handler: sysRmdir },
];
