/**
 * A task (Linux thread): kernel-side state. Registers and everything a core needs live in its TCB
 * in shared memory (packages/abi layout/tcb.ts).
 */
import type { Credentials, SharedMemory } from '@troupe/abi';
import { TCB } from '@troupe/abi';
import type { FdTable } from '../fdtable.js';
import type { FsContext } from '../fs-context.js';
import type { Kernel } from '../kernel.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import type { SyscallState } from '../syscall/row.js';
import type { ThreadGroup } from './thread-group.js';

export class Task {
  mm!: MemoryManager;
  fds!: FdTable;
  fs!: FsContext;
  creds!: Credentials;
  /** The system call being executed or waited in; null when in user mode. */
  syscall: SyscallState | null = null;
  /** comm: at most 15 bytes. */
  name = '';

  constructor(
    readonly kernel: Kernel,
    readonly tid: number,
    readonly group: ThreadGroup,
    /** Linear address of the TCB. */
    readonly tcb: number,
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
}
