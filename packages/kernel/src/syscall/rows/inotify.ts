/** inotify(7) calls. */
import { Errno, Nr, O_CLOEXEC, O_NONBLOCK, PATH_MAX, R_OK } from '@troupe/abi';
import { Follow, IN_ALL_EVENTS, IN_DONT_FOLLOW, IN_MASK_ADD, IN_MASK_CREATE, IN_ONLYDIR, Inotify, checkAccess } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { contextOf } from '../../ipc/caller.js';
import type { Task } from '../../task/task.js';
import { fd, flags, int, path, uint, type SyscallRow } from '../row.js';

const SYMBOLS = [['IN_CLOEXEC', O_CLOEXEC], ['IN_NONBLOCK', O_NONBLOCK]] as const;

function sysInotifyInit1(task: Task, createFlags: number): number {
  if ((createFlags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -Errno.EINVAL;
  return installFile(task, new Inotify(createFlags & O_NONBLOCK), (createFlags & O_CLOEXEC) !== 0);
}

function inotifyOf(task: Task, fdNo: number): Inotify | number {
  const file = task.fds.getOpen(fdNo);
  if (!file) return -Errno.EBADF;
  return file instanceof Inotify ? file : -Errno.EINVAL;
}

function sysInotifyAddWatch(task: Task, fdNo: number, pathAt: number, mask: number): number {
  if ((mask & IN_ALL_EVENTS) === 0 || ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0)) return -Errno.EINVAL;
  const inotify = inotifyOf(task, fdNo);
  if (typeof inotify === 'number') return inotify;
  const ctx = contextOf(task);
  const name = task.mm.copyInString(pathAt, PATH_MAX);
  const node = task.kernel.vfs.lookup(ctx, ctx.cwd, name, (mask & IN_DONT_FOLLOW) !== 0 ? Follow.NO : Follow.YES);
  if (typeof node === 'number') return node;
  if ((mask & IN_ONLYDIR) !== 0 && !node.inode.isDirectory) return -Errno.ENOTDIR;
  const denied = checkAccess(node.inode, ctx.creds, R_OK);
  return denied < 0 ? denied : inotify.addWatch(node.inode, mask);
}

function sysInotifyRmWatch(task: Task, fdNo: number, wd: number): number {
  const inotify = inotifyOf(task, fdNo);
  return typeof inotify === 'number' ? inotify : inotify.removeWatch(wd);
}

export const rows: readonly SyscallRow[] = [
  { nr: Nr.inotify_init, name: 'inotify_init', args: [], groups: ['%desc'], support: 'full', man: 'inotify_init(2)', handler: (task: Task) => sysInotifyInit1(task, 0) },
  { nr: Nr.inotify_init1, name: 'inotify_init1', args: [flags('flags', SYMBOLS)], groups: ['%desc'], support: 'full', man: 'inotify_init(2)', handler: sysInotifyInit1 },
  { nr: Nr.inotify_add_watch, name: 'inotify_add_watch', args: [fd(), path(), uint('mask')], groups: ['%desc', '%file'], support: 'full', man: 'inotify_add_watch(2)', handler: sysInotifyAddWatch },
  { nr: Nr.inotify_rm_watch, name: 'inotify_rm_watch', args: [fd(), int('wd')], groups: ['%desc'], support: 'full', man: 'inotify_rm_watch(2)', handler: sysInotifyRmWatch },
];
