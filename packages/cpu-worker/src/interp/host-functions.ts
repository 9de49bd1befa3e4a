import { TCB } from '@troupe/abi/layout/tcb.js';
import { CoreBlock, headerWord } from '@troupe/abi/layout/header.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { cpuidLeaf } from '../isa/cpuid.js';

/** Functions of the run-time library that only the host can do. Names as in isa/rows/system.ts. */
export function hostFunctions(shared: SharedMemory, coreBlock: number): Record<string, (...args: never[]) => unknown> {
  const cpuWord = (coreBlock + CoreBlock.off.cpu) / 4;
  const offsetWord = headerWord('tscOffsetNs') / 2;
  return {
    /** Time stamp counter: 1 count = 1 ns of the monotonic clock. */
    host_tsc: () => process.hrtime.bigint() + shared.i64[offsetWord]!,
    host_core: () => shared.i32[cpuWord]!,
    host_cpuid: (tcb: number) => {
      const at = tcb / 8 + TCB.off.gpr / 8;
      const leaf = Number(shared.u64[at]! & 0xffffffffn);
      const subleaf = Number(shared.u64[at + 1]! & 0xffffffffn);
      const [eax, ebx, ecx, edx] = cpuidLeaf(leaf, subleaf, shared.i32[cpuWord]!);
      shared.u64[at] = BigInt(eax);
      shared.u64[at + 3] = BigInt(ebx);
      shared.u64[at + 1] = BigInt(ecx);
      shared.u64[at + 2] = BigInt(edx);
    },
  };
}
