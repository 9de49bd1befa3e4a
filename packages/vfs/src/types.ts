/**
 * Types every part of the VFS and its users share. Operations return a value or a negative errno
 * (a number); they throw only on broken invariants.
 */
import type { Credentials } from '@troupe/abi';
import type { FileDescription } from './file-description.js';
import type { Inode } from './inode.js';
import type { PathNode } from './mount.js';

export type { Dentry } from './dentry.js';
export type { FileDescription } from './file-description.js';
export type { FileSystem } from './file-system.js';
export type { Inode } from './inode.js';
export type { Mount, PathNode } from './mount.js';

/** A negative errno in place of a result. */
export type NegativeErrno = number;

export const failed = (result: unknown): result is NegativeErrno => typeof result === 'number';

/** Who asks, and from where names are resolved. The kernel makes one view of a task. */
export interface VfsContext {
  readonly creds: Credentials;
  readonly root: PathNode;
  readonly cwd: PathNode;
  readonly umask: number;
  /** Process and thread of the caller as /proc/self and /proc/thread-self show them; 0 = the kernel itself. */
  readonly pid: number;
  readonly tid: number;
  /** RLIMIT_FSIZE; absent = unlimited. */
  readonly maxFileBytes?: number;
  /** Asked before something is opened; its negative errno refuses. */
  readonly mayOpen?: (node: PathNode, flags: number) => number;
  /** CLOCK_REALTIME, ns since the epoch. */
  realtimeNs(): bigint;
}

/** Attributes of an inode: all fields of stat(2) and statx(2). Times are ns since the epoch. */
export interface Stat {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  sizeBytes: number;
  blockBytes: number;
  /** Storage used, in units of 512 bytes. */
  blocks: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Creation time; 0n = unknown. */
  btimeNs: bigint;
}

/** Requested attribute changes (chmod, chown, utimensat, truncate); absent = keep. */
export interface AttrChange {
  /** Permission bits only (0o7777). */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly atimeNs?: bigint;
  readonly mtimeNs?: bigint;
}

/** statfs(2) fields. */
export interface StatFs {
  readonly type: number;
  readonly blockBytes: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameMax: number;
  readonly flags: number;
}

export interface DirEntry {
  readonly name: string;
  readonly ino: number;
  /** File type bits of the mode (S_IFMT). */
  readonly type: number;
}

/** What a new inode starts with; the VFS already applied umask and set-gid directory rules. */
export interface NewInode {
  /** File type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Device number of S_IFCHR and S_IFBLK. */
  readonly rdev?: number;
  /** Target of S_IFLNK. */
  readonly target?: string;
}

/** Something with pages: regular files, memfds, shared memory. */
export interface Mappable {
  readonly sizeBytes: number;
  /**
   * Frame of page `index` (linear address, page cache keeps its own reference; the caller takes another
   * for its mapping), or a negative errno: -ENXIO beyond the end (SIGBUS), -ENOMEM, -EIO, -ENODEV.
   * `forWrite` marks the page dirty and gives it storage.
   */
  getPage(index: number, forWrite: boolean): number;
  /** Frame of a page that is in the cache already, or 0. Never reads from the host, never allocates. */
  peekPage(index: number): number;
  /** Address spaces that map pages and must drop them when the file shrinks or pages are replaced. */
  readonly mappers: Set<PageMapper>;
}

/** An address space that maps pages of an inode. */
export interface PageMapper {
  /** Pages [first, end) are gone (truncate, hole punching): unmap them before returning. */
  unmapPages(file: Mappable, first: number, end: number): void;
}

/** Hears the events of an inode: inotify(7), F_NOTIFY. */
export interface InodeWatch {
  /** `name` is set for events of an entry of the watched directory. */
  onEvent(mask: number, cookie: number, name: string | null): void;
}

/** Guest memory as ioctls need it (a subset of the kernel's GuestMemory). */
export interface UserMemory {
  copyIn(addr: number, sizeBytes: number): Uint8Array;
  copyOut(addr: number, src: Uint8Array): void;
  readU32(addr: number): number;
  readI32(addr: number): number;
  writeU32(addr: number, value: number): void;
  writeU16(addr: number, value: number): void;
  writeU64(addr: number, value: bigint): void;
}

/** Who issues an ioctl. `task` is the kernel's Task; devices that need it narrow it by their own interface. */
export interface IoctlCaller {
  readonly memory: UserMemory;
  readonly ctx: VfsContext;
  readonly task: unknown;
}

/** Opens special files; the owners of pipes, terminals and devices register here. */
export interface SpecialFiles {
  /** open(2) of a FIFO inode. The result may be pending (`FileDescription.openPending`). */
  openFifo: ((node: PathNode, flags: number, ctx: VfsContext) => FileDescription | NegativeErrno) | null;
  /** Character devices by makeDev(major, minor). */
  readonly charDevices: Map<number, DeviceOpener>;
}

export type DeviceOpener = (node: PathNode, flags: number, ctx: VfsContext) => FileDescription | NegativeErrno;

/** Result of a lookup: the inode, or a negative errno (-ENOENT makes a negative dentry). */
export type LookupResult = Inode | NegativeErrno;
