/** Signals (signal(7), sigaction(2)), x86-64 values. */

/** A set of signals: bit n-1 stands for signal n. */
export type SigSet = bigint;

export const Sig = {
  HUP: 1, INT: 2, QUIT: 3, ILL: 4, TRAP: 5, ABRT: 6, BUS: 7, FPE: 8, KILL: 9, USR1: 10, SEGV: 11, USR2: 12,
  PIPE: 13, ALRM: 14, TERM: 15, STKFLT: 16, CHLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22, URG: 23,
  XCPU: 24, XFSZ: 25, VTALRM: 26, PROF: 27, WINCH: 28, IO: 29, PWR: 30, SYS: 31,
} as const;

/** Number of signals; first and last real-time signal as the kernel counts them. */
export const NSIG = 64;
export const SIGRTMIN = 32;

const BITS: readonly SigSet[] = Array.from({ length: NSIG + 1 }, (_, signo) => (signo === 0 ? 0n : 1n << BigInt(signo - 1)));

export function sigBit(signo: number): SigSet {
  return BITS[signo]!;
}

export function sigSet(...signos: readonly number[]): SigSet {
  return signos.reduce((set, signo) => set | sigBit(signo), 0n);
}

export function sigHas(set: SigSet, signo: number): boolean {
  return (set & BITS[signo]!) !== 0n;
}

/** The lowest signal of a set; 0 = it is empty. */
export function lowestSignal(set: SigSet): number {
  const low = Number(BigInt.asUintN(32, set));
  if (low !== 0) return 32 - Math.clz32(low & -low);
  const high = Number(BigInt.asUintN(32, set >> 32n));
  return high === 0 ? 0 : 64 - Math.clz32(high & -high);
}

export const ALL_SIGNALS: SigSet = (1n << 64n) - 1n;
/** Signals that can be neither caught, blocked nor ignored (signal(7)). */
export const UNBLOCKABLE: SigSet = sigSet(Sig.KILL, Sig.STOP);
/** Signals of the default action "stop". */
export const STOP_SIGNALS: SigSet = sigSet(Sig.STOP, Sig.TSTP, Sig.TTIN, Sig.TTOU);
/** Signals an instruction raises synchronously; delivered before others. */
export const SYNCHRONOUS_SIGNALS: SigSet = sigSet(Sig.SEGV, Sig.BUS, Sig.ILL, Sig.TRAP, Sig.FPE, Sig.SYS);

export type DefaultAction = 'term' | 'core' | 'ignore' | 'stop' | 'continue';
const CORE = sigSet(Sig.QUIT, Sig.ILL, Sig.TRAP, Sig.ABRT, Sig.BUS, Sig.FPE, Sig.SEGV, Sig.XCPU, Sig.XFSZ, Sig.SYS);
const IGNORE = sigSet(Sig.CHLD, Sig.URG, Sig.WINCH);

/** What a signal does when its disposition is SIG_DFL (signal(7), "Standard signals"). */
export function defaultAction(signo: number): DefaultAction {
  if (sigHas(CORE, signo)) return 'core';
  if (sigHas(IGNORE, signo)) return 'ignore';
  if (sigHas(STOP_SIGNALS, signo)) return 'stop';
  return signo === Sig.CONT ? 'continue' : 'term';
}

export const SIG_DFL = 0;
export const SIG_IGN = 1;

/** sa_flags (sigaction(2)). */
export const Sa = {
  NOCLDSTOP: 1, NOCLDWAIT: 2, SIGINFO: 4, UNSUPPORTED: 0x400, EXPOSE_TAGBITS: 0x800, RESTORER: 0x0400_0000,
  ONSTACK: 0x0800_0000, RESTART: 0x1000_0000, NODEFER: 0x4000_0000, RESETHAND: 0x8000_0000,
} as const;

/** how of sigprocmask(2). */
export const SigHow = { BLOCK: 0, UNBLOCK: 1, SETMASK: 2 } as const;

/** ss_flags of sigaltstack(2). */
export const Ss = { ONSTACK: 1, DISABLE: 2, AUTODISARM: 0x8000_0000 } as const;
export const MINSIGSTKSZ = 2048;

/** si_code values (sigaction(2)). */
export const Si = {
  USER: 0, KERNEL: 0x80, QUEUE: -1, TIMER: -2, MESGQ: -3, ASYNCIO: -4, SIGIO: -5, TKILL: -6,
  ILL_ILLOPC: 1, ILL_ILLOPN: 2, ILL_PRVOPC: 5,
  FPE_INTDIV: 1, FPE_INTOVF: 2, FPE_FLTDIV: 3, FPE_FLTOVF: 4, FPE_FLTUND: 5, FPE_FLTRES: 6, FPE_FLTINV: 7, FPE_FLTUNK: 14,
  SEGV_MAPERR: 1, SEGV_ACCERR: 2, BUS_ADRALN: 1, BUS_ADRERR: 2, BUS_OBJERR: 3,
  TRAP_BRKPT: 1, TRAP_TRACE: 2, TRAP_HWBKPT: 4, SYS_SECCOMP: 1,
  CLD_EXITED: 1, CLD_KILLED: 2, CLD_DUMPED: 3, CLD_TRAPPED: 4, CLD_STOPPED: 5, CLD_CONTINUED: 6,
  POLL_IN: 1, POLL_OUT: 2, POLL_MSG: 3, POLL_ERR: 4, POLL_PRI: 5, POLL_HUP: 6,
} as const;

export const SIGINFO_BYTES = 128;

/** siginfo_t as plain data; which fields count depends on signo and code (sigaction(2)). */
export interface SigInfo {
  readonly signo: number;
  readonly code: number;
  readonly errno?: number;
  /** Sender, or the child of SIGCHLD. */
  readonly pid?: number;
  readonly uid?: number;
  /** SIGCHLD: exit status or signal; CPU times in clock ticks. */
  readonly status?: number;
  readonly utimeTicks?: number;
  readonly stimeTicks?: number;
  /** sigval of SI_QUEUE, SI_TIMER, SI_MESGQ. */
  readonly value?: bigint;
  readonly timerId?: number;
  readonly overrun?: number;
  /** Fault address; its trap number (for the frame) and page-fault error code. */
  readonly addr?: bigint;
  readonly trapNo?: number;
  readonly trapErrorCode?: number;
  /** SIGPOLL/SIGIO. */
  readonly band?: number;
  readonly fd?: number;
  /** SIGSYS: number of the system call and its architecture. */
  readonly syscall?: number;
  readonly arch?: number;
  /** Bytes 16…127 as given by rt_sigqueueinfo(2). */
  readonly payload?: Uint8Array;
}

const NAMES = new Map<number, string>(Object.entries(Sig).map(([name, nr]) => [nr, `SIG${name}`]));

/** 'SIGINT' for 2, 'SIGRT_3' for 35, as strace prints them. */
export function signalName(signo: number): string {
  return NAMES.get(signo) ?? (signo === SIGRTMIN ? 'SIGRTMIN' : signo > SIGRTMIN && signo <= NSIG ? `SIGRT_${signo - SIGRTMIN}` : String(signo));
}
