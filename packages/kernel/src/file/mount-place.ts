/** What the mount calls have in common: who may mount, and where (mount(2), mount_namespaces(7)). */
import { Cap, Errno, MS_NOATIME, MS_NODIRATIME, MS_RELATIME, MS_STRICTATIME, hasCap, hasOwnCap, hasCapIn } from '@troupe/abi';
import type { FileSystem, Mount, PathNode } from '@troupe/vfs';
import { contextOf } from '../ipc/caller.js';
import type { Task } from '../task/task.js';

/** CAP_SYS_ADMIN over the mount namespace. */
export function mayMount(task: Task): boolean {
  return hasCapIn(task.creds, task.namespaces.mount.userNamespace, Cap.SYS_ADMIN);
}

/** File system types that any owner of a mount namespace may mount; the others need the privileges of the system (user_namespaces(7)). */
const FREE_TYPES: readonly string[] = ['cgroup', 'cgroup2', 'devpts', 'mqueue', 'overlay', 'proc', 'ramfs', 'sysfs', 'tmpfs'];

/** A new instance of a file system, or -errno. */
export function newFileSystem(task: Task, type: string, source: string, data: string): FileSystem | number {
  const { vfs } = task.kernel;
  if (!vfs.types.has(type)) return -Errno.ENODEV;
  if (!hasCap(task.creds, Cap.SYS_ADMIN) && !(FREE_TYPES.includes(type) && hasOwnCap(task.creds, Cap.SYS_ADMIN))) return -Errno.EPERM;
  return vfs.newFileSystem(type, source, data, contextOf(task));
}

/** Hangs a file system in at a place of the caller's namespace. */
export function mountThere(task: Task, fs: FileSystem, at: PathNode, mountFlags: number, source: string): number {
  const { mount } = task.namespaces;
  if (!mount.has(at.mount)) return -Errno.EINVAL;
  if (fs.root.isDirectory !== at.inode.isDirectory) return -Errno.ENOTDIR;
  mount.mount(fs, at, mountFlags | (mountFlags & (MS_NOATIME | MS_STRICTATIME) ? 0 : MS_RELATIME), source);
  return 0;
}

/** Working directories, roots and open files keep a mount busy (umount(2) EBUSY). */
export function isInUse(task: Task, mount: Mount): boolean {
  for (const other of task.kernel.tasks.all()) {
    if (!other.isAlive) continue;
    if (other.fs.cwd.mount === mount || other.fs.root.mount === mount) return true;
    for (const [, { file }] of other.fds.entries()) if (file.node.mount === mount) return true;
  }
  return false;
}

/** Access time flags stay as they are when a remount names none. */
export function remountFlags(mount: Mount, wanted: number): number {
  const atime = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;
  return (wanted & atime) === 0 ? wanted | (mount.flags & atime) : wanted;
}
