/** procfs: processes, the machine, parameters (proc(5)). */
import { Errno } from '@troupe/abi';
import { SyntheticFileSystem, linkTo, type DirectoryEntry, type Entry } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import { processDirectory } from './process-directory.js';
import { systemControlDirectory } from './system-control.js';
import { systemFiles } from './system-files.js';
import { groupNamed, processes } from './task-lookup.js';

const PROC = 'proc';
const PROC_SUPER_MAGIC = 0x9fa0;

function rootEntry(kernel: Kernel, viewer: PidNamespace): DirectoryEntry {
  const fixed = new Map<string, Entry>(Object.entries({
    ...systemFiles(kernel),
    mounts: linkTo(() => 'self/mounts'),
    net: linkTo(() => 'self/net'),
    self: linkTo((ctx) => (viewer.shown(ctx.pid) > 0 ? String(viewer.shown(ctx.pid)) : -Errno.ENOENT)),
    sys: systemControlDirectory(kernel),
    'thread-self': linkTo((ctx) => (viewer.shown(ctx.pid) > 0 ? `${viewer.shown(ctx.pid)}/task/${viewer.shown(ctx.tid)}` : -Errno.ENOENT)),
  }));
  const lookup = (name: string): Entry | null => {
    const entry = fixed.get(name);
    if (entry !== undefined) return entry;
    const group = groupNamed(viewer, name);
    return group === null ? null : processDirectory(group, viewer);
  };
  return { kind: 'directory', mode: 0o555, lookup, names: () => [...fixed.keys(), ...processes(kernel, viewer).map(({ tgid }) => String(viewer.shown(tgid)))] };
}

/** The instance that shows the processes of a PID namespace, under its numbers. */
export function procFsOf(kernel: Kernel, viewer: PidNamespace): SyntheticFileSystem {
  viewer.procFs ??= new SyntheticFileSystem({
    type: PROC, magic: PROC_SUPER_MAGIC, fileBytes: 0, realtimeNs: () => kernel.realtimeNs(), root: rootEntry(kernel, viewer), subject: viewer,
  });
  return viewer.procFs;
}

/** Connects a procfs that came with an image. */
export function reconnectProcFs(kernel: Kernel, fs: SyntheticFileSystem): void {
  if (fs.type === PROC) fs.rootEntry = rootEntry(kernel, fs.subject as PidNamespace);
}
