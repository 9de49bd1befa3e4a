/**
 * Entries of file systems whose contents are made on the fly (procfs, sysfs). A directory makes an entry
 * each time it is asked; two entries with the same kind and key are the same object.
 */
import type { FileDescription } from '../../file-description.js';
import type { PathNode } from '../../mount.js';
import type { NegativeErrno, VfsContext } from '../../types.js';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

interface EntryBase {
  /** Permission bits. */
  readonly mode: number;
  /** Identity behind the name: a process, an open file. Another key = the old object is gone. */
  readonly key?: unknown;
  /** Absent = the owner of the directory. */
  readonly owner?: () => Owner;
}

export interface FileEntry extends EntryBase {
  readonly kind: 'file';
  /** Whole contents; made when reading starts at offset 0. */
  readonly read?: (ctx: VfsContext) => string | Uint8Array | NegativeErrno;
  /** A write(2) of these bytes; 0 or a negative errno. */
  readonly write?: (text: string, ctx: VfsContext) => number;
  /** Files with their own description (random access, polling) instead of `read` and `write`. */
  readonly open?: (node: PathNode, flags: number, ctx: VfsContext) => FileDescription | NegativeErrno;
}

export interface DirectoryEntry extends EntryBase {
  readonly kind: 'directory';
  readonly lookup: (name: string) => Entry | null;
  readonly names: (ctx: VfsContext) => Iterable<string>;
}

export interface LinkEntry extends EntryBase {
  readonly kind: 'link';
  readonly target: (ctx: VfsContext) => string | NegativeErrno;
  /** Magic links jump to the object (proc(5): "magic symlinks"). */
  readonly jump?: (ctx: VfsContext) => PathNode | NegativeErrno;
}

export type Entry = FileEntry | DirectoryEntry | LinkEntry;

/** A read-only text file. */
export function textFile(read: (ctx: VfsContext) => string | Uint8Array | NegativeErrno, mode = 0o444): FileEntry {
  return { kind: 'file', mode, read };
}

export function linkTo(target: (ctx: VfsContext) => string | NegativeErrno): LinkEntry {
  return { kind: 'link', mode: 0o777, target };
}

/** A directory with fixed entries. */
export function fixedDirectory(entries: Readonly<Record<string, Entry>>, mode = 0o555): DirectoryEntry {
  const byName = new Map(Object.entries(entries));
  return { kind: 'directory', mode, lookup: (name) => byName.get(name) ?? null, names: () => byName.keys() };
}

/** Directories from a flat table of paths: { 'kernel/pid_max': file } becomes kernel/ with pid_max. */
export function treeOf(files: Readonly<Record<string, Entry>>): DirectoryEntry {
  const here: Record<string, Entry> = {};
  const below = new Map<string, Record<string, Entry>>();
  for (const [path, entry] of Object.entries(files)) {
    const slash = path.indexOf('/');
    if (slash < 0) {
      here[path] = entry;
      continue;
    }
    const name = path.slice(0, slash);
    const rest = below.get(name) ?? {};
    rest[path.slice(slash + 1)] = entry;
    below.set(name, rest);
  }
  for (const [name, rest] of below) here[name] = treeOf(rest);
  return fixedDirectory(here);
}
