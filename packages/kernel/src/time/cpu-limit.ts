/** RLIMIT_CPU (setrlimit(2)): SIGXCPU at the soft limit and every second from there, SIGKILL at the hard limit. */
import { Rlimit, Si, Sig } from '@troupe/abi';
import type { ThreadGroup } from '../task/thread-group.js';
import { groupCpuNs } from './cpu-clocks.js';

const NS_PER_SEC = 1_000_000_000;

/** Called on every tick of the CPU clock. A soft limit of 0 counts as a second. */
export function checkCpuLimit(group: ThreadGroup): void {
  const { soft, hard } = group.limits.get(Rlimit.CPU);
  if (soft === Infinity || group.isZombie) return;
  const usedSec = groupCpuNs(group) / NS_PER_SEC;
  const { signals } = group.kernel;
  if (usedSec >= Math.max(hard, 1)) {
    signals.sendToGroup(group, { signo: Sig.KILL, code: Si.KERNEL, pid: 0, uid: 0 });
  } else if (usedSec >= Math.max(soft, 1)) {
    group.limits.set(Rlimit.CPU, { soft: Math.max(soft, 1) + 1, hard });
    signals.sendToGroup(group, { signo: Sig.XCPU, code: Si.KERNEL, pid: 0, uid: 0 });
  }
}
