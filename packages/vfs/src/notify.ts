/** Events of inotify(7) and F_NOTIFY: told to the watches of an object and of the directory that holds its name. */
import { IdCounter, IN_ISDIR } from '@troupe/abi';
import type { Inode } from './inode.js';
import type { PathNode } from './mount.js';

/** Number of watches in the whole kernel; the hot paths only look further when it is not 0. */
export const watchCount = { value: 0 };

/** An event of an object: `dir/name` and the object itself hear it. */
export function notifyNode(node: PathNode, mask: number): void {
  if (watchCount.value === 0) return;
  const { dentry } = node;
  const inode = dentry.inode!;
  const bits = inode.isDirectory ? mask | IN_ISDIR : mask;
  dentry.parent?.inode?.notify(bits, 0, dentry.name);
  inode.notify(bits);
}

/** An event of an entry of a directory (create, delete, move). */
export function notifyEntry(dir: Inode, mask: number, name: string, isDirectory: boolean, cookie = 0): void {
  if (watchCount.value === 0) return;
  dir.notify(isDirectory ? mask | IN_ISDIR : mask, cookie, name);
}

const cookies = new IdCounter('inotify cookie');

/** Connects IN_MOVED_FROM and IN_MOVED_TO. */
export function nextCookie(): number {
  return cookies.take();
}
