/** What a kernel has done and holds, at one moment: plain numbers, for logs and monitoring. */
import { Nr, PAGE_SIZE } from '@troupe/abi';
import type { ThreadHost } from '../host/kernel-host.js';
import type { Kernel as KernelCore } from '../kernel.js';
import type { Task, TaskState } from '../task/task.js';

export interface KernelMetrics {
  /** By name: made so far, and of these failed. */
  readonly syscalls: Readonly<Record<string, { readonly calls: number; readonly errors: number }>>;
  /** Calls the kernel does not have, by name. */
  readonly unimplemented: Readonly<Record<string, number>>;
  readonly pageFaults: number;
  readonly contextSwitches: number;
  readonly instructions: number;
  /** Every counter of the cores and of translated code. */
  readonly cores: Readonly<Record<string, number>>;
  /** Tasks that are not reaped, by state; forks since the start. */
  readonly tasks: Readonly<Record<Exclude<TaskState, 'dead'>, number>>;
  readonly forks: number;
  readonly memory: { readonly usedBytes: number; readonly limitBytes: number; readonly addressSpaces: number };
  /** Kernel time since the start, ns. */
  readonly uptimeNs: number;
}

const NAMES = new Map<number, string>(Object.entries(Nr).map(([name, nr]) => [nr, name]));

function tasksByState(tasks: Iterable<Task>): KernelMetrics['tasks'] {
  const counts = { new: 0, running: 0, blocked: 0, stopped: 0, zombie: 0 };
  for (const { state } of tasks) if (state !== 'dead') counts[state]++;
  return counts;
}

export function takeMetrics(core: KernelCore, host: ThreadHost): KernelMetrics {
  const cores = host.pool.counters();
  const { dispatcher, frames, memory, tasks } = core;
  return {
    syscalls: Object.fromEntries([...dispatcher.counts].map(([name, { calls, errors }]) => [name, { calls, errors }])),
    unimplemented: Object.fromEntries([...dispatcher.unimplemented].map(([nr, count]) => [NAMES.get(nr) ?? String(nr), count])),
    pageFaults: cores['pageFaults'] ?? 0, contextSwitches: cores['contextSwitches'] ?? 0, instructions: cores['instructions'] ?? 0, cores,
    tasks: tasksByState(tasks.all()), forks: tasks.forkCount,
    memory: { usedBytes: frames.framesInUse * PAGE_SIZE, limitBytes: frames.limitFrames * PAGE_SIZE, addressSpaces: memory.spaces.size },
    uptimeNs: core.monotonicNs(),
  };
}
