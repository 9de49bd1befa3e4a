/** The processes of one job: the one that was made from outside and all that descend from it. */
import { PAGE_SIZE, Si } from '@troupe/abi';
import type { Kernel } from '../kernel.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { groupUsage } from '../task/usage.js';
import type { JobUsage, Signo } from './executor.js';

export function* processesOf(kernel: Kernel, root: ThreadGroup): Generator<ThreadGroup> {
  for (const group of kernel.tasks.groups) if (group.root === root && !group.isZombie) yield group;
}

export function signalTree(kernel: Kernel, root: ThreadGroup, signo: Signo): void {
  for (const group of [...processesOf(kernel, root)]) kernel.signals.sendToGroup(group, { signo, code: Si.USER, pid: 0, uid: 0 });
  kernel.host.kick();
}

/** After its end: the process and the children it has waited for. */
export function finalUsage(root: ThreadGroup): JobUsage {
  const own = groupUsage(root);
  return { cpuTimeNs: own.cpuTimeNs + root.childUsage.cpuTimeNs, maxRssBytes: Math.max(own.maxRssPages, root.childUsage.maxRssPages) * PAGE_SIZE };
}
