/**
 * A directory of the host as a file system, read-only or read-write.
 *
 * Confinement: names are resolved by our own walk, one component at a time; the host never follows a
 * symbolic link for us (lstat, readlink, O_NOFOLLOW). In read-write instances every name is given to the
 * host relative to an open directory (/proc/self/fd/N/name), so that a directory that is replaced by a
 * link meanwhile cannot lead outside.
 *
 * Owns: the inode map, the open directory descriptors.
 */
import fs from 'node:fs';
import { ConfigError, Errno, type FramePool, O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '@troupe/abi';
import type { Dentry } from '../../dentry.js';
import type { FileSystem } from '../../file-system.js';
import type { Inode } from '../../inode.js';
import type { StatFs } from '../../types.js';
import { HostDirectory } from './host-directory.js';
import { attempt, hostName } from './host-errors.js';
import { HostFile } from './host-file.js';
import type { HostInode } from './host-inode.js';
import { HostSpecial, HostSymlink } from './host-special.js';
import { HostPageCache } from './page-cache.js';

const MAX_OPEN_DIRECTORIES = 256;

export interface HostFileSystemOptions {
  readonly path: string;
  readonly writable: boolean;
  readonly pool: FramePool;
  readonly pageCache?: HostPageCache;
  /** How long names and attributes are trusted without asking the host again; default 1000 (read-only), 0 (writable). */
  readonly trustMs?: number;
}

export class HostFileSystem implements FileSystem {
  readonly type = 'virtiofs';
  readonly dev: number;
  readonly root: HostDirectory;
  readonly volatileNames = true;
  readonly options = '';
  readonly writable: boolean;
  readonly trustMs: number;
  readonly pageCache: HostPageCache;
  readonly pool: FramePool;
  private readonly _rootPath: string;
  private readonly _inodes = new Map<number, Map<number, WeakRef<HostInode>>>();
  private readonly _gone = new FinalizationRegistry<{ dev: number; ino: number }>((gone) => this._forgetGone(gone));
  private readonly _openDirectories = new Set<HostDirectory>();
  /** Files with open host descriptors (sync, shutdown). */
  readonly openFiles = new Set<HostFile>();

  constructor(options: HostFileSystemOptions) {
    this.pool = options.pool;
    this.writable = options.writable;
    this.trustMs = options.trustMs ?? (options.writable ? 0 : 1000);
    this.pageCache = options.pageCache ?? new HostPageCache(options.pool, Math.floor(options.pool.limitFrames / 4));
    const stats = attempt(() => fs.statSync(options.path, { bigint: true }));
    if (typeof stats === 'number' || !stats.isDirectory()) throw new ConfigError('not a directory', options.path);
    this._rootPath = Buffer.from(fs.realpathSync(options.path), 'utf8').toString('latin1');
    this.dev = Number(stats.dev);
    this.root = this._make(stats, null, '') as HostDirectory;
  }

  get rootPath(): string {
    return this._rootPath;
  }

  /** The inode of what the host's lstat found at `parent/name`; one object for each host inode. */
  inodeFor(stats: fs.BigIntStats, parent: HostDirectory, name: string): HostInode {
    const dev = Number(stats.dev);
    const known = this._inodes.get(dev)?.get(Number(stats.ino))?.deref();
    if (known !== undefined && (known.mode & S_IFMT) === (Number(stats.mode) & S_IFMT)) {
      known.relocate(parent, name);
      known.update(stats);
      return known;
    }
    return this._make(stats, parent, name);
  }

  private _forgetGone({ dev, ino }: { readonly dev: number; readonly ino: number }): void {
    const ref = this._inodes.get(dev)?.get(ino);
    if (ref !== undefined && ref.deref() === undefined) this._inodes.get(dev)!.delete(ino);
  }

  /** Fields that are not in images, for a file system that came with one. */
  static notSaved(): Record<string, (fs: HostFileSystem) => unknown> {
    return {
      _inodes: () => new Map(), _openDirectories: () => new Set(),
      _gone: (fs) => new FinalizationRegistry<{ dev: number; ino: number }>((gone) => fs._forgetGone(gone)),
    };
  }

  private _make(stats: fs.BigIntStats, parent: HostDirectory | null, name: string): HostInode {
    const inode = this._construct(stats, parent, name);
    this._register(inode);
    return inode;
  }

  private _register(inode: HostInode): void {
    const { hostDev: dev } = inode;
    let byIno = this._inodes.get(dev);
    if (byIno === undefined) this._inodes.set(dev, byIno = new Map());
    byIno.set(inode.ino, new WeakRef(inode));
    this._gone.register(inode, { dev, ino: inode.ino });
  }

  /** An inode came with an image: it stands for what the host has now under its name. False: nothing like it. */
  reconnect(inode: HostInode): boolean {
    const stats = attempt(() => fs.lstatSync(hostName(inode.plainPath || '/'), { bigint: true }));
    const isThere = typeof stats !== 'number' && (Number(stats.mode) & S_IFMT) === (inode.mode & S_IFMT);
    if (isThere) inode.standFor(stats);
    this._register(inode);
    return isThere;
  }

  private _construct(stats: fs.BigIntStats, parent: HostDirectory | null, name: string): HostInode {
    switch (Number(stats.mode) & S_IFMT) {
      case S_IFDIR: return new HostDirectory(this, stats, parent, name);
      case S_IFREG: return new HostFile(this, stats, parent, name);
      case S_IFLNK: return new HostSymlink(this, stats, parent, name);
      default: return new HostSpecial(this, stats, parent, name);
    }
  }

  /** The host inode with that number is gone: its number may be used again for something else. */
  forget(inode: HostInode): void {
    this._inodes.get(inode.hostDev)?.delete(inode.ino);
  }

  revalidate(parent: Inode, dentry: Dentry): boolean {
    const nowMs = performance.now();
    if (this.trustMs > 0 && nowMs - dentry.checkedAt < this.trustMs) return true;
    const confirmed = (parent as HostDirectory).confirms(dentry.name, dentry.inode);
    if (confirmed) dentry.checkedAt = nowMs;
    return confirmed;
  }

  /** Opens a directory for name resolution below it; the oldest ones are closed when too many are open. */
  openDirectory(directory: HostDirectory, path: string | Buffer): number {
    const fd = attempt(() => fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (typeof fd !== 'number' || fd < 0) return fd as number;
    this._openDirectories.add(directory);
    if (this._openDirectories.size > MAX_OPEN_DIRECTORIES) this._closeOldest();
    return fd;
  }

  private _closeOldest(): void {
    for (const oldest of this._openDirectories) {
      this._openDirectories.delete(oldest);
      oldest.closeDescriptor();
      return;
    }
  }

  statFs(): StatFs {
    const stats = attempt(() => fs.statfsSync(hostName(this._rootPath)));
    if (typeof stats === 'number') return { type: 0, blockBytes: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0, nameMax: 255, flags: 0 };
    return {
      type: stats.type, blockBytes: stats.bsize, blocks: stats.blocks, blocksFree: stats.bfree, blocksAvailable: stats.bavail,
      files: stats.files, filesFree: stats.ffree, nameMax: 255, flags: 0,
    };
  }

  sync(): number {
    let result = 0;
    for (const file of [...this.openFiles]) result = Math.min(result, file.writeBack());
    return result;
  }

  /** Writes back and closes everything: the kernel stops. */
  close(): void {
    this.sync();
    for (const directory of this._openDirectories) directory.closeDescriptor();
    this._openDirectories.clear();
    for (const file of [...this.openFiles]) file.closeDescriptors();
  }

  /** Changes need a writable instance. */
  get readOnlyErrno(): number {
    return this.writable ? 0 : -Errno.EROFS;
  }
}
