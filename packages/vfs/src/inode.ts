/**
 * Inode: a file system object without a name. Subclasses override what they support; the defaults are
 * what Linux answers for an object of another type.
 *
 * Owns: its attributes and storage. Attributes that come from elsewhere (host, procfs) are refreshed by
 * `stat()`; `mode`, `uid`, `gid` are always current enough for permission checks.
 */
import { Errno, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '@troupe/abi';
import type { FileDescription } from './file-description.js';
import type { FileSystem } from './file-system.js';
import type { PathNode } from './mount.js';
import type {
  AttrChange, DirEntry, InodeWatch, LookupResult, Mappable, NegativeErrno, NewInode, PageMapper, Stat, VfsContext,
} from './types.js';

export const NO_MAPPERS: Set<PageMapper> = new Set();

export abstract class Inode implements Mappable {
  /** File type and permission bits. */
  mode: number;
  uid: number;
  gid: number;

  /** inotify watches; null = none. */
  watches: Set<InodeWatch> | null = null;
  /** flock, POSIX and OFD locks of this inode (owned by the lock code). */
  locks: unknown = null;
  /** Pipe of a FIFO, socket bound to a socket inode (owned by the pipe and socket code). */
  attachment: unknown = null;
  /** Open descriptions that may write; execve refuses with ETXTBSY while > 0. */
  writers = 0;

  constructor(readonly fs: FileSystem, readonly ino: number, mode: number, uid: number, gid: number) {
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  get isSymlink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }

  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }

  abstract stat(): Stat;
  abstract setAttr(change: AttrChange, ctx: VfsContext): number;
  /** Opens the object itself; special files are opened by the VFS before this is asked. */
  abstract open(node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno;

  // Directories ---------------------------------------------------------------------------------

  lookup(_name: string, _ctx: VfsContext): LookupResult {
    return -Errno.ENOTDIR;
  }

  /** Makes a regular file, directory, symlink, device, FIFO or socket, as `init.mode` says. */
  create(_name: string, _init: NewInode, _ctx: VfsContext): LookupResult {
    return -Errno.EPERM;
  }

  /** An unnamed regular file (O_TMPFILE); `link` may give it a name. */
  createUnnamed(_init: NewInode, _ctx: VfsContext): LookupResult {
    return -Errno.EOPNOTSUPP;
  }

  link(_name: string, _target: Inode, _ctx: VfsContext): number {
    return -Errno.EPERM;
  }

  /** Removes a name of a non-directory. */
  unlink(_name: string, _child: Inode, _ctx: VfsContext): number {
    return -Errno.EPERM;
  }

  rmdir(_name: string, _child: Inode, _ctx: VfsContext): number {
    return -Errno.EPERM;
  }

  /** renameat2(2): `replaced` is the inode at the new name or null. The VFS checked types and permissions. */
  rename(_name: string, _child: Inode, _newDir: Inode, _newName: string, _replaced: Inode | null, _flags: number, _ctx: VfsContext): number {
    return -Errno.EPERM;
  }

  /** All entries without "." and "..". */
  entries(_ctx: VfsContext): DirEntry[] | NegativeErrno {
    return -Errno.ENOTDIR;
  }

  // Symbolic links ------------------------------------------------------------------------------

  readlink(_ctx: VfsContext): string | NegativeErrno {
    return -Errno.EINVAL;
  }

  /** Magic links of procfs jump to an object instead of a path; null = an ordinary symbolic link. */
  followMagic(_ctx: VfsContext): PathNode | NegativeErrno | null {
    return null;
  }

  // Regular files -------------------------------------------------------------------------------

  get sizeBytes(): number {
    return 0;
  }

  readAt(_dst: Uint8Array, _offBytes: number): number {
    return -Errno.EINVAL;
  }

  writeAt(_src: Uint8Array, _offBytes: number): number {
    return -Errno.EINVAL;
  }

  truncate(_sizeBytes: number): number {
    return this.isDirectory ? -Errno.EISDIR : -Errno.EINVAL;
  }

  fallocate(_flags: number, _offBytes: number, _lenBytes: number): number {
    return this.isDirectory ? -Errno.EISDIR : -Errno.EOPNOTSUPP;
  }

  /** First data (or hole) at or after `offBytes`; -ENXIO past the end (lseek(2) SEEK_DATA, SEEK_HOLE). */
  seekData(offBytes: number, hole: boolean): number {
    if (offBytes < 0 || offBytes >= this.sizeBytes) return -Errno.ENXIO;
    return hole ? this.sizeBytes : offBytes;
  }

  /** Writes dirty pages back. */
  sync(): number {
    return 0;
  }

  get mappers(): Set<PageMapper> {
    return NO_MAPPERS;
  }

  getPage(_index: number, _forWrite: boolean): number {
    return -Errno.ENODEV;
  }

  peekPage(_index: number): number {
    return 0;
  }

  /** Seals of a memfd (F_GET_SEALS), -EINVAL when the file cannot be sealed. */
  get seals(): number {
    return -Errno.EINVAL;
  }

  addSeals(_seals: number): number {
    return -Errno.EINVAL;
  }

  // Extended attributes (xattr(7)) ----------------------------------------------------------------

  getXattr(_name: string): Uint8Array | NegativeErrno {
    return -Errno.EOPNOTSUPP;
  }

  setXattr(_name: string, _value: Uint8Array, _flags: number, _ctx: VfsContext): number {
    return -Errno.EOPNOTSUPP;
  }

  removeXattr(_name: string, _ctx: VfsContext): number {
    return -Errno.EOPNOTSUPP;
  }

  listXattr(): readonly string[] | NegativeErrno {
    return [];
  }

  // Life time -------------------------------------------------------------------------------------

  /** Before an open file description on it is made (host descriptors, copy-up); 0 or a negative errno. */
  onOpen(_flags: number): number {
    return 0;
  }

  /** The open file description of an `onOpen` with these flags is gone. */
  onRelease(_flags: number): void {}

  /** Data was read or entries were listed: access time (the caller checked the no-atime flags). */
  onAccess(): void {}

  /** Tells the watches of this inode. */
  notify(mask: number, cookie = 0, name: string | null = null): void {
    if (this.watches !== null) for (const watch of [...this.watches]) watch.onEvent(mask, cookie, name);
  }
}
