/** Process groups and sessions (setpgid(2), setsid(2), credentials(7)). */
import type { Terminal } from './terminal.js';
import type { ThreadGroup } from './thread-group.js';

export class Session {
  readonly groups = new Set<ProcessGroup>();
  /** Controlling terminal, if any. */
  terminal: Terminal | null = null;

  constructor(readonly sid: number, readonly leader: ThreadGroup) {}
}

export class ProcessGroup {
  readonly members = new Set<ThreadGroup>();

  constructor(readonly pgid: number, readonly session: Session) {
    session.groups.add(this);
  }
}
