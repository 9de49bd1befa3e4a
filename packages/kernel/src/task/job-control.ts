/** Orphaned process groups and hang-ups (setpgid(2), setsid(2), POSIX 2.4, XBD 11.1). */
import { Sig, Si } from '@troupe/abi';
import type { ProcessGroup, Session } from './process-group.js';
import type { ThreadGroup } from './thread-group.js';

/** No member has a parent in another group of the same session: nobody could continue a stopped job. */
export function isOrphaned(processGroup: ProcessGroup, except: ThreadGroup | null = null): boolean {
  for (const member of processGroup.members) {
    const { parent } = member;
    if (member === except || member.isZombie || parent === null) continue;
    if (parent.processGroup !== processGroup && parent.processGroup?.session === processGroup.session) return false;
  }
  return true;
}

function hasStopped(processGroup: ProcessGroup): boolean {
  for (const member of processGroup.members) if (member.stopRequested && !member.isZombie) return true;
  return false;
}

/** A process group that became orphaned with stopped members gets SIGHUP and SIGCONT. */
export function wakeOrphaned(processGroup: ProcessGroup): void {
  if (!isOrphaned(processGroup) || !hasStopped(processGroup)) return;
  for (const member of [...processGroup.members]) {
    if (member.isZombie) continue;
    member.kernel.signals.sendToGroup(member, { signo: Sig.HUP, code: Si.KERNEL });
    member.kernel.signals.sendToGroup(member, { signo: Sig.CONT, code: Si.KERNEL });
  }
}

/** The session leader exits: its terminal hangs up, the foreground group gets SIGHUP and SIGCONT. */
export function hangUpSession(session: Session): void {
  const { terminal } = session;
  if (!terminal) return;
  session.terminal = null;
  const { tasks, signals } = session.leader.kernel;
  const foreground = tasks.processGroups.get(terminal.foreground);
  terminal.disassociate();
  if (!foreground || foreground.session !== session) return;
  signals.sendToProcessGroup(foreground, { signo: Sig.HUP, code: Si.KERNEL });
  signals.sendToProcessGroup(foreground, { signo: Sig.CONT, code: Si.KERNEL });
}
