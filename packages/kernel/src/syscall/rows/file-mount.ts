/** mount(2) umount2(2) pivot_root(2) sysfs(2). */
import {
  AT_FDCWD, Cap, Errno, MNT_DETACH, MNT_EXPIRE, MNT_FORCE, MS_BIND, MS_MOVE, MS_NOATIME, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC,
  MS_RELATIME, MS_REMOUNT, MS_SHARED, MS_SLAVE, MS_STRICTATIME, MS_UNBINDABLE, Nr, UMOUNT_NOFOLLOW, hasCap,
} from '@troupe/abi';
import { Follow, type Mount, type PathNode } from '@troupe/vfs';
import { locatePath, pathArg, type Located } from '../../file/path-args.js';
import type { Task } from '../../task/task.js';
import { addr, flags, int, path, str, type SyscallRow } from '../row.js';

const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
const TYPE_NAME_MAX = 4096;

function pathLocation(task: Task, at: number): Located | number {
  return locatePath(task, AT_FDCWD, pathArg(task, at), Follow.YES);
}

function sysMount(task: Task, sourceAddr: number, targetAddr: number, typeAddr: number, mountFlags: number, dataAddr: number): number {
  const at = pathLocation(task, targetAddr);
  if (typeof at === 'number') return at;
  if (!hasCap(task.creds, Cap.SYS_ADMIN)) return -Errno.EPERM;
  const { mounts } = task.kernel.vfs;
  const mountThere = mounts.mountAt(at.node);
  if (mountFlags & MS_REMOUNT) return remount(mountThere, mounts, mountFlags);
  if (mountFlags & PROPAGATION) return mountThere === null ? -Errno.EINVAL : 0;
  if (mountFlags & (MS_BIND | MS_MOVE)) return bindOrMove(task, sourceAddr, at.node, mountFlags);
  return mountNew(task, sourceAddr, typeAddr, at.node, mountFlags, dataAddr);
}

function remount(mount: Mount | null, mounts: Task['kernel']['vfs']['mounts'], mountFlags: number): number {
  if (mount === null) return -Errno.EINVAL;
  mounts.remount(mount, mountFlags);
  return 0;
}

function bindOrMove(task: Task, sourceAddr: number, at: PathNode, mountFlags: number): number {
  const from = pathLocation(task, sourceAddr);
  if (typeof from === 'number') return from;
  const { mounts } = task.kernel.vfs;
  if (mountFlags & MS_BIND) {
    const bound = mounts.bind(from.node, at, (mountFlags & MS_REC) !== 0);
    return typeof bound === 'number' ? bound : 0;
  }
  const mount = mounts.mountAt(from.node);
  return mount === null ? -Errno.EINVAL : mounts.move(mount, at);
}

function mountNew(task: Task, sourceAddr: number, typeAddr: number, at: PathNode, mountFlags: number, dataAddr: number): number {
  if (typeAddr === 0) return -Errno.EINVAL;
  const type = task.mm.copyInString(typeAddr, TYPE_NAME_MAX);
  const source = sourceAddr === 0 ? 'none' : pathArg(task, sourceAddr);
  const data = dataAddr === 0 ? '' : task.mm.copyInString(dataAddr, TYPE_NAME_MAX);
  const fs = task.kernel.vfs.newFileSystem(type, source, data);
  if (typeof fs === 'number') return fs;
  if (fs.root.isDirectory !== at.inode.isDirectory) return -Errno.ENOTDIR;
  const atime = mountFlags & (MS_NOATIME | MS_STRICTATIME) ? 0 : MS_RELATIME;
  task.kernel.vfs.mounts.mount(fs, at, mountFlags | atime, source);
  return 0;
}

function sysUmount2(task: Task, targetAddr: number, umountFlags: number): number {
  if (umountFlags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return -Errno.EINVAL;
  const at = locatePath(task, AT_FDCWD, pathArg(task, targetAddr), umountFlags & UMOUNT_NOFOLLOW ? Follow.NO : Follow.YES);
  if (typeof at === 'number') return at;
  if (!hasCap(task.creds, Cap.SYS_ADMIN)) return -Errno.EPERM;
  const { mounts } = task.kernel.vfs;
  const mount = mounts.mountAt(at.node);
  if (mount === null) return -Errno.EINVAL;
  if ((umountFlags & MNT_DETACH) === 0 && isInUse(task, mount)) return -Errno.EBUSY;
  return mounts.unmount(mount, (umountFlags & MNT_DETACH) !== 0);
}

/** Working directories, roots and open files keep a mount busy (umount(2) EBUSY). */
function isInUse(task: Task, mount: Mount): boolean {
  for (const other of task.kernel.tasks.all()) {
    if (!other.isAlive) continue;
    if (other.fs.cwd.mount === mount || other.fs.root.mount === mount) return true;
    for (const [, { file }] of other.fds.entries()) if (file.node.mount === mount) return true;
  }
  return false;
}

function sysPivotRoot(task: Task, newAddr: number, oldAddr: number): number {
  const newRoot = pathLocation(task, newAddr);
  if (typeof newRoot === 'number') return newRoot;
  const putOld = pathLocation(task, oldAddr);
  if (typeof putOld === 'number') return putOld;
  if (!hasCap(task.creds, Cap.SYS_ADMIN)) return -Errno.EPERM;
  const { mounts } = task.kernel.vfs;
  const before = mounts.root.rootNode;
  const result = mounts.pivot(newRoot.node, putOld.node);
  if (result < 0) return result;
  for (const { fs } of task.kernel.tasks.all()) {
    if (fs.root.equals(before)) fs.root = newRoot.node;
    if (fs.cwd.equals(before)) fs.cwd = newRoot.node;
  }
  return 0;
}

/** sysfs(2): index and names of the file system types. */
function sysSysfs(task: Task, option: number, arg1: number, arg2: number): number {
  const names = [...task.kernel.vfs.types.keys()];
  switch (option) {
    case 1: {
      const index = names.indexOf(task.mm.copyInString(arg1, TYPE_NAME_MAX));
      return index < 0 ? -Errno.EINVAL : index;
    }
    case 2: {
      const name = names[arg1];
      if (name === undefined) return -Errno.EINVAL;
      task.mm.copyOut(arg2, Buffer.from(`${name}\0`, 'latin1'));
      return 0;
    }
    case 3: return names.length;
    default: return -Errno.EINVAL;
  }
}

const MS_SYMBOLS = [['MS_RDONLY', MS_RDONLY], ['MS_NOSUID', MS_NOSUID], ['MS_NODEV', MS_NODEV], ['MS_NOEXEC', MS_NOEXEC], ['MS_REMOUNT', MS_REMOUNT], ['MS_BIND', MS_BIND], ['MS_MOVE', MS_MOVE], ['MS_REC', MS_REC], ['MS_PRIVATE', MS_PRIVATE], ['MS_SHARED', MS_SHARED], ['MS_SLAVE', MS_SLAVE], ['MS_UNBINDABLE', MS_UNBINDABLE]] as const;
const MNT_SYMBOLS = [['MNT_FORCE', MNT_FORCE], ['MNT_DETACH', MNT_DETACH], ['MNT_EXPIRE', MNT_EXPIRE], ['UMOUNT_NOFOLLOW', UMOUNT_NOFOLLOW]] as const;
const file = { groups: ['%file'] } as const;

export const rows: readonly SyscallRow[] = [
  { ...file, support: { partial: 'no propagation between mounts' }, nr: Nr.mount, name: 'mount', args: [str('source'), path('target'), str('filesystemtype'), flags('mountflags', MS_SYMBOLS), addr('data')], man: 'mount(2)', handler: sysMount },
  { ...file, support: { partial: 'MNT_EXPIRE unmounts at once' }, nr: Nr.umount2, name: 'umount2', args: [path('target'), flags('flags', MNT_SYMBOLS)], man: 'umount(2)', handler: sysUmount2 },
  { ...file, support: 'full', nr: Nr.pivot_root, name: 'pivot_root', args: [path('new_root'), path('put_old')], man: 'pivot_root(2)', handler: sysPivotRoot },
  { ...file, support: 'full', nr: Nr.sysfs, name: 'sysfs', args: [int('option'), addr('arg1'), addr('arg2')], man: 'sysfs(2)', handler: sysSysfs },
];
