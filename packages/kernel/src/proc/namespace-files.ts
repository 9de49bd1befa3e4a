/** /proc/pid/ns, uid_map, gid_map, setgroups (namespaces(7), user_namespaces(7)). */
import { Cap, Errno, NO_ID, ROOT_NAMESPACE_INODES, hasCapIn, type Credentials, type IdRange, type NamespaceKind, type UserNamespace } from '@troupe/abi';
import { fixedDirectory, linkTo, type Entry, type FileEntry, type LinkEntry } from '@troupe/vfs';
import { namespacesOfTask } from '../namespace/enter.js';
import { namespaceName, namespaceNode, type Namespace } from '../namespace/namespace-file.js';
import type { Task } from '../task/task.js';

function namespaceLink(task: Task, kind: NamespaceKind, find: () => Namespace | undefined): LinkEntry {
  return {
    kind: 'link', mode: 0o777,
    target: () => {
      const namespace = task.isAlive ? find() : undefined;
      return namespace === undefined ? -Errno.ENOENT : namespaceName(kind, namespace);
    },
    jump: () => {
      const namespace = task.isAlive ? find() : undefined;
      return namespace === undefined ? -Errno.ENOENT : namespaceNode(kind, namespace);
    },
  };
}

export function namespaceDirectory(task: Task): Entry {
  const kinds: readonly NamespaceKind[] = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
  const links = kinds.map((kind): [string, Entry] => [kind, namespaceLink(task, kind, () => namespacesOfTask(task)[kind])]);
  // There is one time namespace, which cannot be entered.
  const time = linkTo(() => `time:[${ROOT_NAMESPACE_INODES.time}]`);
  return fixedDirectory({ ...Object.fromEntries(links), pid_for_children: namespaceLink(task, 'pid', () => task.namespaces.pidForChildren), time, time_for_children: time }, 0o511);
}

type IdKind = 'uid' | 'gid';
const MAX_RANGES = 340;

const outside = (namespace: UserNamespace, kind: IdKind, id: number): number => (kind === 'uid' ? namespace.uidOutside(id) : namespace.gidOutside(id));
const inside = (namespace: UserNamespace, kind: IdKind, id: number): number => (kind === 'uid' ? namespace.uidInside(id) : namespace.gidInside(id));
const mapOf = (namespace: UserNamespace, kind: IdKind): readonly IdRange[] => (kind === 'uid' ? namespace.uidMap : namespace.gidMap);

/** Outer ids as the reader sees them; a member of the namespace sees those of the parent. */
function mapText(namespace: UserNamespace, kind: IdKind, reader: UserNamespace): string {
  const viewer = reader.is(namespace) ? namespace.parent ?? namespace : reader;
  return mapOf(namespace, kind).map((range) => `${[range.inside, inside(viewer, kind, range.outside), range.count].map((value) => String(value).padStart(10)).join(' ')}\n`).join('');
}

function parseRanges(text: string): { inside: number; parent: number; count: number }[] | null {
  const lines = text.replace(/\n$/, '').split('\n');
  const ranges = lines.map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line)).map((match) => (match === null ? null : { inside: Number(match[1]), parent: Number(match[2]), count: Number(match[3]) }));
  if (ranges.length > MAX_RANGES) return null;
  const isBad = ranges.some((range) => range === null || range.count === 0 || range.inside + range.count > NO_ID || range.parent + range.count > NO_ID);
  return isBad ? null : (ranges as { inside: number; parent: number; count: number }[]);
}

/** new_idmap_permitted of Linux: the maker may map itself; everything else needs the capability over the parent namespace. */
function mayMap(namespace: UserNamespace, kind: IdKind, ranges: readonly { parent: number; count: number }[], creds: Credentials): boolean {
  const parent = namespace.parent!;
  const first = ranges[0]!;
  if (ranges.length === 1 && first.count === 1 && namespace.ownerUid === creds.euid) {
    const id = outside(parent, kind, first.parent);
    if (kind === 'uid' ? id === creds.euid : !namespace.maySetGroups && id === creds.egid) return true;
  }
  return hasCapIn(creds, parent, kind === 'uid' ? Cap.SETUID : Cap.SETGID);
}

function writeMap(namespace: UserNamespace, kind: IdKind, text: string, creds: Credentials): number {
  const { parent } = namespace;
  if (parent === null || mapOf(namespace, kind).length > 0 || !hasCapIn(creds, namespace, Cap.SYS_ADMIN)) return -Errno.EPERM;
  if (!creds.userNamespace.is(namespace) && !creds.userNamespace.is(parent)) return -Errno.EPERM;
  const ranges = parseRanges(text);
  if (ranges === null) return -Errno.EINVAL;
  if (!mayMap(namespace, kind, ranges, creds)) return -Errno.EPERM;
  const map = ranges.map((range): IdRange => ({ inside: range.inside, outside: outside(parent, kind, range.parent), count: range.count }));
  if (map.some((range) => range.outside === NO_ID)) return -Errno.EPERM;
  if (kind === 'uid') namespace.uidMap = map;
  else namespace.gidMap = map;
  return 0;
}

export function idMapFile(task: Task, kind: IdKind): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: (ctx) => mapText(task.creds.userNamespace, kind, ctx.creds.userNamespace),
    write: (text, ctx) => writeMap(task.creds.userNamespace, kind, text, ctx.creds),
  };
}

export function setGroupsFile(task: Task): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: () => (task.creds.userNamespace.maySetGroups ? 'allow\n' : 'deny\n'),
    write: (text, ctx) => {
      const namespace = task.creds.userNamespace;
      const word = text.trim();
      if (word !== 'allow' && word !== 'deny') return -Errno.EINVAL;
      if (!hasCapIn(ctx.creds, namespace, Cap.SYS_ADMIN)) return -Errno.EPERM;
      if (word === 'allow') return namespace.maySetGroups ? 0 : -Errno.EPERM;
      if (namespace.gidMap.length > 0) return -Errno.EPERM;
      namespace.maySetGroups = false;
      return 0;
    },
  };
}
