/** The mount calls on descriptors: open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr. */
import {
  AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW, Errno, FsConfig, MOUNT_ATTR_SIZE, MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID,
  MS_NOSYMFOLLOW, MS_PRIVATE, MS_RDONLY, MS_RELATIME, MS_SHARED, MS_SLAVE, MS_UNBINDABLE, MountAttr, MoveMount, Nr, OPEN_TREE_CLONE, O_CLOEXEC, O_PATH,
} from '@troupe/abi';
import { PathFile, type Mount, type PathNode, type Propagation } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { FileSystemContext } from '../../file/file-system-context.js';
import { mayMount, newFileSystem } from '../../file/mount-place.js';
import { locate } from '../../file/path-args.js';
import type { Task } from '../../task/task.js';
import { addr, choice, fd, flags, inBuf, int, path, size, str, uint, type SyscallRow } from '../row.js';

const NAME_MAX_BYTES = 256;

const openNode = (task: Task, node: PathNode, closeOnExec: boolean): number => installFile(task, new PathFile(node, O_PATH), closeOnExec);

function sysOpenTree(task: Task, dirFd: number, pathAddr: number, treeFlags: number): number {
  if (treeFlags & ~(OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) return -Errno.EINVAL;
  if ((treeFlags & AT_RECURSIVE) !== 0 && (treeFlags & OPEN_TREE_CLONE) === 0) return -Errno.EINVAL;
  const isClone = (treeFlags & OPEN_TREE_CLONE) !== 0;
  if (isClone && !mayMount(task)) return -Errno.EPERM;
  const found = locate(task, dirFd, pathAddr, treeFlags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  if (typeof found === 'number') return found;
  const isCloseOnExec = (treeFlags & O_CLOEXEC) !== 0;
  if (!isClone) return openNode(task, found.node, isCloseOnExec);
  const copy = task.namespaces.mount.copyOf(found.node, (treeFlags & AT_RECURSIVE) !== 0);
  return typeof copy === 'number' ? copy : openNode(task, copy.rootNode, isCloseOnExec);
}

function sysMoveMount(task: Task, fromFd: number, fromAddr: number, toFd: number, toAddr: number, moveFlags: number): number {
  const { F_EMPTY_PATH, F_SYMLINKS, T_EMPTY_PATH, T_SYMLINKS } = MoveMount;
  if (!mayMount(task)) return -Errno.EPERM;
  if (moveFlags & ~Object.values(MoveMount).reduce((all, bit) => all | bit, 0)) return -Errno.EINVAL;
  const lookup = (dirFd: number, at: number, follows: number, empty: number): ReturnType<typeof locate> =>
    locate(task, dirFd, at, (moveFlags & follows ? 0 : AT_SYMLINK_NOFOLLOW) | (moveFlags & empty ? AT_EMPTY_PATH : 0));
  const from = lookup(fromFd, fromAddr, F_SYMLINKS, F_EMPTY_PATH);
  if (typeof from === 'number') return from;
  const to = lookup(toFd, toAddr, T_SYMLINKS, T_EMPTY_PATH);
  return typeof to === 'number' ? to : moveThere(task, from.node, to.node);
}

/** A mount of the caller's namespace moves; one that hangs nowhere is hung in. */
function moveThere(task: Task, from: PathNode, to: PathNode): number {
  const { mount: mounts } = task.namespaces;
  const mount = mounts.mountAt(from);
  if (mount === null || !mounts.has(to.mount)) return -Errno.EINVAL;
  if (mounts.has(mount)) return mounts.move(mount, to);
  if (mount.parent !== null || mount.isNamespaceRoot) return -Errno.EINVAL;
  if (from.inode.isDirectory !== to.inode.isDirectory) return -Errno.ENOTDIR;
  mounts.attach(mount, to);
  return 0;
}

function sysFsopen(task: Task, typeAddr: number, openFlags: number): number {
  if (!mayMount(task)) return -Errno.EPERM;
  if (openFlags & ~FSOPEN_CLOEXEC) return -Errno.EINVAL;
  const type = task.mm.copyInString(typeAddr, NAME_MAX_BYTES);
  if (!task.kernel.vfs.types.has(type)) return -Errno.ENODEV;
  return installFile(task, new FileSystemContext(type, 'configuring'), openFlags === FSOPEN_CLOEXEC);
}

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FsPick = { CLOEXEC: 1, SYMLINK_NOFOLLOW: 2, NO_AUTOMOUNT: 4, EMPTY_PATH: 8 } as const;

function sysFspick(task: Task, dirFd: number, pathAddr: number, pickFlags: number): number {
  if (!mayMount(task)) return -Errno.EPERM;
  if (pickFlags & ~15) return -Errno.EINVAL;
  const found = locate(task, dirFd, pathAddr, (pickFlags & FsPick.SYMLINK_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) | (pickFlags & FsPick.EMPTY_PATH ? AT_EMPTY_PATH : 0));
  if (typeof found === 'number') return found;
  const mount = task.namespaces.mount.mountAt(found.node);
  if (mount === null) return -Errno.EINVAL;
  return installFile(task, new FileSystemContext(mount.fs.type, 'changing', mount), (pickFlags & FsPick.CLOEXEC) !== 0);
}

function contextOfFd(task: Task, fdNo: number): FileSystemContext | number {
  const file = task.fds.getOpen(fdNo);
  if (file === null) return -Errno.EBADF;
  return file instanceof FileSystemContext ? file : -Errno.EINVAL;
}

function sysFsconfig(task: Task, fdNo: number, command: number, keyAddr: number, valueAddr: number, aux: number): number {
  if (fdNo < 0) return -Errno.EINVAL;
  const context = contextOfFd(task, fdNo);
  if (typeof context === 'number') return context;
  const { CMD_CREATE, CMD_CREATE_EXCL, CMD_RECONFIGURE, SET_FLAG, SET_STRING } = FsConfig;
  switch (command) {
    case SET_FLAG: case SET_STRING: return setParameter(task, context, keyAddr, command === SET_STRING ? valueAddr : 0, aux);
    case CMD_CREATE: case CMD_CREATE_EXCL: return keyAddr !== 0 || valueAddr !== 0 || aux !== 0 ? -Errno.EINVAL : create(task, context);
    case CMD_RECONFIGURE: return keyAddr !== 0 || valueAddr !== 0 || aux !== 0 ? -Errno.EINVAL : reconfigure(task, context);
    case FsConfig.SET_BINARY: case FsConfig.SET_PATH: case FsConfig.SET_PATH_EMPTY: case FsConfig.SET_FD: return -Errno.EINVAL;
    default: return -Errno.EOPNOTSUPP;
  }
}

function setParameter(task: Task, context: FileSystemContext, keyAddr: number, valueAddr: number, aux: number): number {
  if (keyAddr === 0 || aux !== 0) return -Errno.EINVAL;
  if (context.state !== 'configuring' && context.state !== 'changing') return -Errno.EBUSY;
  const value = valueAddr === 0 ? null : task.mm.copyInString(valueAddr, NAME_MAX_BYTES);
  context.setOption(task.mm.copyInString(keyAddr, NAME_MAX_BYTES), value);
  return 0;
}

function create(task: Task, context: FileSystemContext): number {
  if (context.state !== 'configuring') return -Errno.EBUSY;
  const fs = newFileSystem(task, context.typeName, context.source, context.options.join(','));
  if (typeof fs === 'number') return fs;
  context.fileSystem = fs;
  context.state = 'created';
  return 0;
}

function reconfigure(task: Task, { isReadOnly, picked, state }: FileSystemContext): number {
  if (state !== 'changing' || picked === null) return -Errno.EBUSY;
  return task.namespaces.mount.remount(picked, isReadOnly ? picked.flags | MS_RDONLY : picked.flags & ~MS_RDONLY);
}

/** Attributes of mounts as flags of mount(2); access times as one choice. */
const ATTRIBUTES: readonly (readonly [attribute: number, flag: number])[] = [
  [MountAttr.RDONLY, MS_RDONLY], [MountAttr.NOSUID, MS_NOSUID], [MountAttr.NODEV, MS_NODEV], [MountAttr.NOEXEC, MS_NOEXEC], [MountAttr.NODIRATIME, MS_NODIRATIME], [MountAttr.NOSYMFOLLOW, MS_NOSYMFOLLOW],
];
const KNOWN_ATTRIBUTES = ATTRIBUTES.reduce<number>((all, [attribute]) => all | attribute, MountAttr.ATIME);

function flagsOf(attributes: number): number {
  let mountFlags = 0;
  for (const [attribute, flag] of ATTRIBUTES) if (attributes & attribute) mountFlags |= flag;
  const atime = attributes & MountAttr.ATIME;
  return mountFlags | (atime === 0 ? MS_RELATIME : atime === MountAttr.NOATIME ? MS_NOATIME : 0);
}

function sysFsmount(task: Task, fdNo: number, mountFlags: number, attributes: number): number {
  if (!mayMount(task)) return -Errno.EPERM;
  if (mountFlags & ~FSMOUNT_CLOEXEC || attributes & ~KNOWN_ATTRIBUTES || (attributes & MountAttr.ATIME) === MountAttr.ATIME) return -Errno.EINVAL;
  const context = contextOfFd(task, fdNo);
  if (typeof context === 'number') return context;
  if (context.state === 'mounted') return -Errno.EBUSY;
  if (context.fileSystem === null) return -Errno.EINVAL;
  context.state = 'mounted';
  const readOnly = context.isReadOnly ? MS_RDONLY : 0;
  const mount = task.namespaces.mount.detached(context.fileSystem, flagsOf(attributes) | readOnly, context.source);
  return openNode(task, mount.rootNode, mountFlags === FSMOUNT_CLOEXEC);
}

const PROPAGATIONS = new Map<number, Propagation>([[MS_SHARED, 'shared'], [MS_PRIVATE, 'private'], [MS_SLAVE, 'slave'], [MS_UNBINDABLE, 'unbindable']]);

/** struct mount_attr: attr_set, attr_clr, propagation, userns_fd. */
function sysMountSetattr(task: Task, dirFd: number, pathAddr: number, atFlags: number, at: number, sizeBytes: number): number {
  if (atFlags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) return -Errno.EINVAL;
  if (sizeBytes < MOUNT_ATTR_SIZE) return -Errno.EINVAL;
  if (sizeBytes > 4096 || task.mm.copyIn(at, sizeBytes).subarray(MOUNT_ATTR_SIZE).some((byte) => byte !== 0)) return -Errno.E2BIG;
  if (!mayMount(task)) return -Errno.EPERM;
  const [set, clear, propagation] = [0, 8, 16].map((offset) => task.mm.readUlong(at + offset)) as [number, number, number];
  if (set === 0 && clear === 0 && propagation === 0) return 0;
  const atime = clear & MountAttr.ATIME;
  const changesAtime = (set & MountAttr.ATIME) !== 0 || atime !== 0;
  if ((set | clear) & ~KNOWN_ATTRIBUTES || (changesAtime && atime !== MountAttr.ATIME) || (propagation !== 0 && !PROPAGATIONS.has(propagation))) return -Errno.EINVAL;
  const found = locate(task, dirFd, pathAddr, atFlags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  if (typeof found === 'number') return found;
  const mount = task.namespaces.mount.mountAt(found.node);
  if (mount === null) return -Errno.EINVAL;
  return change(task, (atFlags & AT_RECURSIVE) !== 0 ? mount.subtree() : [mount], { set, clear, propagation, changesAtime });
}

interface AttributeChange {
  readonly set: number;
  readonly clear: number;
  readonly propagation: number;
  readonly changesAtime: boolean;
}

/** All mounts or none. */
function change(task: Task, targets: readonly Mount[], { changesAtime, clear, propagation, set }: AttributeChange): number {
  const { mount: mounts } = task.namespaces;
  const atime = MS_NOATIME | MS_RELATIME;
  const before = targets.map((target) => target.flags);
  for (const target of targets) {
    const cleared = target.flags & ~(flagsOf(clear) & ~atime) & ~(changesAtime ? atime : 0);
    const result = mounts.remount(target, cleared | (flagsOf(set) & ~(changesAtime ? 0 : atime)));
    if (result === 0) continue;
    targets.forEach((each, index) => (each.flags = before[index]!));
    return result;
  }
  const type = PROPAGATIONS.get(propagation);
  if (type !== undefined) for (const target of targets) mounts.setPropagation(target, type, false);
  return 0;
}

const CONFIG_NAMES = Object.entries(FsConfig).map(([name, value]) => [`FSCONFIG_${name}`, value] as const);
const MOVE_NAMES = Object.entries(MoveMount).map(([name, value]) => [`MOVE_MOUNT_${name}`, value] as const);
const ATTRIBUTE_NAMES = Object.entries(MountAttr).filter(([name]) => name !== 'ATIME').map(([name, value]) => [`MOUNT_ATTR_${name}`, value] as const);
const TREE_NAMES = [['OPEN_TREE_CLONE', OPEN_TREE_CLONE], ['OPEN_TREE_CLOEXEC', O_CLOEXEC], ['AT_RECURSIVE', AT_RECURSIVE], ['AT_EMPTY_PATH', AT_EMPTY_PATH], ['AT_SYMLINK_NOFOLLOW', AT_SYMLINK_NOFOLLOW]] as const;
const file = { groups: ['%file', '%desc'] } as const;

export const rows: readonly SyscallRow[] = [
  { ...file, support: 'full', nr: Nr.open_tree, name: 'open_tree', args: [fd('dirfd'), path(), flags('flags', TREE_NAMES)], man: 'open_tree(2)', handler: sysOpenTree },
  { ...file, support: { partial: 'no MOVE_MOUNT_SET_GROUP, MOVE_MOUNT_BENEATH' }, nr: Nr.move_mount, name: 'move_mount', args: [fd('from_dirfd'), path('from_pathname'), fd('to_dirfd'), path('to_pathname'), flags('flags', MOVE_NAMES)], man: 'move_mount(2)', handler: sysMoveMount },
  { ...file, support: 'full', nr: Nr.fsopen, name: 'fsopen', args: [str('fsname'), uint('flags')], man: 'fsopen(2)', handler: sysFsopen },
  { ...file, support: { partial: 'no parameters that are paths, descriptors or bytes' }, nr: Nr.fsconfig, name: 'fsconfig', args: [fd(), choice('cmd', CONFIG_NAMES), str('key'), addr('value'), int('aux')], man: 'fsconfig(2)', handler: sysFsconfig },
  { ...file, support: 'full', nr: Nr.fsmount, name: 'fsmount', args: [fd(), uint('flags'), flags('attr_flags', ATTRIBUTE_NAMES)], man: 'fsmount(2)', handler: sysFsmount },
  { ...file, support: { partial: 'only ro and rw are reconfigured' }, nr: Nr.fspick, name: 'fspick', args: [fd('dirfd'), path(), uint('flags')], man: 'fspick(2)', handler: sysFspick },
  { ...file, support: { partial: 'no idmapped mounts' }, nr: Nr.mount_setattr, name: 'mount_setattr', args: [fd('dirfd'), path(), flags('flags', TREE_NAMES), inBuf('attr', 'size'), size('size')], man: 'mount_setattr(2)', handler: sysMountSetattr },
];
