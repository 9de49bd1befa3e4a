/** tmpfs: a file system whose only store is the frame pool. Also the upper layer of overlays, memfds, /dev/shm. */
import { Errno, type FramePool, PAGE_SIZE, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '@troupe/abi';
import { type FileSystem, anonymousDev } from '../../file-system.js';
import type { Inode } from '../../inode.js';
import type { NewInode, StatFs } from '../../types.js';
import { TmpfsDirectory } from './directory.js';
import { TmpfsFile } from './file.js';
import { TmpfsSpecial, TmpfsSymlink } from './special.js';

const TMPFS_MAGIC = 0x01021994;

export interface TmpfsOptions {
  readonly pool: FramePool;
  /** CLOCK_REALTIME in ns. */
  readonly realtimeNs: () => bigint;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Most pages of all files; default half of the pool. */
  readonly maxPages?: number;
  readonly type?: string;
  readonly options?: string;
}

export class Tmpfs implements FileSystem {
  readonly type: string;
  readonly dev = anonymousDev();
  readonly root: TmpfsDirectory;
  readonly volatileNames = false;
  readonly options: string;
  readonly pool: FramePool;
  readonly realtimeNs: () => bigint;
  /** Pages in use by all files; changed by TmpfsFile. */
  pagesUsed = 0;
  inodesUsed = 0;
  readonly maxPages: number;
  private _nextIno = 1;

  constructor(options: TmpfsOptions) {
    this.pool = options.pool;
    this.realtimeNs = options.realtimeNs;
    this.type = options.type ?? 'tmpfs';
    this.options = options.options ?? '';
    this.maxPages = options.maxPages ?? Math.floor(options.pool.limitFrames / 2);
    this.root = new TmpfsDirectory(this, this.nextIno(), { mode: S_IFDIR | (options.mode ?? 0o1777), uid: options.uid ?? 0, gid: options.gid ?? 0 });
  }

  nextIno(): number {
    this.inodesUsed++;
    return this._nextIno++;
  }

  /** A new inode of the type that `init.mode` says, without a name. */
  makeInode(init: NewInode): Inode {
    switch (init.mode & S_IFMT) {
      case S_IFDIR: return new TmpfsDirectory(this, this.nextIno(), init);
      case S_IFREG: return new TmpfsFile(this, this.nextIno(), init);
      case S_IFLNK: return new TmpfsSymlink(this, this.nextIno(), init);
      default: return new TmpfsSpecial(this, this.nextIno(), init);
    }
  }

  revalidate(): boolean {
    return true;
  }

  statFs(): StatFs {
    const free = Math.max(0, this.maxPages - this.pagesUsed);
    return {
      type: TMPFS_MAGIC, blockBytes: PAGE_SIZE, blocks: this.maxPages, blocksFree: free, blocksAvailable: free,
      files: this.maxPages, filesFree: Math.max(0, this.maxPages - this.inodesUsed), nameMax: 255, flags: 0,
    };
  }

  sync(): number {
    return 0;
  }

  /** Room for `pages` more pages? */
  hasRoom(pages: number): boolean {
    return this.pagesUsed + pages <= this.maxPages;
  }
}

export const NO_SPACE = -Errno.ENOSPC;
