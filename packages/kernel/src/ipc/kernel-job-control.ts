/** Job control as terminals see it, over the kernel's sessions and process groups (credentials(7), termios(3)). */
import { Cap, Si, Sig, hasCap, sigHas } from '@troupe/abi';
import type { JobControl, Tty, TtyCaller } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { isOrphaned } from '../task/job-control.js';
import type { ProcessGroup, Session } from '../task/process-group.js';
import { kernelPid, shownPid } from '../namespace/id-view.js';
import type { Task } from '../task/task.js';

export class KernelJobControl implements JobControl {
  constructor(readonly kernel: Kernel) {}

  caller(tid: number): TtyCaller | null {
    const task = this.kernel.tasks.byTid(tid);
    return task ? new TaskTtyCaller(task) : null;
  }

  signalGroup(pgid: number, signo: number): void {
    const group = this.kernel.tasks.processGroups.get(pgid);
    if (group) this.kernel.signals.sendToProcessGroup(group, { signo, code: Si.KERNEL });
    this.kernel.host.kick();
  }

  hangUpSession(sid: number): void {
    const leader = this.kernel.tasks.sessions.get(sid)?.leader;
    if (!leader || leader.isZombie) return;
    for (const signo of [Sig.HUP, Sig.CONT]) this.kernel.signals.sendToGroup(leader, { signo, code: Si.KERNEL });
    this.kernel.host.kick();
  }

  sessionOfGroup(pgid: number): number {
    return this.kernel.tasks.processGroups.get(pgid)?.session.sid ?? 0;
  }

  setTerminal(sid: number, terminal: Tty | null): void {
    const session = this.kernel.tasks.sessions.get(sid);
    if (session) session.terminal = terminal;
  }
}

class TaskTtyCaller implements TtyCaller {
  private readonly _group: ProcessGroup;
  private readonly _session: Session;

  constructor(readonly task: Task) {
    this._group = task.group.processGroup;
    this._session = this._group.session;
  }

  get sid(): number {
    return this._session.sid;
  }

  get pgid(): number {
    return this._group.pgid;
  }

  get isSessionLeader(): boolean {
    return this._session.leader === this.task.group;
  }

  get isPrivileged(): boolean {
    return hasCap(this.task.creds, Cap.SYS_ADMIN);
  }

  get isGroupOrphaned(): boolean {
    return isOrphaned(this._group);
  }

  get terminal(): Tty | null {
    return this._session.terminal as Tty | null;
  }

  shownId(kernelId: number): number {
    return shownPid(this.task, kernelId);
  }

  kernelId(id: number): number {
    return kernelPid(this.task, id);
  }

  refuses(signo: number): boolean {
    return sigHas(this.task.sigMask, signo) || this.task.group.handlers.ignores(signo);
  }
}
