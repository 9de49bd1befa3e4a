/** /proc/pid and /proc/pid/task/tid: one table of files for both (proc(5)). */
import { Errno } from '@troupe/abi';
import { displayPath, fixedDirectory, textFile, type DirectoryEntry, type Entry, type FileEntry, type LinkEntry, type Owner, type PathNode } from '@troupe/vfs';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import { taskUsage } from '../task/usage.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { mountInfoText, mountStatsText, mountsText } from './mount-text.js';
import { idMapFile, namespaceDirectory, setGroupsFile } from './namespace-files.js';
import { networkEntries } from './network-files.js';
import { fdDirectory, fdInfoDirectory } from './process-descriptors.js';
import { limitsText } from './process-limits.js';
import { ProcessMemoryFile } from './process-memory-file.js';
import { statText, statusText } from './process-status.js';
import { syscallText } from './process-syscall.js';
import { numberName } from './task-lookup.js';

const COMM_MAX = 15;
/** Longest argument or environment area shown. */
const MAX_STRINGS_BYTES = 1 << 21;

function guestStrings(task: Task, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(Math.max(0, end - start), MAX_STRINGS_BYTES));
  return bytes.length === 0 ? bytes : bytes.subarray(0, task.mm.copyInPartial(start, bytes));
}

/** Text that only a living process has; empty for zombies. */
const whileAlive = (task: Task, read: () => string | Uint8Array, mode = 0o444): FileEntry => textFile(() => (task.isAlive ? read() : ''), mode);

function placeLink(task: Task, place: () => PathNode | null): LinkEntry {
  const find = (): PathNode | number => (task.isAlive ? place() : null) ?? -Errno.ENOENT;
  return {
    kind: 'link', mode: 0o777,
    target: (ctx) => {
      const node = find();
      return typeof node === 'number' ? node : displayPath(node, ctx.root);
    },
    jump: find,
  };
}

function commFile(task: Task): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: () => `${task.name}\n`,
    write: (text) => {
      task.name = text.replace(/\n$/, '').slice(0, COMM_MAX);
      task.kernel.processEvents.named(task);
      return 0;
    },
  };
}

/** oom_score_adj: −1000 … 1000, kept but without effect. */
function oomFile(group: ThreadGroup): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: () => `${group.oomScoreAdj}\n`,
    write: (text) => {
      const value = Number(text.trim());
      if (!Number.isInteger(value) || Math.abs(value) > 1000) return -Errno.EINVAL;
      group.oomScoreAdj = value;
      return 0;
    },
  };
}

/** A word that is kept per process and has no effect (coredump_filter, timerslack_ns …). */
function keptFile(initial: string, store: Map<string, string>, name: string): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: () => `${store.get(name) ?? initial}\n`,
    write: (text) => {
      store.set(name, text.trim());
      return 0;
    },
  };
}

function ioText(task: Task): string {
  const zero = ['rchar', 'wchar', 'syscr', 'syscw', 'read_bytes', 'write_bytes', 'cancelled_write_bytes'];
  return taskUsage(task) === null ? '' : zero.map((name) => `${name}: 0\n`).join('');
}

/** Files that processes and threads have alike. */
function commonEntries(task: Task, viewer: PidNamespace): Record<string, Entry> {
  const { group } = task;
  return {
    auxv: whileAlive(task, () => task.mm.image.auxv, 0o400),
    cgroup: textFile(() => '0::/\n'),
    cmdline: whileAlive(task, () => guestStrings(task, task.mm.image.argStart, task.mm.image.argEnd)),
    comm: commFile(task),
    cwd: placeLink(task, () => task.fs.cwd),
    environ: whileAlive(task, () => guestStrings(task, task.mm.image.envStart, task.mm.image.envEnd), 0o400),
    exe: placeLink(task, () => task.mm.image.exe as PathNode | null),
    fd: fdDirectory(task),
    fdinfo: fdInfoDirectory(task),
    gid_map: idMapFile(task, 'gid'),
    io: textFile(() => ioText(task), 0o400),
    limits: textFile(() => limitsText(task)),
    maps: whileAlive(task, () => task.mm.mapsText()),
    mem: { kind: 'file', mode: 0o600, open: (node, flags) => new ProcessMemoryFile(node, flags, task) },
    mountinfo: whileAlive(task, () => mountInfoText(task.namespaces.mount, task.fs.root)),
    mounts: whileAlive(task, () => mountsText(task.namespaces.mount, task.fs.root)),
    mountstats: whileAlive(task, () => mountStatsText(task.namespaces.mount, task.fs.root), 0o400),
    net: fixedDirectory(networkEntries(task)),
    ns: namespaceDirectory(task),
    oom_adj: oomFile(group),
    oom_score: textFile(() => '0\n'),
    oom_score_adj: oomFile(group),
    personality: textFile(() => `${task.personality.toString(16).padStart(8, '0')}\n`, 0o400),
    root: placeLink(task, () => task.fs.root),
    sched: textFile(() => `${task.name} (${viewer.shown(task.tid)}, #threads: ${group.liveTasks.length})\n`, 0o644),
    schedstat: textFile(() => `${taskUsage(task).cpuTimeNs} 0 0\n`),
    setgroups: setGroupsFile(task),
    smaps: whileAlive(task, () => task.mm.smapsText()),
    stack: textFile(() => '', 0o400),
    statm: whileAlive(task, () => task.mm.statmText()),
    status: textFile((ctx) => statusText(task, viewer, ctx.creds.userNamespace)),
    syscall: textFile(() => syscallText(task), 0o400),
    uid_map: idMapFile(task, 'uid'),
    wchan: textFile(() => '0'),
  };
}

function ownerOf(task: Task): () => Owner {
  return () => (task.dumpable === 1 ? { uid: task.creds.euid, gid: task.creds.egid } : { uid: 0, gid: 0 });
}

/** Directories of tasks, made once per PID namespace that shows them. */
class DirectoryCache {
  private readonly _views = new WeakMap<PidNamespace, WeakMap<Task, DirectoryEntry>>();

  get(viewer: PidNamespace, task: Task, make: () => DirectoryEntry): DirectoryEntry {
    let view = this._views.get(viewer);
    if (view === undefined) this._views.set(viewer, (view = new WeakMap()));
    let made = view.get(task);
    if (made === undefined) view.set(task, (made = make()));
    return made;
  }
}

const processes = new DirectoryCache();
const threads = new DirectoryCache();

/** A directory whose entries are made once per task. */
function directoryOf(task: Task, viewer: PidNamespace, extra: Record<string, Entry>): DirectoryEntry {
  return { ...fixedDirectory({ ...commonEntries(task, viewer), ...extra }), key: task, owner: ownerOf(task) };
}

/** /proc/pid as a PID namespace shows it. */
export function processDirectory(group: ThreadGroup, viewer: PidNamespace): DirectoryEntry {
  const task = group.leader;
  return processes.get(viewer, task, () => {
    const store = group.keptWords;
    return directoryOf(task, viewer, {
      stat: textFile(() => statText(task, true, viewer)),
      task: taskDirectory(group, viewer),
      coredump_filter: keptFile('00000033', store, 'coredump_filter'),
      autogroup: keptFile('/autogroup-1 nice 0', store, 'autogroup'),
      clear_refs: { kind: 'file', mode: 0o200, write: () => 0 },
      loginuid: keptFile('4294967295', store, 'loginuid'),
      sessionid: textFile(() => '4294967295'),
      timerslack_ns: keptFile('50000', store, 'timerslack_ns'),
    });
  });
}

function threadDirectory(task: Task, viewer: PidNamespace): DirectoryEntry {
  return threads.get(viewer, task, () => {
    const children = textFile(() => [...task.group.children].map((child) => `${viewer.shown(child.tgid)} `).join(''));
    return directoryOf(task, viewer, { stat: textFile(() => statText(task, false, viewer)), children });
  });
}

function taskDirectory(group: ThreadGroup, viewer: PidNamespace): DirectoryEntry {
  const shown = (): Task[] => [...group.tasks].filter((task) => task.isAlive || task === group.leader);
  return {
    kind: 'directory', mode: 0o555, key: group,
    lookup: (name) => {
      const task = shown().find(({ tid }) => viewer.shown(tid) === numberName(name));
      return task === undefined ? null : threadDirectory(task, viewer);
    },
    names: () => shown().map(({ tid }) => String(viewer.shown(tid))),
  };
}
