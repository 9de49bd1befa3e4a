/**
 * The virtual file system of one kernel: the mount tree, the openers of special files, the known file
 * system types. Operations on paths are functions in `operations/`.
 *
 * Owns:    the mount table, SpecialFiles.
 * Borrows: frames of the pool (file systems hold references).
 */
import { Errno, FIRST_USER_NAMESPACE, type FramePool, type UserNamespace } from '@troupe/abi';
import type { FileSystem } from './file-system.js';
import type { Inode } from './inode.js';
import type { PathNode } from './mount.js';
import { MountTable } from './mount-table.js';
import { PathWalk } from './path-walk.js';
import type { NegativeErrno, SpecialFiles, VfsContext } from './types.js';

/** Makes an instance for mount(2); `data` is its option string. */
export type FileSystemType = (source: string, data: string, ctx: VfsContext) => FileSystem | NegativeErrno;

export interface VfsEnvironment {
  readonly pool: FramePool;
  /** CLOCK_REALTIME, ns since the epoch. */
  readonly realtimeNs: () => bigint;
  /** Owner of the first mount namespace. */
  readonly userNamespace?: UserNamespace;
}

export class Vfs {
  /** The first mount namespace. */
  readonly mounts: MountTable;
  readonly special: SpecialFiles = { openFifo: null, charDevices: new Map() };
  /** File system types mount(2) knows, by name; `nodev` types need no device. */
  readonly types = new Map<string, FileSystemType>();

  /** Is the file the program of a process? Opening it for writing is refused (open(2) ETXTBSY). Set by the kernel. */
  isExecuting: ((inode: Inode) => boolean) | null = null;

  constructor(readonly environment: VfsEnvironment, rootFs: FileSystem, rootFlags = 0, source = rootFs.type) {
    this.mounts = MountTable.withRoot(environment.userNamespace ?? FIRST_USER_NAMESPACE, rootFs, rootFlags, source);
  }

  get root(): PathNode {
    return this.mounts.root.rootNode;
  }

  /** Resolves a path to an existing object. `follow`: a symbolic link at the end is followed. */
  lookup(ctx: VfsContext, start: PathNode, path: string, follow: number, resolve = 0): PathNode | NegativeErrno {
    const walk = new PathWalk(ctx, start, resolve);
    const result = walk.toObject(path, follow);
    return result < 0 ? result : walk.node;
  }

  /** Writes everything back (sync(2)). */
  sync(): void {
    const seen = new Set<FileSystem>();
    for (const { fs } of this.mounts.list()) {
      if (seen.has(fs)) continue;
      seen.add(fs);
      fs.sync();
    }
  }

  /** The kernel stops: writes back and gives host resources up. */
  close(): void {
    this.sync();
    for (const { fs } of this.mounts.list()) fs.close?.();
  }

  newFileSystem(type: string, source: string, data: string, ctx: VfsContext): FileSystem | NegativeErrno {
    const make = this.types.get(type);
    return make === undefined ? -Errno.ENODEV : make(source, data, ctx);
  }
}
