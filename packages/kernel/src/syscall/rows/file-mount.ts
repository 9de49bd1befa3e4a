/** mount(2) umount2(2) pivot_root(2) sysfs(2). */
import {
  AT_FDCWD, Errno, MNT_DETACH, MNT_EXPIRE, MNT_FORCE, MS_BIND, MS_MOVE, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT, MS_SHARED,
  MS_MGC_MSK, MS_MGC_VAL, MS_SILENT, MS_SLAVE, MS_UNBINDABLE, Nr, UMOUNT_NOFOLLOW,
} from '@troupe/abi';
import { Follow, type Mount, type PathNode, type Propagation } from '@troupe/vfs';
import { isInUse, mayMount, mountThere, newFileSystem, remountFlags } from '../../file/mount-place.js';
import { locatePath, pathArg, type Located } from '../../file/path-args.js';
import { isNamespaceNode } from '../../namespace/namespace-file.js';
import type { Task } from '../../task/task.js';
import { addr, flags, int, path, str, type SyscallRow } from '../row.js';

const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
const TYPE_NAME_MAX = 4096;

function pathLocation(task: Task, at: number): Located | number {
  return locatePath(task, AT_FDCWD, pathArg(task, at), Follow.YES);
}

const PROPAGATIONS: readonly (readonly [flag: number, type: Propagation])[] = [[MS_SHARED, 'shared'], [MS_PRIVATE, 'private'], [MS_SLAVE, 'slave'], [MS_UNBINDABLE, 'unbindable']];

function sysMount(task: Task, sourceAddr: number, targetAddr: number, typeAddr: number, rawFlags: number, dataAddr: number): number {
  const mountFlags = (rawFlags & MS_MGC_MSK) >>> 0 === MS_MGC_VAL ? rawFlags & ~MS_MGC_MSK : rawFlags;
  const at = pathLocation(task, targetAddr);
  if (typeof at === 'number') return at;
  if (!mayMount(task)) return -Errno.EPERM;
  const { mount: mounts } = task.namespaces;
  const present = mounts.mountAt(at.node);
  if (mountFlags & MS_REMOUNT) return present === null ? -Errno.EINVAL : mounts.remount(present, remountFlags(present, mountFlags));
  if (mountFlags & PROPAGATION) return changePropagation(task, present, mountFlags);
  if (mountFlags & (MS_BIND | MS_MOVE)) return bindOrMove(task, sourceAddr, at.node, mountFlags);
  return mountNew(task, sourceAddr, typeAddr, at.node, mountFlags, dataAddr);
}

/** MS_SHARED and the like; exactly one of them, with MS_REC and MS_SILENT at most. */
function changePropagation(task: Task, mount: Mount | null, mountFlags: number): number {
  const kind = PROPAGATIONS.find(([flag]) => (mountFlags & ~(MS_REC | MS_SILENT)) === flag);
  const { mount: mounts } = task.namespaces;
  if (kind === undefined || mount === null || !mounts.has(mount)) return -Errno.EINVAL;
  mounts.setPropagation(mount, kind[1], (mountFlags & MS_REC) !== 0);
  return 0;
}

function bindOrMove(task: Task, sourceAddr: number, at: PathNode, mountFlags: number): number {
  const from = pathLocation(task, sourceAddr);
  if (typeof from === 'number') return from;
  const { mount: mounts } = task.namespaces;
  if (!mounts.has(at.mount)) return -Errno.EINVAL;
  if (mountFlags & MS_BIND) {
    if (!mounts.has(from.node.mount) && !isNamespaceNode(from.node)) return -Errno.EINVAL;
    const bound = mounts.bind(from.node, at, (mountFlags & MS_REC) !== 0);
    return typeof bound === 'number' ? bound : 0;
  }
  const mount = mounts.mountAt(from.node);
  return mount === null || !mounts.has(mount) ? -Errno.EINVAL : mounts.move(mount, at);
}

function mountNew(task: Task, sourceAddr: number, typeAddr: number, at: PathNode, mountFlags: number, dataAddr: number): number {
  if (typeAddr === 0) return -Errno.EINVAL;
  const type = task.mm.copyInString(typeAddr, TYPE_NAME_MAX);
  const source = sourceAddr === 0 ? 'none' : pathArg(task, sourceAddr);
  const data = dataAddr === 0 ? '' : task.mm.copyInString(dataAddr, TYPE_NAME_MAX);
  const fs = newFileSystem(task, type, source, data);
  return typeof fs === 'number' ? fs : mountThere(task, fs, at, mountFlags, source);
}

function sysUmount2(task: Task, targetAddr: number, umountFlags: number): number {
  if (umountFlags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return -Errno.EINVAL;
  const at = locatePath(task, AT_FDCWD, pathArg(task, targetAddr), umountFlags & UMOUNT_NOFOLLOW ? Follow.NO : Follow.YES);
  if (typeof at === 'number') return at;
  if (!mayMount(task)) return -Errno.EPERM;
  const { mount: mounts } = task.namespaces;
  const mount = mounts.mountAt(at.node);
  if (mount === null || !mounts.has(mount)) return -Errno.EINVAL;
  if ((umountFlags & MNT_EXPIRE) !== 0) return expire(task, mount, umountFlags);
  if ((umountFlags & MNT_DETACH) === 0 && isInUse(task, mount)) return -Errno.EBUSY;
  return mounts.unmount(mount, (umountFlags & MNT_DETACH) !== 0);
}

/** The first call marks an unused mount, the second one takes it out. */
function expire(task: Task, mount: Mount, umountFlags: number): number {
  if ((umountFlags & (MNT_FORCE | MNT_DETACH)) !== 0) return -Errno.EINVAL;
  if (isInUse(task, mount)) return -Errno.EBUSY;
  if (mount.isExpiring) return task.namespaces.mount.unmount(mount, false);
  mount.isExpiring = true;
  return -Errno.EAGAIN;
}

function sysPivotRoot(task: Task, newAddr: number, oldAddr: number): number {
  const newRoot = pathLocation(task, newAddr);
  if (typeof newRoot === 'number') return newRoot;
  const putOld = pathLocation(task, oldAddr);
  if (typeof putOld === 'number') return putOld;
  if (!mayMount(task)) return -Errno.EPERM;
  if (!newRoot.node.inode.isDirectory || !putOld.node.inode.isDirectory) return -Errno.ENOTDIR;
  const before = task.fs.root;
  const result = task.namespaces.mount.pivot(newRoot.node, putOld.node, before);
  if (result < 0) return result;
  for (const other of task.kernel.tasks.all()) {
    if (!other.isAlive) continue;
    if (other.fs.root.equals(before)) other.fs.root = newRoot.node;
    if (other.fs.cwd.equals(before)) other.fs.cwd = newRoot.node;
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
  { ...file, support: { partial: 'no block devices; MS_SYNCHRONOUS, MS_MANDLOCK, MS_DIRSYNC, MS_LAZYTIME have no effect' }, nr: Nr.mount, name: 'mount', args: [str('source'), path('target'), str('filesystemtype'), flags('mountflags', MS_SYMBOLS), addr('data')], man: 'mount(2)', handler: sysMount },
  { ...file, support: { partial: 'MNT_FORCE has no effect; use between two MNT_EXPIRE calls does not renew the mount' }, nr: Nr.umount2, name: 'umount2', args: [path('target'), flags('flags', MNT_SYMBOLS)], man: 'umount(2)', handler: sysUmount2 },
  { ...file, support: 'full', nr: Nr.pivot_root, name: 'pivot_root', args: [path('new_root'), path('put_old')], man: 'pivot_root(2)', handler: sysPivotRoot },
  { ...file, support: 'full', nr: Nr.sysfs, name: 'sysfs', args: [int('option'), addr('arg1'), addr('arg2')], man: 'sysfs(2)', handler: sysSysfs },
];
