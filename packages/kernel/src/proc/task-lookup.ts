/** Which tasks /proc shows, and who the reader is. */
import type { VfsContext } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { NamespaceSet } from '../namespace/namespace-set.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';

/** Processes that are not reaped and that the namespace shows, by pid. */
export function processes(kernel: Kernel, viewer: PidNamespace): ThreadGroup[] {
  const pid = (group: ThreadGroup): number => viewer.shown(group.tgid);
  return [...kernel.tasks.groups].filter((group) => !group.isReaped && pid(group) > 0).sort((a, b) => pid(a) - pid(b));
}

/** "123" → 123, anything else → NaN; leading zeros are no names of /proc. */
export function numberName(name: string): number {
  return /^[1-9]\d{0,9}$|^0$/.test(name) ? Number(name) : NaN;
}

export function groupNamed(viewer: PidNamespace, name: string): ThreadGroup | null {
  const group = viewer.threadGroupWithId(numberName(name));
  return group === undefined || group.isReaped ? null : group;
}

/** The reading task; null for the kernel itself. */
export function readerOf(kernel: Kernel, ctx: VfsContext): Task | null {
  return kernel.tasks.byTid(ctx.tid) ?? null;
}

/** Namespaces of the reader; the first ones for the kernel itself. */
export function namespacesOf(kernel: Kernel, ctx: VfsContext): NamespaceSet {
  return readerOf(kernel, ctx)?.namespaces ?? kernel.rootNamespaces;
}

/** Letter of ps(1). */
export function stateLetter(task: Task): string {
  switch (task.state) {
    case 'blocked': return 'S';
    case 'stopped': return task.tracing?.stop ? 't' : 'T';
    case 'zombie': return 'Z';
    case 'dead': return 'X';
    default: return 'R';
  }
}

const STATE_NAMES: Readonly<Record<string, string>> = { R: 'running', S: 'sleeping', T: 'stopped', t: 'tracing stop', Z: 'zombie', X: 'dead' };

export function stateText(task: Task): string {
  const letter = stateLetter(task);
  return `${letter} (${STATE_NAMES[letter]})`;
}
