/** devpts: a directory with one character device per open terminal, and ptmx (pts(4)). */
import { Errno, S_IFCHR, S_IFDIR, makeDev } from '@troupe/abi';
import { Dentry } from '../dentry.js';
import { type FileSystem, anonymousDev } from '../file-system.js';
import { Inode } from '../inode.js';
import { DirectoryFile } from '../directory-file.js';
import { PathNode } from '../mount.js';
import type { AttrChange, DirEntry, Stat, StatFs, VfsContext } from '../types.js';

const DEVPTS_SUPER_MAGIC = 0x1cd1;
const ROOT_INO = 1;
const PTMX_INO = 2;
const FIRST_PTS_INO = 3;
/** Group "tty" of Debian; grantpt(3) expects the device to belong to it. */
const TTY_GID = 5;

export const PTMX_DEVICE = makeDev(5, 2);
export const ptsDevice = (index: number): number => makeDev(136, index);

export class Devpts implements FileSystem {
  readonly type = 'devpts';
  readonly dev = anonymousDev();
  readonly volatileNames = true;
  readonly options = 'gid=5,mode=620,ptmxmode=666';
  readonly root: DevptsRoot;
  readonly entries = new Map<string, DevptsDevice>();

  constructor(readonly realtimeNs: () => bigint) {
    this.root = new DevptsRoot(this);
    this.entries.set('ptmx', new DevptsDevice(this, PTMX_INO, 0o666, 0, 0, PTMX_DEVICE));
  }

  add(index: number, uid: number): void {
    this.entries.set(String(index), new DevptsDevice(this, FIRST_PTS_INO + index, 0o620, uid, TTY_GID, ptsDevice(index)));
  }

  remove(index: number): void {
    this.entries.delete(String(index));
  }

  /** The node of a terminal beside the ptmx node of its master. */
  nodeOf(master: PathNode, index: number): PathNode | null {
    const inode = this.entries.get(String(index));
    return inode ? new PathNode(master.mount, new Dentry(master.dentry.parent, String(index), inode)) : null;
  }

  revalidate(_parent: Inode, dentry: Dentry): boolean {
    return (this.entries.get(dentry.name) ?? null) === dentry.inode;
  }

  statFs(): StatFs {
    return { type: DEVPTS_SUPER_MAGIC, blockBytes: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0, nameMax: 255, flags: 0 };
  }

  sync(): number {
    return 0;
  }
}

abstract class DevptsInode extends Inode {
  private readonly _timeNs: bigint;

  constructor(readonly devpts: Devpts, ino: number, mode: number, uid: number, gid: number, readonly rdev: number) {
    super(devpts, ino, mode, uid, gid);
    this._timeNs = devpts.realtimeNs();
  }

  override stat(): Stat {
    const timeNs = this._timeNs;
    return {
      dev: this.fs.dev, ino: this.ino, mode: this.mode, nlink: this.isDirectory ? 2 : 1, uid: this.uid, gid: this.gid, rdev: this.rdev,
      sizeBytes: 0, blockBytes: 1024, blocks: 0, atimeNs: timeNs, mtimeNs: timeNs, ctimeNs: timeNs, btimeNs: 0n,
    };
  }

  override setAttr(change: AttrChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & ~0o7777) | change.mode;
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    return 0;
  }
}

export class DevptsDevice extends DevptsInode {
  constructor(devpts: Devpts, ino: number, permissions: number, uid: number, gid: number, rdev: number) {
    super(devpts, ino, S_IFCHR | permissions, uid, gid, rdev);
  }

  /** Devices are opened by SpecialFiles. */
  override open(): number {
    return -Errno.ENXIO;
  }
}

export class DevptsRoot extends DevptsInode {
  constructor(devpts: Devpts) {
    super(devpts, ROOT_INO, S_IFDIR | 0o755, 0, 0, 0);
  }

  override open(node: PathNode, flags: number): DirectoryFile {
    return new DirectoryFile(node, flags);
  }

  override lookup(name: string): Inode | number {
    return this.devpts.entries.get(name) ?? -Errno.ENOENT;
  }

  override entries(_ctx: VfsContext): DirEntry[] {
    return [...this.devpts.entries].map(([name, inode]) => ({ name, ino: inode.ino, type: S_IFCHR }));
  }
}
