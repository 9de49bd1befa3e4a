/** Orphaned process groups and hang-ups (setpgid(2), setsid(2), POSIX 2.4, XBD 11.1). */
import { Sig, Si } from '@troupe/abi';
import type { ProcessGroup, Session } from './process-group.js';
import type { ThreadGroup } from './thread-group.js';

/** No member has a parent in another group of the same session: nobody could continue a stopped job. */
export function isOrphaned(processGroup: ProcessGroup, except: ThreadGroup | null = null): boolean {
  for (const member of processGroup.members) {
    if (member !== except && !member.isZombie && holds(member.parent, processGroup)) return false;
  }
  return true;
}

/** Could this parent of a member continue it: does it live in another group of the same session? */
function holds(parent: ThreadGroup | null, processGroup: ProcessGroup): boolean {
  return parent !== null && parent.processGroup !== processGroup && parent.processGroup?.session === processGroup.session;
}

function hasStopped(processGroup: ProcessGroup): boolean {
  for (const member of processGroup.members) if (member.stopRequested && !member.isZombie) return true;
  return false;
}

/**
 * A member of the group ended, or lost `parent`: when that was the last link that held the group, and members
 * are stopped, they get SIGHUP and SIGCONT. A group that was orphaned before gets nothing.
 */
export function wakeOrphaned(processGroup: ProcessGroup, parent: ThreadGroup | null): void {
  if (!holds(parent, processGroup) || !isOrphaned(processGroup) || !hasStopped(processGroup)) return;
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
