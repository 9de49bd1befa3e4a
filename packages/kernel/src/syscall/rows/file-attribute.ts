/** chmod(2) chown(2) utimensat(2) truncate(2) fallocate(2). */
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, Errno, IN_MODIFY, NO_ID, Nr, Si, Sig, UTIME_NOW, UTIME_OMIT } from '@troupe/abi';
import { Follow, changeMode, changeOwner, changeTimes, notifyNode, resize, truncateNode, type TimeStamp } from '@troupe/vfs';
import { locate, locateOpen, locatePath, pathArg, type Located } from '../../file/path-args.js';
import { kernelGid, kernelUid } from '../../namespace/id-view.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, int, long, mode, path, uint, type SyscallRow } from '../row.js';

function doChmod(found: Located | number, bits: number): number {
  return typeof found === 'number' ? found : changeMode(found.ctx, found.node, bits);
}

function sysFchmodat2(task: Task, dirFd: number, pathAddr: number, bits: number, atFlags: number): number {
  if (atFlags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -Errno.EINVAL;
  return doChmod(locate(task, dirFd, pathAddr, atFlags), bits);
}

/** -1 keeps an id; one without a mapping in the caller's user namespace is EINVAL. */
function doChown(task: Task, found: Located | number, uid: number, gid: number): number {
  if (typeof found === 'number') return found;
  const owner = kernelUid(task, uid);
  const group = kernelGid(task, gid);
  if ((owner === NO_ID && uid !== NO_ID) || (group === NO_ID && gid !== NO_ID)) return -Errno.EINVAL;
  return changeOwner(found.ctx, found.node, owner, group);
}

function sysFchownat(task: Task, dirFd: number, pathAddr: number, uid: number, gid: number, atFlags: number): number {
  if (atFlags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -Errno.EINVAL;
  return doChown(task, locate(task, dirFd, pathAddr, atFlags), uid, gid);
}

const pathOf = (task: Task, at: number, follow: number): Located | number => locatePath(task, AT_FDCWD, pathArg(task, at), follow);

// Times -------------------------------------------------------------------------------------------

const NS_PER_SECOND = 1_000_000_000n;
type Stamps = readonly [TimeStamp, TimeStamp];
const NOW: Stamps = ['now', 'now'];

/** Two struct timespec with UTIME_NOW and UTIME_OMIT; throws EFAULT. */
function readTimespecs(task: Task, at: number): Stamps | number {
  if (at === 0) return NOW;
  const stamps = [0, 16].map((offset): TimeStamp | null => {
    const rest = Number(BigInt.asIntN(64, task.mm.readU64(at + offset + 8)));
    if (rest === UTIME_NOW) return 'now';
    if (rest === UTIME_OMIT) return 'omit';
    if (rest < 0 || rest > 999_999_999) return null;
    return BigInt.asIntN(64, task.mm.readU64(at + offset)) * NS_PER_SECOND + BigInt(rest);
  });
  return stamps.includes(null) ? -Errno.EINVAL : stamps as unknown as Stamps;
}

/** Two struct timeval. */
function readTimevals(task: Task, at: number): Stamps | number {
  if (at === 0) return NOW;
  const stamps = [0, 16].map((offset): TimeStamp | null => {
    const rest = BigInt.asIntN(64, task.mm.readU64(at + offset + 8));
    if (rest < 0n || rest > 999_999n) return null;
    return BigInt.asIntN(64, task.mm.readU64(at + offset)) * NS_PER_SECOND + rest * 1000n;
  });
  return stamps.includes(null) ? -Errno.EINVAL : stamps as unknown as Stamps;
}

function applyTimes(found: Located | number, stamps: Stamps | number): number {
  if (typeof stamps === 'number') return stamps;
  return typeof found === 'number' ? found : changeTimes(found.ctx, found.node, stamps[0], stamps[1]);
}

function sysUtimensat(task: Task, dirFd: number, pathAddr: number, timesAddr: number, atFlags: number): number {
  const stamps = readTimespecs(task, timesAddr);
  if (typeof stamps === 'number') return stamps;
  if (atFlags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -Errno.EINVAL;
  if (pathAddr !== 0) return applyTimes(locate(task, dirFd, pathAddr, atFlags), stamps);
  return atFlags === 0 ? applyTimes(locateOpen(task, dirFd), stamps) : -Errno.EINVAL;
}

function sysFutimesat(task: Task, dirFd: number, pathAddr: number, timesAddr: number): number {
  const stamps = readTimevals(task, timesAddr);
  return applyTimes(pathAddr === 0 ? locateOpen(task, dirFd) : locate(task, dirFd, pathAddr, 0), stamps);
}

function sysUtime(task: Task, pathAddr: number, timesAddr: number): number {
  const seconds = (at: number): bigint => BigInt.asIntN(64, task.mm.readU64(at)) * NS_PER_SECOND;
  const stamps: Stamps = timesAddr === 0 ? NOW : [seconds(timesAddr), seconds(timesAddr + 8)];
  return applyTimes(pathOf(task, pathAddr, Follow.YES), stamps);
}

// Size --------------------------------------------------------------------------------------------

/** RLIMIT_FSIZE also raises SIGXFSZ (truncate(2) EFBIG). */
function sizeResult(task: Task, result: number, sizeBytes: number, limit: number | undefined): number {
  if (result === -Errno.EFBIG && sizeBytes > (limit ?? Infinity)) task.kernel.signals.sendToTask(task, { signo: Sig.XFSZ, code: Si.KERNEL });
  return result;
}

function sysTruncate(task: Task, pathAddr: number, sizeBytes: number): number {
  if (sizeBytes < 0) return -Errno.EINVAL;
  const found = pathOf(task, pathAddr, Follow.YES);
  if (typeof found === 'number') return found;
  return sizeResult(task, truncateNode(task.kernel.vfs, found.ctx, found.node, sizeBytes), sizeBytes, found.ctx.maxFileBytes);
}

function sysFtruncate(task: Task, fdNo: number, sizeBytes: number): number {
  if (sizeBytes < 0) return -Errno.EINVAL;
  const found = locateOpen(task, fdNo);
  if (typeof found === 'number') return found;
  const file = found.file!;
  if (!file.inode.isRegular || !file.writable) return -Errno.EINVAL;
  const result = resize(found.ctx, file.inode, sizeBytes);
  if (result === 0) notifyNode(found.node, IN_MODIFY);
  return sizeResult(task, result, sizeBytes, found.ctx.maxFileBytes);
}

function sysFallocate(task: Task, fdNo: number, how: number, offBytes: number, lenBytes: number): number {
  const found = locateOpen(task, fdNo);
  if (typeof found === 'number') return found;
  if (offBytes < 0 || lenBytes <= 0) return -Errno.EINVAL;
  const file = found.file!;
  if (!file.writable) return -Errno.EBADF;
  if (!file.inode.isRegular) return file.seekable ? -Errno.ENODEV : -Errno.ESPIPE;
  const limit = found.ctx.maxFileBytes ?? Infinity;
  if (offBytes + lenBytes > limit || offBytes + lenBytes > Number.MAX_SAFE_INTEGER) return sizeResult(task, -Errno.EFBIG, offBytes + lenBytes, limit);
  return file.inode.fallocate(how, offBytes, lenBytes);
}

const AT = [['AT_SYMLINK_NOFOLLOW', AT_SYMLINK_NOFOLLOW], ['AT_EMPTY_PATH', AT_EMPTY_PATH]] as const;
const file = { groups: ['%file'], support: 'full' } as const;
const desc = { groups: ['%desc'], support: 'full' } as const;

export const rows: readonly SyscallRow[] = [
  { ...file, nr: Nr.chmod, name: 'chmod', args: [path(), mode()], man: 'chmod(2)', handler: (task: Task, at: number, bits: number) => doChmod(pathOf(task, at, Follow.YES), bits) },
  { ...desc, nr: Nr.fchmod, name: 'fchmod', args: [fd(), mode()], man: 'chmod(2)', handler: (task: Task, fdNo: number, bits: number) => doChmod(locateOpen(task, fdNo), bits) },
  { ...file, nr: Nr.fchmodat, name: 'fchmodat', args: [fd('dirfd'), path(), mode()], man: 'chmod(2)', handler: (task: Task, dirFd: number, at: number, bits: number) => doChmod(locate(task, dirFd, at, 0), bits) },
  { ...file, nr: Nr.fchmodat2, name: 'fchmodat2', args: [fd('dirfd'), path(), mode(), flags('flags', AT)], man: 'chmod(2)', handler: sysFchmodat2 },
  { ...file, nr: Nr.chown, name: 'chown', args: [path(), uint('owner'), uint('group')], man: 'chown(2)', handler: (task: Task, at: number, uid: number, gid: number) => doChown(task, pathOf(task, at, Follow.YES), uid, gid) },
  { ...file, nr: Nr.lchown, name: 'lchown', args: [path(), uint('owner'), uint('group')], man: 'chown(2)', handler: (task: Task, at: number, uid: number, gid: number) => doChown(task, pathOf(task, at, Follow.NO), uid, gid) },
  { ...desc, nr: Nr.fchown, name: 'fchown', args: [fd(), uint('owner'), uint('group')], man: 'chown(2)', handler: (task: Task, fdNo: number, uid: number, gid: number) => doChown(task, locateOpen(task, fdNo), uid, gid) },
  { ...file, nr: Nr.fchownat, name: 'fchownat', args: [fd('dirfd'), path(), uint('owner'), uint('group'), flags('flags', AT)], man: 'chown(2)', handler: sysFchownat },
  { ...file, nr: Nr.utimensat, name: 'utimensat', args: [fd('dirfd'), path(), addr('times'), flags('flags', AT)], man: 'utimensat(2)', handler: sysUtimensat },
  { ...file, nr: Nr.futimesat, name: 'futimesat', args: [fd('dirfd'), path(), addr('times')], man: 'futimesat(2)', handler: sysFutimesat },
  { ...file, nr: Nr.utimes, name: 'utimes', args: [path(), addr('times')], man: 'utime(2)', handler: (task: Task, at: number, times: number) => sysFutimesat(task, AT_FDCWD, at, times) },
  { ...file, nr: Nr.utime, name: 'utime', args: [path(), addr('times')], man: 'utime(2)', handler: sysUtime },
  { ...file, nr: Nr.truncate, name: 'truncate', args: [path(), long('length')], man: 'truncate(2)', handler: sysTruncate },
  { ...desc, nr: Nr.ftruncate, name: 'ftruncate', args: [fd(), long('length')], man: 'truncate(2)', handler: sysFtruncate },
  { ...desc, nr: Nr.fallocate, name: 'fallocate', args: [fd(), int('mode'), long('offset'), long('len')], man: 'fallocate(2)', handler: sysFallocate },
];
