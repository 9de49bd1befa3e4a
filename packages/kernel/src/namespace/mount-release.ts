/** The end of mount namespaces: with their last process, unless a file stands for them (mount_namespaces(7)). */
import type { MountTable } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { Task } from '../task/task.js';
import { namespaceOfFile, namespaceOfNode } from './namespace-file.js';

/** A task stopped using the namespace: its mounts go when nobody else does. */
export function releaseMountNamespace(kernel: Kernel, namespace: MountTable): void {
  if (namespace === kernel.vfs.mounts) return;
  const tables = new Set([kernel.vfs.mounts]);
  for (const task of kernel.tasks.all()) {
    if (!task.isAlive) continue;
    const { mount } = task.namespaces;
    if (mount === namespace || holdsFileOf(task, namespace)) return;
    tables.add(mount);
  }
  for (const table of tables) if (table.list().some(({ root }) => namespaceOfNode(root.inode) === namespace)) return;
  namespace.dissolve();
}

function holdsFileOf(task: Task, namespace: MountTable): boolean {
  for (const [, { file }] of task.fds.entries()) if (namespaceOfFile(file) === namespace) return true;
  return false;
}
