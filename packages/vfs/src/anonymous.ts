/**
 * Objects without a place in the tree: pipes, sockets, epoll instances, memfds. They live on an internal
 * mount that no path reaches, so that every open file description has a PathNode.
 */
import { IdCounter, Errno, S_IFIFO, S_IFSOCK, isFifo } from '@troupe/abi';
import { Dentry } from './dentry.js';
import type { FileDescription } from './file-description.js';
import { type FileSystem, anonymousDev } from './file-system.js';
import { Inode } from './inode.js';
import { Mount, PathNode } from './mount.js';
import { type AttrChange, type NegativeErrno, type Stat, type StatFs, type VfsContext } from './types.js';

const ANON_INODE_FS_MAGIC = 0x09041934;

export class AnonymousFileSystem implements FileSystem {
  readonly type = 'anon_inodefs';
  readonly dev = anonymousDev();
  readonly volatileNames = false;
  readonly options = '';

  get root(): Inode {
    return anonymousRoot;
  }

  revalidate(): boolean {
    return true;
  }

  statFs(): StatFs {
    return { type: ANON_INODE_FS_MAGIC, blockBytes: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0, nameMax: 255, flags: 0 };
  }

  sync(): number {
    return 0;
  }
}

export const anonymousFileSystem = new AnonymousFileSystem();
const inos = new IdCounter('anonymous inode');

/** Opens an object again through /proc/self/fd. */
export interface Reopener {
  reopen(node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno;
}

/** FIFOs register a reopener, everything else answers ENXIO as Linux does. */
export class AnonymousInode extends Inode {
  private _times: bigint;
  reopener: Reopener | null = null;

  constructor(mode: number, uid: number, gid: number, nowNs = 0n) {
    super(anonymousFileSystem, inos.take(), mode, uid, gid);
    this._times = nowNs;
  }

  override stat(): Stat {
    const timeNs = this._times;
    return {
      dev: this.fs.dev, ino: this.ino, mode: this.mode, nlink: 1, uid: this.uid, gid: this.gid, rdev: 0,
      sizeBytes: 0, blockBytes: 4096, blocks: 0, atimeNs: timeNs, mtimeNs: timeNs, ctimeNs: timeNs, btimeNs: 0n,
    };
  }

  override setAttr(change: AttrChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & ~0o7777) | change.mode;
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    return 0;
  }

  override open(node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno {
    return this.reopener === null ? -Errno.ENXIO : this.reopener.reopen(node, flags, ctx);
  }
}

export const anonymousRoot = new AnonymousInode(0o40555, 0, 0);
export const anonymousMount = new Mount(0, anonymousFileSystem, new Dentry(null, '', anonymousRoot), 0, 'none');

/**
 * A node for an object without a path. `name` is what readlink of /proc/self/fd/N shows; for pipes and
 * sockets `pipe:[ino]` and `socket:[ino]` are made here.
 */
export function anonymousNode(inode: Inode, name?: string): PathNode {
  const shown = name ?? `${isFifo(inode.mode) ? 'pipe' : 'socket'}:[${inode.ino}]`;
  return new PathNode(anonymousMount, new Dentry(null, shown, inode));
}

/** Pipe ends share one inode and one node. */
export function newPipeNode(uid: number, gid: number, nowNs: bigint): PathNode {
  return anonymousNode(new AnonymousInode(S_IFIFO | 0o600, uid, gid, nowNs));
}

export function newSocketNode(uid: number, gid: number, nowNs: bigint): PathNode {
  return anonymousNode(new AnonymousInode(S_IFSOCK | 0o777, uid, gid, nowNs));
}

/** `anon_inode:[eventpoll]`, `anon_inode:[eventfd]` …: mode 0600 without a type, as Linux shows them. */
export function newAnonymousNode(kind: string, nowNs = 0n): PathNode {
  return anonymousNode(new AnonymousInode(0o600, 0, 0, nowNs), `anon_inode:${kind}`);
}

export const isAnonymous = (node: PathNode): boolean => node.mount === anonymousMount;
