/** What all inodes of a host directory share: location, attributes as the host reports them. */
import fs from 'node:fs';
import { Errno, O_NOFOLLOW, O_PATH } from '@troupe/abi';
import { Inode } from '../../inode.js';
import type { AttrChange, Stat } from '../../types.js';
import { attempt, attemptEffect } from './host-errors.js';
import type { HostDirectory } from './host-directory.js';
import type { HostFileSystem } from './host-file-system.js';

const NS_PER_SECOND = 1e9;

export abstract class HostInode extends Inode {
  readonly hostDev: number;
  private _stat: Stat;
  private _checkedAtMs: number;
  private _parent: HostDirectory | null;
  private _name: string;

  constructor(readonly host: HostFileSystem, stats: fs.BigIntStats, parent: HostDirectory | null, name: string) {
    super(host, Number(stats.ino), Number(stats.mode), Number(stats.uid), Number(stats.gid));
    this.hostDev = Number(stats.dev);
    this._parent = parent;
    this._name = name;
    this._stat = statOf(stats);
    this._checkedAtMs = performance.now();
  }

  get parent(): HostDirectory | null {
    return this._parent;
  }

  get name(): string {
    return this._name;
  }

  /** It was seen (or moved) under this name. */
  relocate(parent: HostDirectory, name: string): void {
    this._parent = parent;
    this._name = name;
  }

  /** Absolute path on the host, as a byte string; '' for the host's root. */
  get plainPath(): string {
    if (this._parent === null) return this.host.rootPath === '/' ? '' : this.host.rootPath;
    return `${this._parent.plainPath}/${this._name}`;
  }

  /** It came with an image and is found under these numbers here. */
  standFor(stats: fs.BigIntStats): void {
    Object.assign(this, { ino: Number(stats.ino), hostDev: Number(stats.dev) });
    this.update(stats);
  }

  /** Path to give to host calls that do not follow a link in the last component. */
  get hostPath(): string | Buffer {
    return this._parent === null ? this.host.rootPath : this._parent.pathOf(this._name);
  }

  update(stats: fs.BigIntStats): void {
    this._stat = statOf(stats);
    this.mode = this._stat.mode;
    this.uid = this._stat.uid;
    this.gid = this._stat.gid;
    this._checkedAtMs = performance.now();
  }

  /** Current attributes from the host; kept when the object cannot be reached by name any more. */
  refresh(): void {
    const stats = this.readStats();
    if (typeof stats !== 'number' && Number(stats.ino) === this.ino) this.update(stats);
  }

  protected readStats(): fs.BigIntStats | number {
    return attempt(() => fs.lstatSync(this.hostPath, { bigint: true }));
  }

  protected get attributes(): Stat {
    if (performance.now() - this._checkedAtMs >= this.host.trustMs) this.refresh();
    return this._stat;
  }

  /** As last seen, without asking. */
  protected get lastAttributes(): Stat {
    return this._stat;
  }

  override stat(): Stat {
    return { ...this.attributes };
  }

  override get sizeBytes(): number {
    return this.attributes.sizeBytes;
  }

  override setAttr(change: AttrChange): number {
    if (!this.host.writable) return -Errno.EROFS;
    const path = this.hostPath;
    const result = attemptEffect(() => {
      if (change.uid !== undefined || change.gid !== undefined) fs.lchownSync(path, change.uid ?? this.uid, change.gid ?? this.gid);
      if (change.mode !== undefined && !this.isSymlink) this._changeMode(path, change.mode);
      if (change.atimeNs !== undefined || change.mtimeNs !== undefined) this._setTimes(path, change);
    });
    this.refresh();
    return result;
  }

  /** Through a handle of the very object: chmod would follow a link that took its name. */
  private _changeMode(path: string | Buffer, mode: number): void {
    const handle = fs.openSync(path, O_PATH | O_NOFOLLOW);
    try {
      const stats = fs.fstatSync(handle);
      if (stats.ino !== this.ino) throw Object.assign(new Error('replaced'), { errno: -Errno.ESTALE });
      fs.chmodSync(`/proc/self/fd/${handle}`, mode);
    } finally {
      fs.closeSync(handle);
    }
  }

  /** Sub-microsecond parts are rounded: the host call takes seconds as a double. */
  private _setTimes(path: string | Buffer, change: AttrChange): void {
    const { atimeNs, mtimeNs } = this.attributes;
    fs.lutimesSync(path, Number(change.atimeNs ?? atimeNs) / NS_PER_SECOND, Number(change.mtimeNs ?? mtimeNs) / NS_PER_SECOND);
  }
}

function statOf(stats: fs.BigIntStats): Stat {
  return {
    dev: Number(stats.dev), ino: Number(stats.ino), mode: Number(stats.mode), nlink: Number(stats.nlink), uid: Number(stats.uid),
    gid: Number(stats.gid), rdev: Number(stats.rdev), sizeBytes: Number(stats.size), blockBytes: Number(stats.blksize), blocks: Number(stats.blocks),
    atimeNs: stats.atimeNs, mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs, btimeNs: stats.birthtimeNs,
  };
}
