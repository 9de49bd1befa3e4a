/** /proc/sysvipc: the System V objects of the reader's IPC namespace (proc(5)). */
import { textFile, treeOf, type DirectoryEntry } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { IpcNamespace } from '../namespace/ipc-namespace.js';
import type { IpcObject } from '../sysv/object-table.js';
import { namespacesOf } from './task-lookup.js';

const HEADERS = {
  msg: '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n',
  sem: '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n',
  shm: '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n',
} as const;

/** Values right-aligned in columns of these widths, one blank between them. */
function columns(...cells: readonly (readonly [value: number | bigint | string, width: number])[]): string {
  return `${cells.map(([value, width]) => String(value).padStart(width)).join(' ')}\n`;
}

const owners = ({ permission }: IpcObject): (readonly [number, number])[] => [permission.uid, permission.gid, permission.cuid, permission.cgid].map((id) => [id, 5] as const);
const mode = ({ permission }: IpcObject): readonly [string, number] => [permission.mode.toString(8), 5];

function shmText({ segments }: IpcNamespace): string {
  const lines = segments.all().map((segment) => columns(
    [segment.key, 10], [segment.id, 10], mode(segment), [segment.requestedBytes, 21], [segment.creatorPid, 5], [segment.lastPid, 5], [segment.attachCount, 6],
    ...owners(segment), [segment.attachedAt, 10], [segment.detachedAt, 10], [segment.changedAt, 10], [segment.residentPages * 4096, 21], [0, 21],
  ));
  return HEADERS.shm + lines.join('');
}

function semText({ semaphores }: IpcNamespace): string {
  const lines = semaphores.all().map((set) => columns([set.key, 10], [set.id, 10], mode(set), [set.values.length, 10], ...owners(set), [set.operatedAt, 10], [set.changedAt, 10]));
  return HEADERS.sem + lines.join('');
}

function msgText({ messages }: IpcNamespace): string {
  const lines = messages.all().map((queue) => columns(
    [queue.key, 10], [queue.id, 10], mode(queue), [queue.bytes, 11], [queue.messages.length, 10], [queue.lastSendPid, 5], [queue.lastReceivePid, 5],
    ...owners(queue), [queue.sentAt, 10], [queue.receivedAt, 10], [queue.changedAt, 10],
  ));
  return HEADERS.msg + lines.join('');
}

export function sysvDirectory(kernel: Kernel): DirectoryEntry {
  return treeOf({
    msg: textFile((ctx) => msgText(namespacesOf(kernel, ctx).ipc)),
    sem: textFile((ctx) => semText(namespacesOf(kernel, ctx).ipc)),
    shm: textFile((ctx) => shmText(namespacesOf(kernel, ctx).ipc)),
  });
}
