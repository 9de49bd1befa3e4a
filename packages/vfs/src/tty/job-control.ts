/** What terminals need of processes, groups and sessions; the kernel implements it (credentials(7), ioctl_tty(2)). */
import type { Tty } from './tty.js';

/** The process behind a system call, as terminals see it. */
export interface TtyCaller {
  readonly sid: number;
  readonly pgid: number;
  readonly isSessionLeader: boolean;
  readonly isPrivileged: boolean;
  /** Its process group has no member with a parent in another group of the session (setpgid(2), "orphaned"). */
  readonly isGroupOrphaned: boolean;
  /** The controlling terminal of its session. */
  readonly terminal: Tty | null;
  /** Process group and session ids as the process sees them, and back; 0 = none. */
  shownId(kernelId: number): number;
  kernelId(id: number): number;
  /** Blocked or ignored by the calling thread. */
  refuses(signo: number): boolean;
}

export interface JobControl {
  /** null = the kernel itself. */
  caller(tid: number): TtyCaller | null;
  /** Sends a signal to every process of a group. */
  signalGroup(pgid: number, signo: number): void;
  /** The session leader gets SIGHUP and SIGCONT when its terminal hangs up. */
  hangUpSession(sid: number): void;
  /** Session of a process group, 0 when there is no such group. */
  sessionOfGroup(pgid: number): number;
  /** Makes the terminal the controlling one of the session, or none. */
  setTerminal(sid: number, terminal: Tty | null): void;
}
