import { CORE_BLOCK_BYTES, CORE_BLOCKS, KERNEL_HEADER, MAX_CORES } from './memory-map.js';
import { struct } from './struct.js';

/**
 * Words shared by the kernel thread and all cores. All are accessed with Atomics (i32) unless noted.
 */
export const KernelHeader = struct('KernelHeader', {
  /** Doorbell of the kernel: incremented and notified after a push on the kernel ring or by other threads. */
  doorbell: 'i32',
  /** 1 while the kernel thread is inside waitAsync; cores only notify then. */
  kernelSleeping: 'i32',
  /** Kernel ring (MPSC): next slot to claim (cores), next slot to read (kernel). Slots hold TCB addresses, 0 = not yet filled. */
  ringHead: 'i32',
  ringTail: 'i32',
  /** Run queue: spin lock, head, tail (u32 counters modulo RUN_QUEUE_SLOTS). */
  runqLock: 'i32',
  runqHead: 'i32',
  runqTail: 'i32',
  /** Emulated CPUs: numbers below are of CPUs (CoreBlock.occupant). Written once. */
  cpuCount: 'i32',
  /** Cores asleep on their CoreBlock.asleep. */
  idleCores: 'i32',
  /** Number of started cores. */
  coreCount: 'i32',
  /** 1: cores leave their loops and their threads end. */
  shutdown: 'i32',
  /** kernel.go runningTasks: tasks that are running application or kernel code. */
  runningTasks: 'i32',
  /** Global lock for locked operations that wasm atomics cannot do (unaligned, 16 bytes). */
  bigAtomicLock: 'i32',
  /** Frame allocator (shared/frames.ts): spin lock, bump pointer (frame number), head of the free list (frame number), limits. */
  frameLock: 'i32',
  frameBump: 'i32',
  frameFree: 'i32',
  frameLimit: 'i32',
  framesInUse: 'i32',
  /** Decoded-code cache: lock of structure changes. */
  codeLock: 'i32',
  codeEpoch: 'i32',
  /** Incremented after execute entries were withdrawn anywhere, before the cores that may use them are waited for. */
  execVersion: 'i32',
  /** Linear address of the frame number -> code page map (u32 each), 0 before the first decode. */
  codeMap: 'i32',
  /** State of the interpreter's main loop (cpu-worker interp/main-tier.ts): cold, requested, compiled, held. */
  interpreterWarm: 'i32',
  /** kernel.go cpuClock: ticks of linux.ClockTick (10 ms). */
  cpuClock: 'u64',
  /** Linear address of the vDSO parameter page, 0 before it exists. */
  vdsoParams: 'u32',
  /** Time stamp counter: tsc = (hostNs * tscMulQ32) >> 32 with hostNs from the monotonic clock. */
  tscOffsetNs: 'i64',
  /** Frames that may be in use at most. */
  frameCap: 'i32',
  /** Free chunks by size in frames, of sizes below SHARED_CHUNK_SIZES (shared/frames.ts): linear address of the first, which holds that of the next. */
  freeChunks: ['u32', 16],
  /** Linear address of what translated code shares (cpu-worker jit/jit-area.ts), 0 before the first core asks for it. */
  jitArea: 'i32',
  /** Not 0: the kernel wants to see every system call (shared/in-core-calls.ts). */
  watchedCalls: 'i32',
  /** Linear address of the counters of futex waiters (shared/in-core-calls.ts). Written once. */
  futexFilter: 'u32',
  /** 1: the kernel thread wants to be a CPU; 2 + n: the core of CPU n has left its own to it, with a trap (compare-exchange from 1). 0: neither. */
  cpuWanted: 'i32',
  /** When a thread last did not run although it wanted to, in ticks of shared/host-load.ts. Written by any thread. */
  lostTick: 'i32',
  /** 1: a program has started that ran long in earlier runs. Cores then start the thread that finds kept translations. Written by the kernel. */
  wakeCompiler: 'i32',
}, 4096);

/** One per core, CORE_BLOCK_BYTES apart. Only that core writes it, except `command`. */
export const CoreBlock = struct('CoreBlock', {
  /** Bits of CoreCommand; set by anybody with Atomics.or, cleared by the core. Polled at safepoints. */
  command: 'i32',
  /** 1 while wasm guest code runs. */
  inGuest: 'i32',
  /** Incremented at every safepoint passed (leaving guest code or answering SAFEPOINT). */
  epoch: 'i32',
  /** TCB of the task on this core, 0 = none; address space id of that task. */
  currentTcb: 'u32',
  currentAsId: 'u32',
  /** 1 once the core loop runs. */
  online: 'i32',
  /** Remaining branch budget; when it falls below 0 guest code is left with Trap.PREEMPT. */
  budget: 'i32',
  /** Number of the CPU that guest code of this core sees: its own, or the one the kernel thread's core stands in for. */
  cpu: 'i32',
  /** Bounce buffer for page-crossing accesses. */
  bounce: { bytes: 256, align: 64 },
  /** Exit and slow-path counters, see CoreCounter. */
  counters: ['u64', 64],
  /** Scratch of the interpreter (decoded one-shot ops, string-op state). */
  scratch: { bytes: 1024, align: 64 },
  /** Entries that high-address fills displaced last (interp/slow-memory.ts). */
  highVictims: { bytes: 128, align: 16 },
  /** Where the interpreter's main loop stopped: op and count (interp/main-loop.ts). */
  mainOp: 'u32',
  mainCount: 'i32',
  /** Linear address of the core's jump cache (cpu-worker jit/region-abi.ts), 0 = none yet. */
  jumpCache: 'u32',
  /** 1: a region was called that this core has not installed. */
  regionMissing: 'i32',
  /** Retirements of regions (JitHeader.retirements) this core has followed. */
  retirementsSeen: 'i32',
  /** Who runs tasks as the CPU of this number: an Occupant. Taken by compare-exchange from FREE, given back by store. */
  occupant: 'i32',
  /** 1 while the core's thread sleeps, or is about to; who takes it to 0 (compare-exchange) notifies. */
  asleep: 'i32',
  /** System calls answered by the core, and of these failed: by index in IN_CORE_CALLS (shared/in-core-calls.ts). */
  inCoreCalls: ['u32', 16],
  inCoreErrors: ['u32', 16],
  /** Trace of slices (shared/slice-ring.ts): address of the ring, 0 = off, written by the kernel; slices written so far. */
  sliceRing: 'u32',
  sliceHead: 'i32',
}, CORE_BLOCK_BYTES);

/** CoreBlock.occupant: nobody, the CPU's own thread, the kernel thread. */
export const Occupant = { FREE: 0, CORE: 1, KERNEL: 2 } as const;

export const CoreCommand = { PREEMPT: 1, SAFEPOINT: 2, FLUSH_HIGH: 4, STOP: 8 } as const;

/** Named counters in CoreBlock.counters; printed by --stat. One list for writer and reader. */
export const CoreCounter = ['instructions', 'syscalls', 'pageFaults', 'exceptions', 'preemptions', 'interrupts', 'decodedOps', 'decodeExits', 'crossPageAccesses', 'highAccesses', 'contextSwitches', 'idleWaits', 'inCoreCalls',
  // Translated code; the exits in the order of RegionExit (cpu-worker jit/region-abi.ts).
  'regionInstructions', 'regionEntries', 'regionJumps', 'regionReturns', 'regionSlow', 'regionPolls', 'regionSyscalls', 'regionStale', 'regionRequests', 'moduleInstalls',
  // Runs compared with the interpreter, and those that differ (cpu-worker check/checked-regions.ts).
  'regionsChecked', 'regionDifferences',
  // Faults that cores answered (cpu-worker worker/fresh-pages.ts).
  'inCoreFaults'] as const;
export type CoreCounterName = (typeof CoreCounter)[number];

/** The core that the kernel thread runs tasks on itself (kernel host/local-core.ts). */
export const LOCAL_CORE = MAX_CORES - 2;

/** The thread that translates has a block, too, to keep code pages from being reused; it is no core. */
export const COMPILER_CORE = MAX_CORES - 1;

export function coreBlockAddr(coreId: number): number {
  return CORE_BLOCKS + coreId * CORE_BLOCK_BYTES;
}

/** i32 index (for Int32Array + Atomics) of a header field. */
export function headerWord(field: keyof typeof KernelHeader.off): number {
  return (KERNEL_HEADER + KernelHeader.off[field]) >> 2;
}
