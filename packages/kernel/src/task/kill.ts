/** Ending tasks that are not the caller: SIGKILL, exit_group, execve of a sibling. */
import type { ExitStatus } from '@troupe/abi';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** The task exits with `status` as soon as the kernel holds it. */
export function killTask(task: Task, status: ExitStatus): void {
  if (!task.isAlive || task.killStatus !== null) return;
  task.killStatus = status;
  task.signalPending = true;
  task.kernel.runner.attend(task);
}

/** Every task of the group exits; the group's status is decided by the first call. */
export function killGroup(group: ThreadGroup, status: ExitStatus): void {
  group.exitStatus ??= status;
  group.stopRequested = false;
  for (const task of [...group.tasks]) killTask(task, group.exitStatus);
}
