/** Ids between programs and the kernel: the view of the calling task's PID and user namespaces. */
import { NO_ID } from '@troupe/abi';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';

/** A pid, tid, process group or session id as the task sees it; 0 = not visible. */
export function shownPid(task: Task, kernelId: number): number {
  return task.group.pidNamespace.shown(kernelId);
}

/** The kernel's id of a number the task named; 0 = none. */
export function kernelPid(task: Task, pid: number): number {
  return task.group.pidNamespace.kernelId(pid);
}

export function taskWithPid(task: Task, tid: number): Task | undefined {
  return task.group.pidNamespace.taskWithId(tid);
}

export function groupWithPid(task: Task, pid: number): ThreadGroup | undefined {
  return task.group.pidNamespace.threadGroupWithId(pid);
}

export function shownUid(task: Task, uid: number): number {
  return task.creds.userNamespace.shownUid(uid);
}

export function shownGid(task: Task, gid: number): number {
  return task.creds.userNamespace.shownGid(gid);
}

/** The kernel's id of a uid the task named; NO_ID for -1 and for unmapped ones. */
export function kernelUid(task: Task, uid: number): number {
  return uid === NO_ID ? NO_ID : task.creds.userNamespace.uidOutside(uid);
}

export function kernelGid(task: Task, gid: number): number {
  return gid === NO_ID ? NO_ID : task.creds.userNamespace.gidOutside(gid);
}
