/** Bases of FS and GS (arch_prctl(2), PTRACE_ARCH_PRCTL of ptrace(2)). */
import { Errno, TCB } from '@troupe/abi';
import type { Task } from './task.js';

export const ArchCode = { SET_GS: 0x1001, SET_FS: 0x1002, GET_FS: 0x1003, GET_GS: 0x1004 } as const;
const ADDRESS_END = 0x7fff_ffff_f000;

/** Sets a base of `task` to `at`, or stores it at `at` in the memory of `caller`. Preconditions: `task` is not on a core. 0, -EPERM, -EINVAL. */
export function archPrctl(caller: Task, task: Task, code: number, at: number): number {
  const { u64 } = task.shared;
  const isFs = code === ArchCode.SET_FS || code === ArchCode.GET_FS;
  const word = (task.tcb + (isFs ? TCB.off.fsBase : TCB.off.gsBase)) / 8;
  switch (code) {
    case ArchCode.SET_FS:
    case ArchCode.SET_GS:
      if (at >= ADDRESS_END) return -Errno.EPERM;
      u64[word] = BigInt(at);
      return 0;
    case ArchCode.GET_FS:
    case ArchCode.GET_GS:
      caller.mm.writeU64(at, u64[word]!);
      return 0;
    default:
      return -Errno.EINVAL;
  }
}
