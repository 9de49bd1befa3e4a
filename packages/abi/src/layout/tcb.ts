import { struct } from './struct.js';

/**
 * Task control block: everything a core needs to run a task. 2 KiB each, two per frame.
 *
 * Writers: while `runState` is RUNNING only the core that runs the task writes it (except
 * `interrupt`, which anybody may set atomically). In every other state only the kernel writes it.
 * `runState` is the hand-over word: the writer that gives the TCB away stores it last (seq-cst).
 */
export const TCB = struct('Tcb', {
  /** rax rcx rdx rbx rsp rbp rsi rdi r8 … r15 (encoding order). */
  gpr: ['u64', 16],
  rip: 'u64',
  /** Lazy flags, see layout/flags.ts. */
  ccRes: 'i64',
  ccAux: 'i64',
  /** Flags that are not lazy, in RFLAGS positions: DF, TF, AC, ID, NT, IF (always 1 as seen by user mode), bit 1. */
  flagsRest: 'u32',
  mxcsr: 'u32',
  fsBase: 'u64',
  gsBase: 'u64',
  /** Linear addresses of the flat tables of the address space: read, write, execute. 0 = no tables yet. */
  tableRead: 'u32',
  tableWrite: 'u32',
  tableExec: 'u32',
  /** Generation of the address space; cores drop their high-address cache when (asId, asGen) changes. */
  asId: 'u32',
  /** x87: control, status, abridged tag (1 bit per register, 1 = valid), last opcode. */
  fcw: 'u16',
  fsw: 'u16',
  ftw: 'u8',
  pad0: 'u8',
  fop: 'u16',
  fip: 'u64',
  fdp: 'u64',
  /** x87 registers ST(0)..ST(7) in stack order is NOT used: these are physical R0..R7; 10 bytes used of 16. */
  st: { bytes: 128, align: 16 },
  /** xmm0 … xmm15, 16 bytes each. */
  xmm: { bytes: 256, align: 16 },

  /** RunState value; hand-over word. */
  runState: 'i32',
  /** Non-zero: leave guest code at the next safepoint and trap to the kernel (signal, stop, kill, pause). */
  interrupt: 'i32',
  /** Trap value with which guest code was left. */
  trap: 'i32',
  /** For faults: vector (x86 exception number), page-fault error code bits, faulting guest address. */
  trapVector: 'u32',
  trapErrorCode: 'u32',
  /** Length of the trapping instruction in bytes (syscall: 2). */
  trapLenBytes: 'u32',
  trapAddr: 'u64',
  /**
   * Kernel's answer to a fault above 4 GiB, for the core's high-address cache: guest address of the
   * page (0 = no answer; the core clears it), frame, and permissions (1 read, 2 write, 4 execute).
   */
  fillPage: 'u64',
  fillFrame: 'u32',
  fillPerms: 'u32',

  tid: 'i32',
  tgid: 'i32',
  /** Core that ran the task last, or -1. */
  lastCore: 'i32',
  /** CPUs the task may run on: bit n = core n (64 cores). */
  affinity: 'u64',
  /** Guest instructions retired (blocks count as a whole). */
  instructions: 'u64',
  /** Time on a core, ns, added up by cores at the end of each slice. */
  cpuTimeNs: 'u64',
  /** Voluntary and involuntary context switches. */
  nvcsw: 'u32',
  nivcsw: 'u32',
  /** CLONE_CHILD_CLEARTID address etc. stay kernel-side; words below belong to in-core system calls. */
  sigMask: 'u64',
  robustList: 'u64',
  /** Always 0: stands for an absent base or index register. */
  zero: 'u64',
  /** Guest address of the page rip is in, while guest code runs (rip-relative operands). Written by the core. */
  pcBase: 'u64',
  /** Instruction count of translated code (cpu-worker jit/region-abi.ts). Written by the core. */
  ran: 'i32',
  /**
   * Three of layout/memory-windows.ts. Written by the kernel before the task becomes runnable; `bytes` may be set to 0 at any
   * time, then a shootdown follows. Cores may keep a copy while they are in guest code.
   */
  windows: { bytes: 72, align: 8 },
  /** Translated code: number, in the bits that no guest address has, of the execute table as it is now. Written by the core (cpu-worker jit/code-keys.ts). */
  codeKey: 'u64',
  /** Tasks of a higher priority run first: 1 … 99 real-time, 0 the others (sched(7)). Written by the kernel at any time. */
  schedPriority: 'i32',
  /** Time slice in µs; 0 = the usual one. Written by the kernel at any time. */
  sliceUs: 'u32',
  /** How long the task usually runs between two traps, ns: a moving average. Written by the core. */
  burstNs: 'u32',
  /** 1: cores may answer system calls of the task (shared/in-core-calls.ts). Written by the kernel at any time. */
  inCore: 'i32',
  /** Answers of the first IN_CORE_CALLS (shared/in-core-calls.ts), as the task sees them. */
  ids: ['u32', 6],
  /** Guest address of the rseq(2) area, below 4 GiB; 0 = none. */
  rseq: 'u32',
  /** Linear address of the fresh bits of the address space (FLAT_SET.fresh), 0 = none. Written with tableRead. */
  freshMap: 'u32',
  /** Faults that cores answered (cpu-worker worker/fresh-pages.ts). Written by the core. */
  freshFaults: 'u32',
  /** How long the task has run since its last trap, in slices that have ended, ns. Written by the core. */
  burstSoFarNs: 'u32',
}, 2048);

/** Life of a TCB between kernel and cores. */
export const RunState = {
  /** Owned by the kernel (created, blocked, stopped, in a system call). */
  KERNEL: 0,
  /** In the run queue; nobody writes. */
  RUNNABLE: 1,
  /** On a core. */
  RUNNING: 2,
  /** Trapped, address pushed on the kernel ring; now the kernel's. */
  TRAPPED: 3,
  DEAD: 4,
} as const;

/** Why guest code was left. */
export const Trap = {
  NONE: 0,
  SYSCALL: 1,
  /** x86 exception: trapVector, trapErrorCode, trapAddr; rip = faulting instruction (trap class #BP/#DB: the next one). */
  EXCEPTION: 2,
  /** `interrupt` was set. */
  INTERRUPT: 3,
  /** Budget used up or core command: stays with the core. */
  PREEMPT: 4,
  /** The core needs decoded code for rip: stays with the core. */
  DECODE: 5,
  /** The core itself failed while running this task (JS exception, wasm trap). The kernel kills the task. */
  CORE_ERROR: 6,
  /** The region at rip is not installed on this core or does not fit (cpu-worker jit): stays with the core. */
  STALE: 7,
  /** The code at rip is hot: stays with the core. */
  HOT: 8,
} as const;

/** x86 exception vectors (SDM Vol. 3A 6.3.1). STEP is none: a program set RFLAGS.TF, the core goes on in single steps. */
export const Vector = { DE: 0, DB: 1, BP: 3, OF: 4, BR: 5, UD: 6, NM: 7, DF: 8, SS: 12, GP: 13, PF: 14, MF: 16, AC: 17, XM: 19, STEP: 32 } as const;

/** Page-fault error code bits (SDM Vol. 3A 4.7). */
export const PfCode = { PRESENT: 1, WRITE: 2, USER: 4, FETCH: 16 } as const;

/** Register numbers in encoding order. */
export const Reg = { RAX: 0, RCX: 1, RDX: 2, RBX: 3, RSP: 4, RBP: 5, RSI: 6, RDI: 7, R8: 8, R9: 9, R10: 10, R11: 11, R12: 12, R13: 13, R14: 14, R15: 15 } as const;
