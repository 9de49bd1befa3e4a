/** Process descriptors (pidfd_open(2)): readable once the process has ended. */
import { EPOLLIN, Errno, O_NONBLOCK, O_RDWR } from '@troupe/abi';
import { FileDescription, newAnonymousNode } from '@troupe/vfs';
import { installFile } from '../fdtable.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

export class PidFile extends FileDescription {
  constructor(readonly group: ThreadGroup, flags: number) {
    super(newAnonymousNode('[pidfd]'), O_RDWR | flags);
    group.pidFiles.add(this);
  }

  override read(): number {
    return -Errno.EINVAL;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override poll(): number {
    return this.group.isZombie ? EPOLLIN : 0;
  }

  override fdInfo(): string {
    const pid = this.group.isReaped ? -1 : this.group.tgid;
    return `Pid:\t${pid}\nNSpid:\t${pid}\n`;
  }

  protected override release(): void {
    this.group.pidFiles.delete(this);
  }
}

/** Installs a descriptor of the process, always close-on-exec. `flags`: O_NONBLOCK or 0. */
export function newPidFd(task: Task, group: ThreadGroup, flags: number): number {
  return installFile(task, new PidFile(group, flags & O_NONBLOCK), true);
}

/** The process a descriptor stands for, or -EBADF. */
export function groupOfPidFd(task: Task, fd: number): ThreadGroup | number {
  const file = task.fds.get(fd);
  return file instanceof PidFile ? file.group : -Errno.EBADF;
}
