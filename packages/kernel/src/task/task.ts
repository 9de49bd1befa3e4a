/**
 * A task (Linux thread): kernel-side state. Registers and everything a core needs live in its TCB
 * in shared memory (packages/abi layout/tcb.ts).
 *
 * Owns:   the fields below; written on the kernel thread only.
 * Order:  the TCB may be written only while its runState is KERNEL or TRAPPED.
 * Saved:  every field is plain data or a reference to another savable object.
 */
import type { Credentials, ExitStatus, RseqRegistration, SharedMemory, SigSet } from '@troupe/abi';
import { ALL_SIGNALS, Ss, TCB, UNBLOCKABLE, WaitQueue } from '@troupe/abi';
import type { FdTable } from '../fdtable.js';
import type { FsContext } from '../fs-context.js';
import type { Kernel } from '../kernel.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import type { NamespaceSet } from '../namespace/namespace-set.js';
import type { Resume, Tracing } from '../ptrace/tracing.js';
import type { Seccomp } from '../seccomp/filter.js';
import { PendingSignals } from '../signal/pending-signals.js';
import type { SemaphoreUndo } from '../sysv/semaphore-undo.js';
import type { Parked } from '../syscall/dispatch.js';
import type { SyscallState } from '../syscall/row.js';
import type { ExecImage } from './exec-image.js';
import { Usage } from './usage-counts.js';
import type { ThreadGroup } from './thread-group.js';

/**
 * Life of a task as the kernel sees it.
 *   new      created, not started
 *   running  on a core, in the run queue, or inside a system call on the kernel thread
 *   blocked  its system call waits (`parked`)
 *   stopped  parked by a group stop or by Kernel.pause; nothing to do until continued
 *   zombie   exited, not reaped
 *   dead     reaped; the tid is free
 */
export type TaskState = 'new' | 'running' | 'blocked' | 'stopped' | 'zombie' | 'dead';

/** sigaltstack(2). `sizeBytes` 0 = disabled. */
export interface AltStack {
  addr: bigint;
  sizeBytes: number;
  flags: number;
}

export class Task {
  mm!: MemoryManager;
  fds!: FdTable;
  fs!: FsContext;
  creds!: Credentials;
  namespaces!: NamespaceSet;
  /** The system call being executed or waited in; null when in user mode. */
  syscall: SyscallState | null = null;
  /** comm: at most 15 bytes. */
  name = '';
  state: TaskState = 'new';
  /** Registrations of the wait; null unless the call of `syscall` waits. Owned by the dispatcher. */
  parked: Parked | null = null;
  /** Stands in the runner's attention queue (signal, kill or continue to look at). */
  needsAttention = false;

  /** Signals sent to this thread alone. */
  readonly pending = new PendingSignals();
  /** Something for the signal delivery to look at before the next return to user mode (Linux TIF_SIGPENDING). */
  signalPending = false;
  /**
   * Mask to restore before returning to user mode, set by calls that swap the mask while they wait
   * (setTemporaryMask). A handler frame saves this one. null = no swap in progress.
   */
  savedSigMask: SigSet | null = null;
  altStack: AltStack = { addr: 0n, sizeBytes: 0, flags: Ss.DISABLE };
  /** Signals rt_sigtimedwait(2) waits for: taken by the call, not delivered. */
  sigWaitSet: SigSet = 0n;
  /** Last exception: vector, error code, fault address, as handler frames show them. */
  trapNo = 0;
  trapErrorCode = 0;
  faultAddr = 0n;
  /** Restart code (512 …) the current call ended with; consumed on the way to user mode. 0 = none. */
  restartCode = 0;
  /** Call to resume on restart_syscall(2) (ERESTART_RESTARTBLOCK). */
  restartBlock: SyscallState | null = null;
  /** Killed: exits with this status at the next delivery point (SIGKILL, exit_group, execve of a sibling). */
  killStatus: ExitStatus | null = null;
  /** Set when the task ends, or stops before its end for its tracer (PTRACE_EVENT_EXIT). */
  exitStatus: ExitStatus | null = null;
  /** Number of the system call the task entered the kernel with, as registers show it (orig_rax); -1 = by another trap. */
  origRax = -1;
  /** Its tracer's view of a traced task; null otherwise. */
  tracing: Tracing | null = null;
  /** Set by what ended a ptrace-stop, until the task goes on. */
  resume: Resume | null = null;
  /** Its tracer let it go while it ran step by step: its next step is told to nobody, and is the last. */
  hasStaleTrapFlag = false;
  /** Tasks this one traces. */
  readonly tracees = new Set<Task>();
  /** What the task had used when it exited. */
  finalUsage = new Usage();

  /** set_tid_address(2), CLONE_CHILD_CLEARTID: word cleared and woken at exit; 0 = none. */
  clearChildTid = 0;
  /** PR_SET_PDEATHSIG: signal when the parent dies; 0 = none. */
  parentDeathSignal = 0;
  /** Parent of a vfork waits for this child; null otherwise. */
  vforkParent: Task | null = null;
  /** Where a vfork parent waits for this child's execve or exit. */
  readonly vforkWaiters = new WaitQueue();
  /** New image of an execve that waits for the other threads to end. */
  execImage: ExecImage | null = null;
  /** Monotonic start time. */
  startNs = 0;
  /** Minor and major page faults. */
  minorFaults = 0;
  majorFaults = 0;
  /** nice value (-20…19), scheduling policy and real-time priority as set by sched_setscheduler(2). */
  nice = 0;
  schedPolicy = 0;
  rtPriority = 0;
  /** personality(2): flags. */
  personality = 0;
  /** set_mempolicy(2): kept, there is one node. */
  memoryPolicy: { readonly mode: number; readonly nodes: bigint } = { mode: 0, nodes: 0n };
  /** ioprio_set(2): kept, I/O is not scheduled. */
  ioPriority = 0;
  /** prctl(2) state. */
  noNewPrivs = false;
  /** seccomp(2): strict mode or the newest filter; null = every call is allowed. */
  seccomp: Seccomp | null = null;
  dumpable = 1;
  timerSlackNs = 50_000;
  /** What semop(2) undoes at the end; null until the first SEM_UNDO. */
  semaphoreUndo: SemaphoreUndo | null = null;
  /** What the ids in the TCB were made from (in-core-state.ts). */
  published: { readonly creds: Credentials | null; readonly tid: number } = { creds: null, tid: 0 };
  /** rseq(2), written through setRseq. */
  rseq: RseqRegistration | null = null;

  constructor(
    readonly kernel: Kernel,
    public tid: number,
    public group: ThreadGroup,
    /** Linear address of the TCB; 0 once the task has exited. */
    public tcb: number,
  ) {}

  get shared(): SharedMemory {
    return this.kernel.shared;
  }

  getReg(reg: number): bigint {
    return this.shared.u64[(this.tcb + TCB.off.gpr) / 8 + reg]!;
  }

  setReg(reg: number, value: bigint): void {
    this.shared.u64[(this.tcb + TCB.off.gpr) / 8 + reg] = BigInt.asUintN(64, value);
  }

  /** rax of a finished call; exact for integers below 2^53. */
  setResult(value: number): void {
    const at = (this.tcb + TCB.off.gpr) >> 2;
    this.shared.u32[at] = value;
    this.shared.u32[at + 1] = Math.floor(value / 0x1_0000_0000);
  }

  get rip(): bigint {
    return this.shared.u64[(this.tcb + TCB.off.rip) / 8]!;
  }

  set rip(value: bigint) {
    this.shared.u64[(this.tcb + TCB.off.rip) / 8] = BigInt.asUintN(64, value);
  }

  /** Blocked signals. */
  get sigMask(): SigSet {
    return this.shared.u64[(this.tcb + TCB.off.sigMask) / 8]!;
  }

  set sigMask(mask: SigSet) {
    this.shared.u64[(this.tcb + TCB.off.sigMask) / 8] = mask & ALL_SIGNALS & ~UNBLOCKABLE;
    this.recalcSignalPending();
  }

  /**
   * Swaps the mask for the duration of a wait (ppoll, pselect6, epoll_pwait, sigsuspend). The old mask
   * comes back before the return to user mode. Calling it again in a retried handler is harmless.
   */
  setTemporaryMask(mask: SigSet): void {
    this.savedSigMask ??= this.sigMask;
    this.sigMask = mask;
  }

  /** Unblocked signals are pending for this task or its group, or the task has been killed. */
  recalcSignalPending(): void {
    const pending = this.pending.set | this.group.pending.set;
    const isDeliverable = pending !== 0n && (pending & ~(this.sigMask | this.sigWaitSet)) !== 0n;
    this.signalPending = isDeliverable || this.killStatus !== null || this.mustStop || this.tracing?.trapRequested === true;
  }

  /** A group stop concerns this task; one that its tracer resumed meanwhile has left it. */
  get mustStop(): boolean {
    return this.group.stopRequested && this.tracing?.leftGroupStop !== true;
  }

  get isLeader(): boolean {
    return this.group.leader === this;
  }

  get isAlive(): boolean {
    return this.state !== 'zombie' && this.state !== 'dead';
  }
}
