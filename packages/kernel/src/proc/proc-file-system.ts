/** procfs: processes, the machine, parameters (proc(5)). */
import { Errno } from '@troupe/abi';
import { SyntheticFileSystem, linkTo, type Entry } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { processDirectory } from './process-directory.js';
import { systemControlDirectory } from './system-control.js';
import { systemFiles } from './system-files.js';
import { groupNamed, processes } from './task-lookup.js';

const PROC_SUPER_MAGIC = 0x9fa0;

export function createProcFs(kernel: Kernel): SyntheticFileSystem {
  const fixed = new Map<string, Entry>(Object.entries({
    ...systemFiles(kernel),
    mounts: linkTo(() => 'self/mounts'),
    net: linkTo(() => 'self/net'),
    self: linkTo((ctx) => (ctx.pid > 0 ? String(ctx.pid) : -Errno.ENOENT)),
    sys: systemControlDirectory(kernel),
    'thread-self': linkTo((ctx) => (ctx.pid > 0 ? `${ctx.pid}/task/${ctx.tid}` : -Errno.ENOENT)),
  }));
  const lookup = (name: string): Entry | null => {
    const entry = fixed.get(name);
    if (entry !== undefined) return entry;
    const group = groupNamed(kernel, name);
    return group === null ? null : processDirectory(group);
  };
  return new SyntheticFileSystem({
    type: 'proc', magic: PROC_SUPER_MAGIC, fileBytes: 0, realtimeNs: () => kernel.realtimeNs(),
    root: { kind: 'directory', mode: 0o555, lookup, names: () => [...fixed.keys(), ...processes(kernel).map(({ tgid }) => String(tgid))] },
  });
}
