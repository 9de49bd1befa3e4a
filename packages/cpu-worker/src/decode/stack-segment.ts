import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import type { Instruction } from './instruction.js';

const RSP = 4;
const RBP = 5;
/** Base register number of rip-relative operands. */
const RIP = 16;
const IMPLICIT = /^(push|pop|pushfq?|popfq?|call|ret|leave|enter)$/;

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
  const { mnemonic } = insn.form!.row;
  if (!IMPLICIT.test(mnemonic)) return false;
  // push and call read their memory operand before they touch the stack.
  if (insn.isMem && mnemonic !== 'pop' && !isCanonical(memoryOffset(insn, gpr))) return false;
  const pointer = gpr(mnemonic === 'leave' ? RBP : RSP);
  const below = mnemonic === 'push' || mnemonic.startsWith('pushf') || mnemonic === 'call' || mnemonic === 'enter';
  return mnemonic === 'enter' || !isCanonical(pointer) || !isCanonical(pointer + 7n) || (below && !isCanonical(pointer - 8n));
}

/** Whether `address` is at the top of the stack that the instruction uses implicitly. */
export function isOnStack(insn: Instruction, shared: SharedMemory, tcb: number, address: bigint): boolean {
  const distance = BigInt.asIntN(64, address - shared.u64[(tcb + TCB.off.gpr) / 8 + RSP]!);
  return IMPLICIT.test(insn.form!.row.mnemonic) && distance >= -8n && distance < 8n;
}
