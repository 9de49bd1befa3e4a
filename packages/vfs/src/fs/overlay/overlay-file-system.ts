/**
 * Overlay: a writable memory layer over a read-only file system. Names removed from the lower layer are
 * whiteouts (character device 0:0) in the upper one; a directory of the upper layer remembers which lower
 * directory it is merged with, so that renamed directories keep their contents without being copied.
 *
 * Owns: the upper layer, the identity map from layer inodes to overlay inodes.
 */
import type { Dentry } from '../../dentry.js';
import { type FileSystem, anonymousDev } from '../../file-system.js';
import type { Inode } from '../../inode.js';
import type { StatFs } from '../../types.js';
import type { Tmpfs } from '../tmpfs/tmpfs.js';
import { OverlayDirectory } from './overlay-directory.js';
import { OverlayInode } from './overlay-inode.js';

const OVERLAYFS_MAGIC = 0x794c7630;
/** Inode numbers: 48 bits of the layer's number, above them the device of the layer. */
const INO_RANGE = 2 ** 48;
const UPPER_INDEX = 31;

export class OverlayFileSystem implements FileSystem {
  readonly type = 'overlay';
  readonly dev = anonymousDev();
  readonly root: OverlayDirectory;
  readonly volatileNames: boolean;
  readonly options = 'lowerdir=lower,upperdir=upper,workdir=work';
  private readonly _overlayOf = new WeakMap<Inode, OverlayInode>();
  private readonly _lowerDevs = new Map<number, number>();

  constructor(readonly lower: FileSystem, readonly upper: Tmpfs, readonly trustMs = 1000) {
    this.volatileNames = lower.volatileNames;
    const { atimeNs, mtimeNs, mode, uid, gid } = lower.root.stat();
    upper.root.setAttr({ mode: mode & 0o7777, uid, gid, atimeNs, mtimeNs });
    this.root = new OverlayDirectory(this, upper.root, lower.root, null, '', this.inoOf(lower.root, false));
    this._overlayOf.set(upper.root, this.root);
    this._overlayOf.set(lower.root, this.root);
  }

  /** The overlay inode of a layer inode: one object, also after copy-up and for every hard link. */
  inodeFor(upper: Inode | null, lower: Inode | null, parent: OverlayInode, name: string): OverlayInode {
    const key = upper ?? lower!;
    const known = this._overlayOf.get(key);
    if (known !== undefined) {
      known.relocate(parent, name);
      known.syncAttributes();
      return known;
    }
    const made = (upper ?? lower!).isDirectory ? OverlayDirectory : OverlayInode;
    const inode = new made(this, upper, lower, parent, name, this.inoOf(lower ?? upper!, lower === null));
    this._overlayOf.set(key, inode);
    return inode;
  }

  /** After copy-up: the upper inode stands for the same overlay inode. */
  adopt(upper: Inode, inode: OverlayInode): void {
    this._overlayOf.set(upper, inode);
  }

  /** An inode came with an image. */
  loaded(inode: OverlayInode): void {
    for (const layer of [inode.upper, inode.lower]) if (layer !== null) this._overlayOf.set(layer, inode);
  }

  overlayOf(layerInode: Inode): OverlayInode | undefined {
    return this._overlayOf.get(layerInode);
  }

  inoOf(origin: Inode, isUpper: boolean): number {
    if (isUpper) return UPPER_INDEX * INO_RANGE + origin.ino;
    const dev = origin.stat().dev;
    let index = this._lowerDevs.get(dev);
    if (index === undefined) this._lowerDevs.set(dev, index = this._lowerDevs.size % UPPER_INDEX);
    return index * INO_RANGE + (origin.ino % INO_RANGE);
  }

  revalidate(parent: Inode, dentry: Dentry): boolean {
    const nowMs = performance.now();
    if (nowMs - dentry.checkedAt < this.trustMs) return true;
    const confirmed = (parent as OverlayDirectory).confirms(dentry.name, dentry.inode as OverlayInode | null);
    if (confirmed) dentry.checkedAt = nowMs;
    return confirmed;
  }

  statFs(): StatFs {
    return { ...this.upper.statFs(), type: OVERLAYFS_MAGIC };
  }

  sync(): number {
    return 0;
  }

  close(): void {
    this.lower.close?.();
  }
}
