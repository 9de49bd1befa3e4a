/** Codes in the decoder's tables (tables.ts); the build hands them to assembly/decoder as constants. */
import { RegisterSource, type RegisterPlan } from './form-plan.js';

export const ROW_BYTES = 8;
export const FORM_BYTES = 16;
export const NONE = 0xffff;

/** What chooses among the encodings of an opcode: the ModRM byte and these bits. SIZE16 = 66 prefix without REX.W. */
export const Selector = { P66: 0x100, SIZE16: 0x200, REX_W: 0x400, ADDRESS32: 0x800, F2: 0x1000, F3: 0x2000, REGISTER: 0x4000 } as const;

/** ONE: the immediate is the constant 1. SIGNED8, WIDE, CUT16: how the immediate is extended. */
export const RowFlag = { MODRM: 1, SEGMENT: 2, POPS: 4, POPS16: 8, ONE: 16, SIGNED8: 32, WIDE: 64, CUT16: 128 } as const;

export const ImmCode = { NONE: 0, BYTE: 1, WORD: 2, DWORD: 3, QWORD: 4, REL8: 5, REL32: 6, OFFSET: 7 } as const;

export const FormFlag = { MEMORY: 1, RELATIVE: 2, MOFFS: 4, ENDS: 8, DIRECT_JUMP: 16 } as const;

/** A RegisterPlan: source in the low bits, register file in the high ones. 0 = no operand. */
export const RegisterCode = { REG: 1, RM: 2, OPCODE: 3, STACK: 4, SOURCE: 7, EXTENDED: 8, BYTE: 16, FILE_SHIFT: 5 } as const;
export const FileCode = { gpr: 0, xmm: 1, mm: 2, st: 3, sreg: 4 } as const;

/** Implicit use of the stack. */
export const StackUse = { NONE: 0, PUSH: 1, CALL: 2, POP: 3, RETURN: 4, LEAVE: 5, ENTER: 6 } as const;

export function stackUse(mnemonic: string): number {
  if (/^pushfq?$|^push$/.test(mnemonic)) return StackUse.PUSH;
  const use: Record<string, number> = { call: StackUse.CALL, pop: StackUse.POP, popf: StackUse.RETURN, popfq: StackUse.RETURN, ret: StackUse.RETURN, leave: StackUse.LEAVE, enter: StackUse.ENTER };
  return use[mnemonic] ?? StackUse.NONE;
}

const SOURCE_CODE: Record<number, number> = {
  [RegisterSource.REG]: RegisterCode.REG, [RegisterSource.RM]: RegisterCode.RM, [RegisterSource.OPCODE]: RegisterCode.OPCODE, [RegisterSource.STACK]: RegisterCode.STACK,
};

export function registerCode({ source, file, isExtended, isByte }: RegisterPlan): number {
  const { EXTENDED, BYTE, FILE_SHIFT } = RegisterCode;
  return SOURCE_CODE[source]! | (isExtended ? EXTENDED : 0) | (isByte ? BYTE : 0) | (FileCode[file] << FILE_SHIFT);
}
