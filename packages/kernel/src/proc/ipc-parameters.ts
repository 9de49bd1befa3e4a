/** /proc/sys/kernel/{shm*,sem,msg*}: limits of the reader's IPC namespace (proc(5)). */
import { Errno } from '@troupe/abi';
import type { FileEntry, MessageQueueLimits } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { IpcLimits } from '../namespace/ipc-namespace.js';
import { namespacesOf } from './task-lookup.js';

const MAX_INT = 0x7fff_ffff;

function numberFile(kernel: Kernel, field: 'shmmni' | 'msgmax' | 'msgmnb' | 'msgmni'): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: (ctx) => `${namespacesOf(kernel, ctx).ipc.limits[field]}\n`,
    write: (text, ctx) => {
      const value = Number(text.trim());
      if (!Number.isInteger(value) || value < 0 || value > MAX_INT) return -Errno.EINVAL;
      namespacesOf(kernel, ctx).ipc.limits[field] = value;
      return 0;
    },
  };
}

function bigFile(kernel: Kernel, field: 'shmmax' | 'shmall'): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: (ctx) => `${namespacesOf(kernel, ctx).ipc.limits[field]}\n`,
    write: (text, ctx) => {
      if (!/^\d+$/.test(text.trim())) return -Errno.EINVAL;
      namespacesOf(kernel, ctx).ipc.limits[field] = BigInt.asUintN(64, BigInt(text.trim()));
      return 0;
    },
  };
}

/** Four numbers; missing ones stay as they are. */
function semaphoreFile(kernel: Kernel): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: (ctx) => `${namespacesOf(kernel, ctx).ipc.limits.sem.join('\t')}\n`,
    write: (text, ctx) => {
      const values = text.trim().split(/\s+/).map(Number);
      if (values.length > 4 || values.some((value) => !Number.isInteger(value) || value < 0 || value > MAX_INT)) return -Errno.EINVAL;
      const { limits } = namespacesOf(kernel, ctx).ipc;
      limits.sem = limits.sem.map((old, index) => values[index] ?? old) as IpcLimits['sem'];
      return 0;
    },
  };
}

function queueFile(kernel: Kernel, field: keyof MessageQueueLimits): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: (ctx) => `${namespacesOf(kernel, ctx).ipc.limits.mqueue[field]}\n`,
    write: (text, ctx) => {
      const value = Number(text.trim());
      if (!Number.isInteger(value) || value < 0 || value > MAX_INT) return -Errno.EINVAL;
      namespacesOf(kernel, ctx).ipc.limits.mqueue[field] = value;
      return 0;
    },
  };
}

export function ipcParameters(kernel: Kernel): Record<string, FileEntry> {
  return {
    'kernel/msgmax': numberFile(kernel, 'msgmax'), 'kernel/msgmnb': numberFile(kernel, 'msgmnb'), 'kernel/msgmni': numberFile(kernel, 'msgmni'),
    'fs/mqueue/msg_default': queueFile(kernel, 'msgDefault'), 'fs/mqueue/msg_max': queueFile(kernel, 'msgMax'), 'fs/mqueue/msgsize_default': queueFile(kernel, 'msgSizeDefault'),
    'fs/mqueue/msgsize_max': queueFile(kernel, 'msgSizeMax'), 'fs/mqueue/queues_max': queueFile(kernel, 'queuesMax'),
    'kernel/sem': semaphoreFile(kernel),
    'kernel/shmall': bigFile(kernel, 'shmall'), 'kernel/shmmax': bigFile(kernel, 'shmmax'), 'kernel/shmmni': numberFile(kernel, 'shmmni'),
  };
}
