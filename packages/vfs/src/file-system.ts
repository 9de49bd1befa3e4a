/** A mounted instance of a file system type (a superblock). */
import { IdCounter } from '@troupe/abi';
import type { Dentry } from './dentry.js';
import type { Inode } from './inode.js';
import type { StatFs } from './types.js';

export interface FileSystem {
  /** Type name as /proc/mounts shows it: tmpfs, overlay, proc … */
  readonly type: string;
  /** st_dev of its inodes. */
  readonly dev: number;
  readonly root: Inode;
  /** Names can change without the VFS knowing: cached names are asked again through `revalidate`. */
  readonly volatileNames: boolean;
  /** Is the cached result of a lookup (a negative dentry = no such name) still right? Only asked when volatileNames. */
  revalidate(parent: Inode, dentry: Dentry): boolean;
  statFs(): StatFs;
  /** Writes everything back (syncfs(2)). */
  sync(): number;
  /** Gives host resources up: the kernel stops. */
  close?(): void;
  /** Options after the flags in /proc/mounts, e.g. "size=64k". */
  readonly options: string;
}

const minors = new IdCounter('device', 16);

/** A fresh anonymous device number (major 0), as Linux gives file systems without a block device. */
export function anonymousDev(): number {
  const minor = minors.take();
  return ((minor & 0xff) | ((minor & ~0xff) << 12)) >>> 0;
}
