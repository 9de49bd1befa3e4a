import type { SigInfo } from '@troupe/abi';
import { Sig } from '@troupe/abi';
import { CLOCK_TICK_NS } from './running-tasks.js';
import type { ThreadGroup } from './thread-group.js';
import { groupCpuTimeNs } from './usage.js';

/** siginfo of a SIGCHLD about `group` (sigaction(2)). */
export function childInfo(group: ThreadGroup, code: number, status: number, signo: number = Sig.CHLD): SigInfo {
  const utimeTicks = Math.floor(groupCpuTimeNs(group) / CLOCK_TICK_NS);
  return { signo, code, pid: group.tgid, uid: group.leader.creds.uid, status, utimeTicks, stimeTicks: 0 };
}
