/** Views of a task that the VFS takes: who asks, and from where names are resolved. */
import { Rlimit } from '@troupe/abi';
import type { IoctlCaller, VfsContext } from '@troupe/vfs';
import type { Task } from '../task/task.js';

export function contextOf(task: Task): VfsContext {
  return {
    creds: task.creds, root: task.fs.root, cwd: task.fs.cwd, umask: task.fs.umask, pid: task.group.tgid, tid: task.tid,
    maxFileBytes: task.group.limits.soft(Rlimit.FSIZE), realtimeNs: () => task.kernel.realtimeNs(),
  };
}

export function ioctlCaller(task: Task): IoctlCaller {
  return { memory: task.mm, ctx: contextOf(task), task };
}
