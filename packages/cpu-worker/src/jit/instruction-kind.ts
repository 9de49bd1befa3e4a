import { formUse } from './form-use.js';
import { RIP_BASE, type GuestInstruction } from './guest-code.js';

/**
 * Rows that are always left to the interpreter: they leave guest code or change how it runs. enter may read what it has
 * written, so it must not begin again after a fault.
 */
const LEFT_TO_INTERPRETER = /^(enter|ud\d|hlt|int.*|popf.*|cli|sti|in|out|ins.|outs.|iret.*|sysexit|sysret)$/;

export type InstructionKind = 'plain' | 'jump' | 'condition' | 'call' | 'callIndirect' | 'indirect' | 'return' | 'syscall' | 'cold' | 'slow';

/** What an instruction means for the flow of control. */
export function kindOf(insn: GuestInstruction): InstructionKind {
  const { mnemonic, ends } = insn.form.row;
  if (LEFT_TO_INTERPRETER.test(mnemonic)) return 'slow';
  const isRelative = !Number.isNaN(insn.target);
  if (mnemonic === 'call') return isRelative ? 'call' : 'callIndirect';
  if (mnemonic === 'jmp') return isRelative ? 'jump' : 'indirect';
  if (mnemonic === 'ret') return 'return';
  if (mnemonic === 'syscall') return 'syscall';
  if (isRelative) return 'condition';
  if (ends) return 'slow';
  return formUse(insn.form).isInline ? 'plain' : 'cold';
}

/** A computed jump, but not one through the linker's table of other modules' functions. */
export function isDispatch(insn: GuestInstruction): boolean {
  return kindOf(insn) === 'indirect' && insn.base !== RIP_BASE;
}
