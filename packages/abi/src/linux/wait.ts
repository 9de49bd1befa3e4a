/** Wait options and the status word (wait(2), waitid(2)). */
export const Wait = {
  NOHANG: 1, UNTRACED: 2, STOPPED: 2, EXITED: 4, CONTINUED: 8, NOWAIT: 0x0100_0000,
  NOTHREAD: 0x2000_0000, ALL: 0x4000_0000, CLONE: 0x8000_0000,
} as const;

/** idtype of waitid(2). */
export const IdType = { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 } as const;

/** How a task or thread group ended: exit code, or the signal that killed it. */
export interface ExitStatus {
  readonly code: number;
  readonly signo: number;
  readonly coreDumped: boolean;
}

export function exited(code: number): ExitStatus {
  return { code: code & 0xff, signo: 0, coreDumped: false };
}

export function killedBy(signo: number, coreDumped = false): ExitStatus {
  return { code: 0, signo, coreDumped };
}

/** The status word of wait4 for a dead child. */
export function waitStatus(status: ExitStatus): number {
  if (status.signo !== 0) return status.signo | (status.coreDumped ? 0x80 : 0);
  return (status.code & 0xff) << 8;
}

export function stopStatus(signo: number): number {
  return (signo << 8) | 0x7f;
}

export const CONTINUED_STATUS = 0xffff;

/** Exit status of a shell or of the host command for a guest's end: code, or 128 + signal. */
export function shellStatus(status: ExitStatus): number {
  return status.signo !== 0 ? 128 + status.signo : status.code;
}
