/** fanotify_init(2), fanotify_mark(2). */
import {
  Cap, Errno, FAN_EVENT_ON_CHILD, FAN_FS_ERROR, FAN_HANDLE_EVENTS, FAN_ONDIR, FAN_PATH_EVENTS, FAN_PERMISSION_EVENTS, FAN_RENAME, FanInit, FanMark, Nr, O_ACCMODE, O_APPEND, O_CLOEXEC, O_DSYNC, O_LARGEFILE, O_NOATIME,
  O_NONBLOCK, O_SYNC, R_OK, hasCap,
} from '@troupe/abi';
import { Follow, Inode, Mount, checkAccess, isAnonymous, type FanotifyMark, type Markable, type PathNode } from '@troupe/vfs';
import { Fanotify } from '../../fanotify/fanotify.js';
import { installFile } from '../../fdtable.js';
import { locatePath, pathArg } from '../../file/path-args.js';
import { contextOf } from '../../ipc/caller.js';
import type { Task } from '../../task/task.js';
import { fd, flags, path, u64, type SyscallRow } from '../row.js';

const INIT_FLAGS = Object.values(FanInit).reduce((all: number, bit) => all | bit, 0);
const { CLASS_CONTENT, CLASS_PRE_CONTENT } = FanInit;
const HANDLE_FLAGS = FanInit.REPORT_FID | FanInit.REPORT_DIR_FID | FanInit.REPORT_NAME | FanInit.REPORT_TARGET_FID;
/** Without CAP_SYS_ADMIN, only what tells nothing but handles. */
const UNPRIVILEGED_FLAGS = FanInit.CLOEXEC | FanInit.NONBLOCK | HANDLE_FLAGS;
const EVENT_FILE_FLAGS = O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME;
/** /proc/sys/fs/fanotify/max_user_marks. */
const MAX_MARKS = 65536;

/** Flags that do not go together. */
function checkInit(initFlags: number, eventFlags: number): number {
  const has = (bit: number): boolean => (initFlags & bit) !== 0;
  if ((initFlags & ~INIT_FLAGS) !== 0 || (has(FanInit.REPORT_PIDFD) && has(FanInit.REPORT_TID))) return -Errno.EINVAL;
  if ((eventFlags & ~EVENT_FILE_FLAGS) !== 0 || (eventFlags & O_ACCMODE) === O_ACCMODE) return -Errno.EINVAL;
  if (has(HANDLE_FLAGS) && has(CLASS_CONTENT | CLASS_PRE_CONTENT)) return -Errno.EINVAL;
  if (has(FanInit.REPORT_NAME) && !has(FanInit.REPORT_DIR_FID)) return -Errno.EINVAL;
  if (has(FanInit.REPORT_TARGET_FID) && !(has(FanInit.REPORT_NAME) && has(FanInit.REPORT_FID))) return -Errno.EINVAL;
  return has(CLASS_CONTENT) && has(CLASS_PRE_CONTENT) ? -Errno.EINVAL : 0;
}

function sysFanotifyInit(task: Task, initFlags: number, eventFlags: number): number {
  const isAdmin = hasCap(task.creds, Cap.SYS_ADMIN);
  if (!isAdmin && ((initFlags & ~UNPRIVILEGED_FLAGS) !== 0 || (initFlags & HANDLE_FLAGS) === 0)) return -Errno.EPERM;
  const refused = checkInit(initFlags, eventFlags);
  if (refused < 0) return refused;
  const file = new Fanotify(task.kernel, initFlags & ~FanInit.CLOEXEC, eventFlags, (initFlags & FanInit.NONBLOCK) === 0 ? 0 : O_NONBLOCK);
  return installFile(task, file, (initFlags & FanInit.CLOEXEC) !== 0);
}

const MARK_TYPES = FanMark.MOUNT | FanMark.FILESYSTEM;
const COMMANDS = FanMark.ADD | FanMark.REMOVE | FanMark.FLUSH;
const IGNORE_FLAGS = FanMark.IGNORED_MASK | FanMark.IGNORE;
const EVENT_FLAGS = FAN_ONDIR | FAN_EVENT_ON_CHILD;
const MARK_FLAGS = Object.values(FanMark).reduce((all: number, bit) => all | bit, 0);
const KNOWN_EVENTS = FAN_PATH_EVENTS | FAN_HANDLE_EVENTS | FAN_RENAME | FAN_FS_ERROR | FAN_PERMISSION_EVENTS | EVENT_FLAGS;

/** Flags and events that mean nothing together. */
function checkMark(markFlags: number, wide: bigint): number {
  const mask = Number(wide & 0xffff_ffffn);
  const command = markFlags & COMMANDS;
  if (wide >> 32n !== 0n || (markFlags & ~MARK_FLAGS) !== 0 || (markFlags & MARK_TYPES) === MARK_TYPES) return -Errno.EINVAL;
  if (command === FanMark.FLUSH) return (markFlags & ~(MARK_TYPES | FanMark.FLUSH)) === 0 ? 0 : -Errno.EINVAL;
  if ((command !== FanMark.ADD && command !== FanMark.REMOVE) || mask === 0 || (mask & ~KNOWN_EVENTS) !== 0) return -Errno.EINVAL;
  return (markFlags & IGNORE_FLAGS) === IGNORE_FLAGS ? -Errno.EINVAL : 0;
}

/** What this instance cannot tell, or be asked, of such an object. */
function checkEvents(group: Fanotify, markFlags: number, mask: number): number {
  if ((mask & FAN_PERMISSION_EVENTS) !== 0 && group.priority === 0) return -Errno.EINVAL;
  if ((mask & FAN_FS_ERROR) !== 0 && (markFlags & FanMark.FILESYSTEM) === 0) return -Errno.EINVAL;
  if ((markFlags & FanMark.EVICTABLE) !== 0 && (markFlags & MARK_TYPES) !== 0) return -Errno.EINVAL;
  const needsHandles = (mask & (FAN_HANDLE_EVENTS | FAN_RENAME | FAN_FS_ERROR)) !== 0;
  if (needsHandles && (!group.usesHandles || (markFlags & FanMark.MOUNT) !== 0)) return -Errno.EINVAL;
  return (mask & FAN_RENAME) !== 0 && (group.initFlags & FanInit.REPORT_NAME) === 0 ? -Errno.EINVAL : 0;
}

function placeOf(task: Task, markFlags: number, dirFd: number, pathAddr: number): PathNode | number {
  if (pathAddr === 0) {
    const file = task.fds.getOpen(dirFd);
    if (file === null) return -Errno.EBADF;
    return (markFlags & FanMark.ONLYDIR) !== 0 && !file.inode.isDirectory ? -Errno.ENOTDIR : file.node;
  }
  const found = locatePath(task, dirFd, pathArg(task, pathAddr), (markFlags & FanMark.DONT_FOLLOW) !== 0 ? Follow.NO : Follow.YES);
  if (typeof found === 'number') return found;
  if ((markFlags & FanMark.ONLYDIR) !== 0 && !found.node.inode.isDirectory) return -Errno.ENOTDIR;
  return found.node;
}

function targetOf(node: PathNode, markFlags: number): Markable {
  return (markFlags & FanMark.MOUNT) !== 0 ? node.mount : (markFlags & FanMark.FILESYSTEM) !== 0 ? node.mount.fs : node.inode;
}

function add(group: Fanotify, on: Markable, markFlags: number, mask: number): number {
  const survives = (markFlags & FanMark.IGNORED_SURV_MODIFY) !== 0;
  const isIgnore = (markFlags & FanMark.IGNORE) !== 0;
  const existing = group.markOn(on);
  if (isIgnore && !survives && !(on instanceof Inode && !on.isDirectory)) return on instanceof Inode ? -Errno.EISDIR : -Errno.EINVAL;
  if (existing?.hasIgnoreFlags === true && (markFlags & FanMark.IGNORED_MASK) !== 0) return -Errno.EEXIST;
  if (existing?.survivesModify === true && isIgnore && !survives) return -Errno.EEXIST;
  if (existing === undefined && group.markCount >= MAX_MARKS && (group.initFlags & FanInit.UNLIMITED_MARKS) === 0) return -Errno.ENOSPC;
  const mark = existing ?? group.addMark(on);
  if (isIgnore) mark.hasIgnoreFlags = true;
  const isIgnored = (markFlags & IGNORE_FLAGS) !== 0;
  if (isIgnored && survives) mark.survivesModify = true;
  mark.setMasks(isIgnored ? mark.mask : mark.mask | mask, isIgnored ? mark.ignored | mask : mark.ignored);
  return 0;
}

/** `keeps`: bits that alone do not keep a mark. */
function remove(group: Fanotify, mark: FanotifyMark | undefined, markFlags: number, mask: number, keeps: number): number {
  if (mark === undefined) return -Errno.ENOENT;
  const isIgnored = (markFlags & IGNORE_FLAGS) !== 0;
  mark.setMasks(isIgnored ? mark.mask : mark.mask & ~mask, isIgnored ? mark.ignored & ~mask : mark.ignored);
  if (((mark.mask | mark.ignored) & ~keeps) === 0) group.removeMark(mark);
  return 0;
}

function flush(group: Fanotify, markFlags: number): number {
  const isMount = (on: Markable): boolean => on instanceof Mount;
  const isInode = (on: Markable): boolean => on instanceof Inode;
  group.removeMarks((markFlags & FanMark.MOUNT) !== 0 ? isMount : (markFlags & FanMark.FILESYSTEM) !== 0 ? (on) => !isMount(on) && !isInode(on) : isInode);
  return 0;
}

function sysFanotifyMark(task: Task, groupFd: number, markFlags: number, wide: bigint, dirFd: number, pathAddr: number): number {
  const refused = checkMark(markFlags, wide);
  if (refused < 0) return refused;
  const group = task.fds.getOpen(groupFd);
  if (group === null) return -Errno.EBADF;
  if (!(group instanceof Fanotify)) return -Errno.EINVAL;
  let mask = Number(wide);
  const unfit = checkEvents(group, markFlags, mask);
  if (unfit < 0) return unfit;
  if ((markFlags & FanMark.FLUSH) !== 0) return flush(group, markFlags);
  const node = placeOf(task, markFlags, dirFd, pathAddr);
  if (typeof node === 'number') return node;
  const denied = checkAccess(node.inode, contextOf(task).creds, R_OK);
  if (denied < 0) return denied;
  if ((mask & FAN_PERMISSION_EVENTS) !== 0 && node.mount.fs.type === 'proc') return -Errno.EINVAL;
  if ((markFlags & MARK_TYPES) !== 0 && isAnonymous(node)) return -Errno.EINVAL;
  if (group.usesHandles) return -Errno.EOPNOTSUPP;
  const isLegacyIgnore = (markFlags & FanMark.IGNORED_MASK) !== 0;
  const hasNoChildren = (markFlags & MARK_TYPES) !== 0 || !node.inode.isDirectory;
  const meaningless = (isLegacyIgnore ? EVENT_FLAGS : 0) | (hasNoChildren ? FAN_EVENT_ON_CHILD : 0);
  mask &= ~meaningless;
  const on = targetOf(node, markFlags);
  return (markFlags & FanMark.ADD) !== 0 ? add(group, on, markFlags, mask) : remove(group, group.markOn(on), markFlags, mask, meaningless);
}

const symbolsOf = (prefix: string, bits: Readonly<Record<string, number>>): readonly (readonly [string, number])[] => Object.entries(bits).map(([name, bit]) => [`${prefix}${name}`, bit]);
const common = { groups: ['%desc', '%file'] } as const;
const support = { partial: 'no events by file handles; permission is asked for open, execve, reads and getdents, not for sendfile, splice, copy_file_range and io_submit' } as const;

export const rows: readonly SyscallRow[] = [
  { ...common, nr: Nr.fanotify_init, name: 'fanotify_init', args: [flags('flags', symbolsOf('FAN_', FanInit)), flags('event_f_flags', [['O_RDWR', 2], ['O_WRONLY', 1], ['O_LARGEFILE', O_LARGEFILE], ['O_CLOEXEC', O_CLOEXEC]])], support, man: 'fanotify_init(2)', handler: sysFanotifyInit },
  { ...common, nr: Nr.fanotify_mark, name: 'fanotify_mark', args: [fd('fanotify_fd'), flags('flags', symbolsOf('FAN_MARK_', FanMark)), u64('mask'), fd('dirfd'), path()], support, man: 'fanotify_mark(2)', handler: sysFanotifyMark },
];
