/**
 * Marks of fanotify(7): which groups hear which events of an object, of a mount, of a file system.
 *
 * Owns:    the marks by what they are on.
 * Borrows: notify.ts watchCount, so that the VFS skips its hooks while nobody watches.
 */
import { FAN_EVENT_ON_CHILD, FAN_ONDIR, FAN_PATH_EVENTS, FAN_PERMISSION_EVENTS, IN_ISDIR } from '@troupe/abi';
import type { FileSystem } from '../file-system.js';
import type { Inode } from '../inode.js';
import type { Mount, PathNode } from '../mount.js';
import { watchCount } from '../watch-count.js';

export type Markable = Inode | Mount | FileSystem;

/** Who set marks: a fanotify instance. */
export interface MarkGroup {
  /** Groups with a higher one are asked first. */
  readonly priority: number;
  /** Something happened to the object: bits of FAN_*. */
  hear(node: PathNode, events: number): void;
}

/** An index of the marks that groups hold. */
const marksOn = new WeakMap<Markable, Set<FanotifyMark>>();
/** Those that want to be asked. */
export const permissionMarks = { count: 0 };

export class FanotifyMark {
  mask = 0;
  ignored = 0;
  /** FAN_MARK_IGNORE: FAN_ONDIR and FAN_EVENT_ON_CHILD count in `ignored`. */
  hasIgnoreFlags = false;
  survivesModify = false;

  constructor(readonly group: MarkGroup, readonly on: Markable) {}

  /** Starts to hear; also after it was loaded from an image. */
  attach(): void {
    const marks = marksOn.get(this.on) ?? new Set();
    marksOn.set(this.on, marks.add(this));
    watchCount.value++;
    if (this._asks) permissionMarks.count++;
  }

  detach(): void {
    if (marksOn.get(this.on)?.delete(this) !== true) return;
    watchCount.value--;
    if (this._asks) permissionMarks.count--;
  }

  /** Replaces both masks. */
  setMasks(mask: number, ignored: number): void {
    if (this._asks) permissionMarks.count--;
    this.mask = mask;
    this.ignored = ignored;
    if (this._asks) permissionMarks.count++;
  }

  private get _asks(): boolean {
    return (this.mask & FAN_PERMISSION_EVENTS) !== 0;
  }

  /** What of an event the mark asks for, and what it ignores. */
  wantedOf(isDirectory: boolean, isChild: boolean): number {
    return (isDirectory && (this.mask & FAN_ONDIR) === 0) || (isChild && (this.mask & FAN_EVENT_ON_CHILD) === 0) ? 0 : this.mask;
  }

  ignoredOf(isDirectory: boolean, isChild: boolean): number {
    const flags = this.hasIgnoreFlags ? this.ignored : FAN_ONDIR | (this.mask & FAN_EVENT_ON_CHILD);
    return (isDirectory && (flags & FAN_ONDIR) === 0) || (isChild && (flags & FAN_EVENT_ON_CHILD) === 0) ? 0 : this.ignored;
  }
}

/** The groups that hear of something, and what each of them hears; first those with a higher priority. */
function hearersOf(node: PathNode, bits: number): [MarkGroup, number][] {
  const { dentry, mount } = node;
  const inode = dentry.inode!;
  const isDirectory = (bits & IN_ISDIR) !== 0;
  const sums = new Map<MarkGroup, { wanted: number; ignored: number }>();
  const add = (on: Markable | null | undefined, isChild: boolean): void => {
    for (const mark of (on && marksOn.get(on)) ?? []) {
      const sum = sums.get(mark.group) ?? { wanted: 0, ignored: 0 };
      sums.set(mark.group, { wanted: sum.wanted | mark.wantedOf(isDirectory, isChild), ignored: sum.ignored | mark.ignoredOf(isDirectory, isChild) });
    }
  };
  add(inode, false);
  add(mount, false);
  add(mount.fs, false);
  add(dentry.parent?.inode, true);
  const events = bits & (FAN_PATH_EVENTS | FAN_PERMISSION_EVENTS);
  const heard = [...sums].map(([group, { ignored, wanted }]): [MarkGroup, number] => [group, events & wanted & ~ignored]);
  return heard.filter(([, of]) => of !== 0).sort(([a], [b]) => b.priority - a.priority);
}

/** The object was modified: what was ignored until then is heard again. */
export function clearIgnored({ dentry, mount }: PathNode): void {
  for (const on of [dentry.inode!, mount, mount.fs, dentry.parent?.inode]) {
    for (const mark of (on && marksOn.get(on)) ?? []) if (!mark.survivesModify) mark.ignored = 0;
  }
}

export function tellMarks(node: PathNode, bits: number): void {
  for (const [group, events] of hearersOf(node, bits)) group.hear(node, events);
}

/** Groups to ask before something is done (FAN_OPEN_PERM and the like), in this order. */
export function groupsToAsk(node: PathNode, event: number): MarkGroup[] {
  if (permissionMarks.count === 0) return [];
  return hearersOf(node, node.inode.isDirectory ? event | IN_ISDIR : event).map(([group]) => group);
}
