/** From path and descriptor arguments of system calls to places in the tree. */
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, Errno, PATH_MAX } from '@troupe/abi';
import { Follow, type FileDescription, type PathNode, type VfsContext } from '@troupe/vfs';
import { contextOf } from '../ipc/caller.js';
import type { Task } from '../task/task.js';

/** The path string at a guest address; throws EFAULT or ENAMETOOLONG. */
export function pathArg(task: Task, addr: number): string {
  return task.mm.copyInString(addr, PATH_MAX);
}

/** Where a path starts: the directory of `dirFd` (openat(2)); absolute paths ignore it. */
export function startOf(task: Task, dirFd: number, path: string): PathNode | number {
  if (dirFd === AT_FDCWD || path.charCodeAt(0) === 47) return task.fs.cwd;
  const file = task.fds.get(dirFd);
  return file === null ? -Errno.EBADF : file.node;
}

/** A place and who asks. */
export interface Located {
  readonly ctx: VfsContext;
  readonly node: PathNode;
  /** The descriptor the call named, when AT_EMPTY_PATH made it mean the file itself. */
  readonly file: FileDescription | null;
}

/** The object of the *at(2) calls: AT_EMPTY_PATH with "" is the descriptor itself; AT_SYMLINK_NOFOLLOW keeps a link. */
export function locate(task: Task, dirFd: number, pathAddr: number, flags: number): Located | number {
  const path = pathAddr === 0 && (flags & AT_EMPTY_PATH) !== 0 ? '' : pathArg(task, pathAddr);
  if (path === '' && (flags & AT_EMPTY_PATH) !== 0) return locateDescriptor(task, dirFd);
  return locatePath(task, dirFd, path, flags & AT_SYMLINK_NOFOLLOW ? Follow.NO : Follow.YES);
}

function locateDescriptor(task: Task, fd: number): Located | number {
  if (fd === AT_FDCWD) return { ctx: contextOf(task), node: task.fs.cwd, file: null };
  const file = task.fds.get(fd);
  return file === null ? -Errno.EBADF : { ctx: contextOf(task), node: file.node, file };
}

export function locatePath(task: Task, dirFd: number, path: string, follow: number): Located | number {
  const start = startOf(task, dirFd, path);
  if (typeof start === 'number') return start;
  const ctx = contextOf(task);
  const node = task.kernel.vfs.lookup(ctx, start, path, follow);
  return typeof node === 'number' ? node : { ctx, node, file: null };
}

/** The node of an open descriptor that is not O_PATH, for the f…(2) calls. */
export function locateOpen(task: Task, fd: number): Located | number {
  const file = task.fds.getOpen(fd);
  return file === null ? -Errno.EBADF : { ctx: contextOf(task), node: file.node, file };
}

/** A directory to make or remove a name in, and the name's path. */
export interface Target {
  readonly ctx: VfsContext;
  readonly start: PathNode;
  readonly path: string;
}

export function targetOf(task: Task, dirFd: number, pathAddr: number): Target | number {
  const path = pathArg(task, pathAddr);
  const start = startOf(task, dirFd, path);
  return typeof start === 'number' ? start : { ctx: contextOf(task), start, path };
}
