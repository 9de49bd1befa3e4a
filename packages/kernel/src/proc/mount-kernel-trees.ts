/** Puts the file systems that show kernel state into the tree: /proc, /sys, /dev/pts. */
import { MS_NODEV, MS_NOEXEC, MS_NOSUID } from '@troupe/abi';
import { mountAtPath, type Inode, type PathNode } from '@troupe/vfs';
import { queuesOf } from '../ipc/message-queues.js';
import type { Kernel } from '../kernel.js';
import { procFsOf } from './proc-file-system.js';
import { createSysFs } from './sys-file-system.js';
import { namespacesOf, readerOf } from './task-lookup.js';

function isExecuting(kernel: Kernel, inode: Inode): boolean {
  for (const task of kernel.tasks.all()) if (task.isAlive && (task.mm.image.exe as PathNode | null)?.inode === inode) return true;
  return false;
}

/** Preconditions: the kernel is constructed; called once, before the first process. */
export function mountKernelTrees(kernel: Kernel): void {
  const { vfs } = kernel;
  const sysFs = createSysFs(kernel);
  vfs.isExecuting = (inode) => isExecuting(kernel, inode);
  vfs.types.set('proc', (_source, _data, ctx) => procFsOf(kernel, readerOf(kernel, ctx)?.group.pidNamespace ?? kernel.rootPidNamespace));
  vfs.types.set('mqueue', (_source, _data, ctx) => queuesOf(kernel, namespacesOf(kernel, ctx).ipc));
  vfs.types.set('sysfs', () => sysFs);
  mountAtPath(vfs, '/proc', procFsOf(kernel, kernel.rootPidNamespace), MS_NOSUID | MS_NODEV | MS_NOEXEC, 'proc');
  mountAtPath(vfs, '/sys', sysFs, MS_NOSUID | MS_NODEV | MS_NOEXEC, 'sysfs');
  mountAtPath(vfs, '/dev/mqueue', queuesOf(kernel, kernel.rootIpcNamespace), MS_NOSUID | MS_NODEV | MS_NOEXEC, 'mqueue');
  if (vfs.mounts.list().some(({ fs }) => fs.type === 'devpts')) return;
  mountAtPath(vfs, '/dev/pts', kernel.ipc.terminals.devpts, MS_NOSUID | MS_NOEXEC, 'devpts');
}
