/** F_NOTIFY (fcntl(2)): the owner of a directory's descriptor gets a signal when something happens in the directory. */
import {
  DN_ACCESS, DN_ATTRIB, DN_CREATE, DN_DELETE, DN_MODIFY, DN_MULTISHOT, DN_RENAME, Errno, IN_ACCESS, IN_ATTRIB, IN_CREATE, IN_DELETE, IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_RENAME, Si,
} from '@troupe/abi';
import { watchCount, type FileDescription, type InodeWatch } from '@troupe/vfs';
import type { FdTable } from '../fdtable.js';
import type { Kernel } from '../kernel.js';
import type { Task } from '../task/task.js';
import { signalOwner } from './signal-io.js';

/** The events each bit stands for. */
const EVENTS: readonly (readonly [number, number])[] = [
  [DN_ACCESS, IN_ACCESS], [DN_MODIFY, IN_MODIFY], [DN_CREATE, IN_CREATE | IN_MOVED_TO], [DN_DELETE, IN_DELETE | IN_MOVED_FROM], [DN_RENAME, IN_RENAME], [DN_ATTRIB, IN_ATTRIB],
];

/** What one process wants to know through one file description. It lasts until it closes a descriptor of the file. */
export class DirectoryWatch implements InodeWatch {
  events = 0;
  isMultishot = false;

  constructor(readonly kernel: Kernel, readonly file: FileDescription, readonly table: FdTable, public fd: number) {
    (file.inode.watches ??= new Set()).add(this);
    watchCount.value++;
  }

  onEvent(mask: number): void {
    if ((mask & this.events) === 0) return;
    signalOwner(this.kernel, this.file, this.fd, Si.POLL_MSG);
    if (!this.isMultishot) this.drop();
  }

  drop(): void {
    if (this.file.inode.watches!.delete(this)) watchCount.value--;
  }
}

function watchOf(file: FileDescription, table: FdTable): DirectoryWatch | undefined {
  for (const watch of file.inode.watches ?? []) if (watch instanceof DirectoryWatch && watch.file === file && watch.table === table) return watch;
  return undefined;
}

/** fcntl(2) F_NOTIFY: adds events; none ends the watch. The caller becomes the owner of a file that has none. */
export function notifyOfDirectory(task: Task, file: FileDescription, wanted: number, fd: number): number {
  const existing = watchOf(file, task.fds);
  if ((wanted & ~DN_MULTISHOT) === 0) {
    existing?.drop();
    return 0;
  }
  if (!file.inode.isDirectory) return -Errno.ENOTDIR;
  const watch = existing ?? new DirectoryWatch(task.kernel, file, task.fds, fd);
  watch.fd = fd;
  for (const [bit, events] of EVENTS) if ((wanted & bit) !== 0) watch.events |= events;
  if ((wanted & DN_MULTISHOT) !== 0) watch.isMultishot = true;
  if (file.owner === 0) file.owner = task.group.tgid;
  return 0;
}

/** A descriptor of the file was closed in this table. */
export function dropDirectoryWatch(file: FileDescription, table: FdTable): void {
  if (watchCount.value > 0) watchOf(file, table)?.drop();
}
