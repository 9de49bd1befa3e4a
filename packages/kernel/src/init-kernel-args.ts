/** What a kernel is made from (kernel.go InitKernelArgs). */
import type { FramePool, SharedMemory } from '@troupe/abi';
import { Invariant } from '@troupe/abi';
import type { Timekeeper } from '@troupe/time';
import type { Vfs } from '@troupe/vfs';
import type { FeatureSet } from './cpu/feature-set.js';
import type { KernelHost } from './host-hooks.js';
import type { MemorySystem } from './mm/memory-system.js';
import type { IpcNamespace } from './namespace/ipc-namespace.js';
import type { UserNamespace } from '@troupe/abi';
import type { UtsNamespace } from './namespace/uts-namespace.js';
import type { SyscallRow } from './syscall/row.js';

/** One auxiliary vector entry (getauxval(3)). */
export interface AuxEntry {
  readonly key: number;
  readonly value: bigint;
}

/** kernel.go InitKernelArgs. */
export interface InitKernelArgs {
  readonly shared: SharedMemory;
  readonly frames: FramePool;
  /** Made from `frames` when absent. */
  readonly memory?: MemorySystem;
  readonly host: KernelHost;
  readonly vfs: Vfs;
  readonly rows: Iterable<SyscallRow>;
  readonly timekeeper: Timekeeper;
  /** Logical CPUs visible to applications: [0, applicationCores). */
  readonly applicationCores: number;
  /** Programs see at least as many CPUs as the host may have. */
  readonly useHostCores?: boolean;
  /** CPU features announced to programs. */
  readonly featureSet: FeatureSet;
  readonly rootUserNamespace: UserNamespace;
  readonly extraAuxv?: readonly AuxEntry[];
  readonly rootUtsNamespace?: UtsNamespace;
  readonly rootIpcNamespace?: IpcNamespace;
  /** Bound on live tasks (fork bombs get EAGAIN). */
  readonly maxTasks?: number;
}

/** The checks of kernel.go Init. Arguments may come from JavaScript: types alone do not help. */
export function checkArgs(args: InitKernelArgs): void {
  if (!args.featureSet) throw new Invariant('FeatureSet is missing');
  if (!args.timekeeper) throw new Invariant('Timekeeper is missing');
  if (!args.rootUserNamespace) throw new Invariant('RootUserNamespace is missing');
  if (!(args.applicationCores > 0)) throw new Invariant('ApplicationCores is 0');
}
