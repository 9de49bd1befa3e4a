/** CPU time of tasks and processes (clock_gettime(2) CLOCK_*_CPUTIME_ID, getrusage(2)). */
import { TCB } from '@troupe/abi';
import type { Clock } from '@troupe/time';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';

/** CPU time of a thread as a clock. */
export class TaskCpuClock implements Clock {
  constructor(readonly task: Task) {}

  nowNs(): number {
    return taskCpuNs(this.task);
  }
}

/** CPU time of a process as a clock. */
export class GroupCpuClock implements Clock {
  constructor(readonly group: ThreadGroup) {}

  nowNs(): number {
    return groupCpuNs(this.group);
  }
}

/** ns the task spent on a core, up to its last trap. */
export function taskCpuNs(task: Task): number {
  return Number(task.shared.u64[(task.tcb + TCB.off.cpuTimeNs) / 8]!);
}

/** ns of all tasks of the process, exited ones included. */
export function groupCpuNs(group: ThreadGroup): number {
  let total = group.exitedUsage.cpuTimeNs;
  for (const task of group.tasks) if (task.isAlive) total += taskCpuNs(task);
  return total;
}
