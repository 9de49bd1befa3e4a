import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import type { Instruction } from './instruction.js';
import { StackUse } from './table-codes.js';

const RSP = 4;
const RBP = 5;
/** Base register number of rip-relative operands. */
const RIP = 16;

function isCanonical(address: bigint): boolean {
  return BigInt.asIntN(48, address) === BigInt.asIntN(64, address);
}

/** Offset of a memory operand; rip-relative ones are canonical anyway. */
function memoryOffset(insn: Instruction, gpr: (number: number) => bigint): bigint {
  if (insn.address32 || insn.base === RIP) return 0n;
  const base = insn.base < 0 ? 0n : gpr(insn.base);
  const index = insn.index < 0 ? 0n : gpr(insn.index) << BigInt(insn.scaleLog2);
  return base + index + BigInt(insn.disp);
}

/** Whether the faulting access of an instruction was through ss: an rsp or rbp base, or the implicit stack. */
export function usesStackSegment(insn: Instruction, shared: SharedMemory, tcb: number): boolean {
  const gpr = (number: number): bigint => shared.u64[(tcb + TCB.off.gpr) / 8 + number]!;
  if (insn.isMem && insn.segment === 0 && (insn.base === RSP || insn.base === RBP)) return true;
  const { stackUse } = insn;
  if (stackUse === StackUse.NONE) return false;
  // push and call read their memory operand before they touch the stack.
  if (insn.isMem && stackUse !== StackUse.POP && !isCanonical(memoryOffset(insn, gpr))) return false;
  const pointer = gpr(stackUse === StackUse.LEAVE ? RBP : RSP);
  const below = stackUse === StackUse.PUSH || stackUse === StackUse.CALL;
  return stackUse === StackUse.ENTER || !isCanonical(pointer) || !isCanonical(pointer + 7n) || (below && !isCanonical(pointer - 8n));
}
