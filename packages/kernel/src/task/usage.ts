/** CPU time and fault counts (getrusage(2), times(2), wait4(2)). */
import { TCB } from '@troupe/abi';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import { Usage } from './usage-counts.js';

/** What a task used so far; of an exited one what it had used at its end. */
export function taskUsage(task: Task): Usage {
  if (task.tcb === 0) return task.finalUsage;
  const usage = new Usage();
  const { u32, u64 } = task.shared;
  usage.cpuTimeNs = Number(u64[(task.tcb + TCB.off.cpuTimeNs) / 8]!);
  usage.instructions = Number(u64[(task.tcb + TCB.off.instructions) / 8]!);
  usage.minorFaults = task.minorFaults + u32[(task.tcb + TCB.off.freshFaults) >> 2]!;
  usage.majorFaults = task.majorFaults;
  usage.voluntarySwitches = u32[(task.tcb + TCB.off.nvcsw) >> 2]!;
  usage.involuntarySwitches = u32[(task.tcb + TCB.off.nivcsw) >> 2]!;
  return usage;
}

/** All threads of a process, exited ones included (RUSAGE_SELF). */
export function groupUsage(group: ThreadGroup): Usage {
  const usage = new Usage();
  usage.add(group.exitedUsage);
  for (const task of group.tasks) if (task.isAlive) usage.add(taskUsage(task));
  usage.maxRssPages = Math.max(usage.maxRssPages, group.leader.isAlive ? group.leader.mm.peakRssPages : 0);
  return usage;
}

export function groupCpuTimeNs(group: ThreadGroup): number {
  return groupUsage(group).cpuTimeNs;
}
