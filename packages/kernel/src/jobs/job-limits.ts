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
  /** Threads of all processes. */
  readonly tasks?: number;
  readonly openFiles?: number;
}

export const LIMIT_CHECK_MS = 10;

export function needsWatch({ memoryBytes, cpuTimeNs, tasks }: JobLimits): boolean {
  return memoryBytes !== undefined || cpuTimeNs !== undefined || tasks !== undefined;
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
  let tasks = 0;
  for (const group of processesOf(kernel, root)) {
    const [first] = group.liveTasks;
    if (first !== undefined) memoryPages += first.mm.rssAnonPages + first.mm.rssFilePages;
    cpuTimeNs += groupUsage(group).cpuTimeNs + group.childUsage.cpuTimeNs;
    tasks += group.liveTasks.length;
  }
  if (memoryPages * PAGE_SIZE > (limits.memoryBytes ?? Infinity)) return 'memory';
  if (cpuTimeNs > (limits.cpuTimeNs ?? Infinity)) return 'CPU time';
  return tasks > (limits.tasks ?? Infinity) ? 'tasks' : undefined;
}
