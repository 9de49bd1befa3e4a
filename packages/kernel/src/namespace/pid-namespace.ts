/** Process ids as the processes of one namespace see them (pid_namespaces(7); PIDNamespace of the seed). */
import type { Task } from '../task/task.js';
import type { TaskSet } from '../task/task-set.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { ROOT_NAMESPACE_INODES } from './root-inodes.js';
import type { UserNamespace } from './user-namespace.js';

/** The first PID namespace: its ids are the kernel's own. */
export class PidNamespace {
  readonly parent: PidNamespace | null = null;
  readonly inode = ROOT_NAMESPACE_INODES.pid;

  constructor(readonly tasks: TaskSet, readonly userNamespace: UserNamespace) {}

  /** Tid of the task here; 0 = not visible. */
  idOfTask(task: Task): number {
    return this.tasks.byTid(task.tid) === task ? task.tid : 0;
  }

  /** Tgid of the group here; 0 = not visible. */
  idOfThreadGroup(group: ThreadGroup): number {
    return this.tasks.groups.has(group) ? group.tgid : 0;
  }

  taskWithId(tid: number): Task | undefined {
    return this.tasks.byTid(tid);
  }

  threadGroupWithId(tgid: number): ThreadGroup | undefined {
    return this.tasks.groupByTgid(tgid);
  }
}
