/** Events of inotify(7), F_NOTIFY and fanotify(7): told to the watches of an object and of the directory that holds its name. */
import { IdCounter, IN_ISDIR, IN_MODIFY } from '@troupe/abi';
import type { Inode } from './inode.js';
import { clearIgnored, tellMarks } from './fanotify/marks.js';
import type { PathNode } from './mount.js';
import { watchCount } from './watch-count.js';

/** An event of an object by whatever way: `dir/name` and the object itself hear it. */
export function notifyNode(node: PathNode, mask: number): void {
  if (watchCount.value === 0) return;
  const { dentry } = node;
  const inode = dentry.inode!;
  const bits = inode.isDirectory ? mask | IN_ISDIR : mask;
  dentry.parent?.inode?.notify(bits, 0, dentry.name);
  inode.notify(bits);
  if ((mask & IN_MODIFY) !== 0) clearIgnored(node);
}

/** Something was done with an open file: marks of its place hear it too, as they can be given a descriptor. */
export function notifyOpen(node: PathNode, mask: number): void {
  if (watchCount.value === 0) return;
  notifyNode(node, mask);
  tellMarks(node, node.inode.isDirectory ? mask | IN_ISDIR : mask);
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
