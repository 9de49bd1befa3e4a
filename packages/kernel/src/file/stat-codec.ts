/** struct stat, statx, statfs and linux_dirent64 in guest memory (x86-64 layouts). */
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_RELATIME, devMajor, devMinor, STATX_ATTR_MOUNT_ROOT, STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID, type UserNamespace } from '@troupe/abi';
import type { Mount, Stat, StatFs } from '@troupe/vfs';

const NS_PER_SECOND = 1_000_000_000n;
const TWO_32 = 2 ** 32;

export function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

function putTime(view: DataView, at: number, ns: bigint): void {
  let seconds = ns / NS_PER_SECOND;
  let rest = ns - seconds * NS_PER_SECOND;
  if (rest < 0n) {
    rest += NS_PER_SECOND;
    seconds -= 1n;
  }
  view.setBigInt64(at, seconds, true);
  view.setUint32(at + 8, Number(rest), true);
}

const STAT_BYTES = 144;
const statBytes = new Uint8Array(STAT_BYTES);
const statView = new DataView(statBytes.buffer);

/** struct stat (stat(2)); the buffer is reused by the next call. */
export function encodeStat(stat: Stat, viewer: UserNamespace): Uint8Array {
  putU64(statView, 0, stat.dev);
  putU64(statView, 8, stat.ino);
  putU64(statView, 16, stat.nlink);
  statView.setUint32(24, stat.mode, true);
  statView.setUint32(28, viewer.shownUid(stat.uid), true);
  statView.setUint32(32, viewer.shownGid(stat.gid), true);
  putU64(statView, 40, stat.rdev);
  putU64(statView, 48, stat.sizeBytes);
  putU64(statView, 56, stat.blockBytes);
  putU64(statView, 64, stat.blocks);
  putTime(statView, 72, stat.atimeNs);
  putTime(statView, 88, stat.mtimeNs);
  putTime(statView, 104, stat.ctimeNs);
  return statBytes;
}

const STATX_BYTES = 256;

/** struct statx (statx(2)). */
export function encodeStatx(stat: Stat, mount: Mount, isMountRoot: boolean, viewer: UserNamespace): Uint8Array {
  const bytes = new Uint8Array(STATX_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, STATX_BASIC_STATS | (stat.btimeNs !== 0n ? STATX_BTIME : 0) | STATX_MNT_ID, true);
  view.setUint32(4, stat.blockBytes, true);
  putU64(view, 8, isMountRoot ? STATX_ATTR_MOUNT_ROOT : 0);
  view.setUint32(16, stat.nlink, true);
  view.setUint32(20, viewer.shownUid(stat.uid), true);
  view.setUint32(24, viewer.shownGid(stat.gid), true);
  view.setUint16(28, stat.mode, true);
  putU64(view, 32, stat.ino);
  putU64(view, 40, stat.sizeBytes);
  putU64(view, 48, stat.blocks);
  putU64(view, 56, STATX_ATTR_MOUNT_ROOT);
  putTime(view, 64, stat.atimeNs);
  putTime(view, 80, stat.btimeNs);
  putTime(view, 96, stat.ctimeNs);
  putTime(view, 112, stat.mtimeNs);
  view.setUint32(128, devMajor(stat.rdev), true);
  view.setUint32(132, devMinor(stat.rdev), true);
  view.setUint32(136, devMajor(stat.dev), true);
  view.setUint32(140, devMinor(stat.dev), true);
  putU64(view, 144, mount.id);
  return bytes;
}

/** Mount flags as statfs(2) reports them; ST_VALID is always set. */
const ST_FLAGS: readonly (readonly [mountFlag: number, statFlag: number])[] = [
  [MS_RDONLY, 1], [MS_NOSUID, 2], [MS_NODEV, 4], [MS_NOEXEC, 8], [MS_NOATIME, 1024], [MS_NODIRATIME, 2048], [MS_RELATIME, 4096],
];
const ST_VALID = 0x20;
const STATFS_BYTES = 120;

export function encodeStatFs(stat: StatFs, mount: Mount): Uint8Array {
  const bytes = new Uint8Array(STATFS_BYTES);
  const view = new DataView(bytes.buffer);
  putU64(view, 0, stat.type);
  putU64(view, 8, stat.blockBytes);
  putU64(view, 16, stat.blocks);
  putU64(view, 24, stat.blocksFree);
  putU64(view, 32, stat.blocksAvailable);
  putU64(view, 40, stat.files);
  putU64(view, 48, stat.filesFree);
  view.setUint32(56, mount.fs.dev, true);
  putU64(view, 64, stat.nameMax);
  putU64(view, 72, stat.blockBytes);
  let flags = ST_VALID;
  for (const [mountFlag, statFlag] of ST_FLAGS) if (mount.flags & mountFlag) flags |= statFlag;
  putU64(view, 80, flags);
  return bytes;
}
