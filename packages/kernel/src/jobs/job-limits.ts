/**
 * What one job, all its processes together, may use. Open files are limited per process (RLIMIT_NOFILE); the
 * rest is looked at every 10 ms of the host, so that a job can exceed it for that long before it is killed.
 */
import { LimitSet, PAGE_SIZE, Rlimit } from '@troupe/abi';
import type { Kernel } from '../kernel.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { groupUsage } from '../task/usage.js';
import { processesOf } from './process-tree.js';

export interface JobLimits {
  /** Resident memory of all processes; pages that several share count for each. */
  readonly memoryBytes?: number;
  /** Of all processes, ended ones that were waited for included. */
  readonly cpuTimeNs?: number;
  /** Guest instructions of all processes, ended ones that were waited for included. */
  readonly instructions?: number;
  /** Threads of all processes. */
  readonly tasks?: number;
  readonly openFiles?: number;
}

export const LIMIT_CHECK_MS = 10;

export function needsWatch({ memoryBytes, cpuTimeNs, instructions, tasks }: JobLimits): boolean {
  return memoryBytes !== undefined || cpuTimeNs !== undefined || instructions !== undefined || tasks !== undefined;
}

/** Resource limits that processes of a job start with. */
export function limitSetOf({ openFiles }: JobLimits): LimitSet | undefined {
  if (openFiles === undefined) return undefined;
  const limits = new LimitSet();
  limits.set(Rlimit.NOFILE, { soft: openFiles, hard: openFiles });
  return limits;
}

/** Name of a limit that the job exceeds now. */
export function exceededLimit(kernel: Kernel, root: ThreadGroup, limits: JobLimits): string | undefined {
  let memoryPages = 0;
  let cpuTimeNs = 0;
  let instructions = 0;
  let tasks = 0;
  for (const group of processesOf(kernel, root)) {
    const [first] = group.liveTasks;
    if (first !== undefined) memoryPages += first.mm.rssPages;
    const usage = groupUsage(group);
    cpuTimeNs += usage.cpuTimeNs + group.childUsage.cpuTimeNs;
    instructions += usage.instructions + group.childUsage.instructions;
    tasks += group.liveTasks.length;
  }
  if (memoryPages * PAGE_SIZE > (limits.memoryBytes ?? Infinity)) return 'memory';
  if (cpuTimeNs > (limits.cpuTimeNs ?? Infinity)) return 'CPU time';
  if (instructions > (limits.instructions ?? Infinity)) return 'instructions';
  return tasks > (limits.tasks ?? Infinity) ? 'tasks' : undefined;
}
