/** unlink(2) rename(2) link(2) symlink(2) mknod(2). */
import { AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, Cap, Errno, Nr, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, hasCap } from '@troupe/abi';
import { linkNode, makeLink, makeNode, makeSymlink, removeDirectory, renamePath, unlinkPath } from '@troupe/vfs';
import { pathArg, targetOf } from '../../file/path-args.js';
import type { Task } from '../../task/task.js';
import { fd, flags, mode, path, uint, type SyscallRow } from '../row.js';

function doUnlink(task: Task, dirFd: number, pathAddr: number, atFlags: number): number {
  if (atFlags & ~AT_REMOVEDIR) return -Errno.EINVAL;
  const target = targetOf(task, dirFd, pathAddr);
  if (typeof target === 'number') return target;
  const remove = atFlags & AT_REMOVEDIR ? removeDirectory : unlinkPath;
  return remove(target.ctx, target.start, target.path);
}

function doRename(task: Task, fromFd: number, fromAddr: number, toFd: number, toAddr: number, renameFlags: number): number {
  const from = targetOf(task, fromFd, fromAddr);
  if (typeof from === 'number') return from;
  const to = targetOf(task, toFd, toAddr);
  return typeof to === 'number' ? to : renamePath(from.ctx, from.start, from.path, to.start, to.path, renameFlags);
}

function doLink(task: Task, fromFd: number, fromAddr: number, toFd: number, toAddr: number, atFlags: number): number {
  if (atFlags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -Errno.EINVAL;
  const to = targetOf(task, toFd, toAddr);
  if (typeof to === 'number') return to;
  if ((atFlags & AT_EMPTY_PATH) !== 0 && pathArg(task, fromAddr) === '') {
    const file = task.fds.get(fromFd);
    if (file === null) return -Errno.EBADF;
    return hasCap(task.creds, Cap.DAC_READ_SEARCH) ? linkNode(to.ctx, file.node, to.start, to.path) : -Errno.ENOENT;
  }
  const from = targetOf(task, fromFd, fromAddr);
  return typeof from === 'number' ? from : makeLink(task.kernel.vfs, to.ctx, from.start, from.path, to.start, to.path, atFlags);
}

function doSymlink(task: Task, contentAddr: number, dirFd: number, pathAddr: number): number {
  const content = pathArg(task, contentAddr);
  const target = targetOf(task, dirFd, pathAddr);
  return typeof target === 'number' ? target : makeSymlink(target.ctx, target.start, target.path, content);
}

function doMknod(task: Task, dirFd: number, pathAddr: number, bits: number, dev: number): number {
  const target = targetOf(task, dirFd, pathAddr);
  return typeof target === 'number' ? target : makeNode(target.ctx, target.start, target.path, bits, dev >>> 0);
}

const RENAME = [['RENAME_NOREPLACE', RENAME_NOREPLACE], ['RENAME_EXCHANGE', RENAME_EXCHANGE], ['RENAME_WHITEOUT', RENAME_WHITEOUT]] as const;
const LINK = [['AT_SYMLINK_FOLLOW', AT_SYMLINK_FOLLOW], ['AT_EMPTY_PATH', AT_EMPTY_PATH]] as const;
const file = { groups: ['%file'], support: 'full' } as const;

export const rows: readonly SyscallRow[] = [
  { ...file, nr: Nr.unlink, name: 'unlink', args: [path()], man: 'unlink(2)', handler: (task: Task, at: number) => doUnlink(task, AT_FDCWD, at, 0) },
  { ...file, nr: Nr.unlinkat, name: 'unlinkat', args: [fd('dirfd'), path(), flags('flags', [['AT_REMOVEDIR', AT_REMOVEDIR]])], man: 'unlink(2)', handler: doUnlink },
  { ...file, nr: Nr.rename, name: 'rename', args: [path('oldpath'), path('newpath')], man: 'rename(2)', handler: (task: Task, from: number, to: number) => doRename(task, AT_FDCWD, from, AT_FDCWD, to, 0) },
  { ...file, nr: Nr.renameat, name: 'renameat', args: [fd('olddirfd'), path('oldpath'), fd('newdirfd'), path('newpath')], man: 'rename(2)', handler: (task: Task, fromFd: number, from: number, toFd: number, to: number) => doRename(task, fromFd, from, toFd, to, 0) },
  { ...file, nr: Nr.renameat2, name: 'renameat2', args: [fd('olddirfd'), path('oldpath'), fd('newdirfd'), path('newpath'), flags('flags', RENAME)], man: 'rename(2)', handler: doRename },
  { ...file, nr: Nr.link, name: 'link', args: [path('oldpath'), path('newpath')], man: 'link(2)', handler: (task: Task, from: number, to: number) => doLink(task, AT_FDCWD, from, AT_FDCWD, to, 0) },
  { ...file, nr: Nr.linkat, name: 'linkat', args: [fd('olddirfd'), path('oldpath'), fd('newdirfd'), path('newpath'), flags('flags', LINK)], man: 'link(2)', handler: doLink },
  { ...file, nr: Nr.symlink, name: 'symlink', args: [path('target'), path('linkpath')], man: 'symlink(2)', handler: (task: Task, content: number, at: number) => doSymlink(task, content, AT_FDCWD, at) },
  { ...file, nr: Nr.symlinkat, name: 'symlinkat', args: [path('target'), fd('newdirfd'), path('linkpath')], man: 'symlink(2)', handler: doSymlink },
  { ...file, nr: Nr.mknod, name: 'mknod', args: [path(), mode(), uint('dev')], man: 'mknod(2)', handler: (task: Task, at: number, bits: number, dev: number) => doMknod(task, AT_FDCWD, at, bits, dev) },
  { ...file, nr: Nr.mknodat, name: 'mknodat', args: [fd('dirfd'), path(), mode(), uint('dev')], man: 'mknod(2)', handler: doMknod },
];
