/** The /dev of a kernel: a tmpfs filled with the standard nodes (as containers have it). */
import { S_IFCHR, S_IFDIR, S_IFLNK, makeDev } from '@troupe/abi';
import type { Inode } from '../../inode.js';
import type { NewInode } from '../../types.js';
import { Tmpfs, type TmpfsOptions } from '../tmpfs/tmpfs.js';
import { FULL_DEV, NULL_DEV, RANDOM_DEV, URANDOM_DEV, ZERO_DEV } from './memory-devices.js';

const DEVICES: readonly (readonly [name: string, mode: number, rdev: number])[] = [
  ['null', 0o666, NULL_DEV],
  ['zero', 0o666, ZERO_DEV],
  ['full', 0o666, FULL_DEV],
  ['random', 0o666, RANDOM_DEV],
  ['urandom', 0o666, URANDOM_DEV],
  ['tty', 0o666, makeDev(5, 0)],
  ['console', 0o600, makeDev(5, 1)],
  ['kmsg', 0o644, makeDev(1, 11)],
];

const LINKS: readonly (readonly [name: string, target: string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
];

const DIRECTORIES = ['pts', 'shm', 'mqueue'];

export function createDevFs(options: Pick<TmpfsOptions, 'pool' | 'realtimeNs'>): Tmpfs {
  const devFs = new Tmpfs({ ...options, mode: 0o755, options: 'size=65536k,mode=755' });
  const make = (name: string, init: Omit<NewInode, 'uid' | 'gid'>): Inode =>
    devFs.root.create(name, { uid: 0, gid: 0, ...init }) as Inode;
  for (const [name, mode, rdev] of DEVICES) make(name, { mode: S_IFCHR | mode, rdev });
  for (const [name, target] of LINKS) make(name, { mode: S_IFLNK | 0o777, target });
  for (const name of DIRECTORIES) make(name, { mode: S_IFDIR | 0o755 });
  return devFs;
}

