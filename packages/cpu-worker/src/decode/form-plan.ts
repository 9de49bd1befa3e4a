import type { Form } from '../interp/forms.js';
import type { OperandSpec, RegisterFile } from '../isa/operand-spec.js';

/** Where the number of a register operand stands in the instruction. */
export const RegisterSource = { REG: 0, RM: 1, OPCODE: 2, STACK: 3 } as const;

/** A register operand that takes a field of the op record. */
export interface RegisterPlan {
  readonly source: number;
  readonly file: RegisterFile;
  /** REX extends the number. */
  readonly isExtended: boolean;
  /** Without REX, numbers 4–7 are ah ch dh bh. */
  readonly isByte: boolean;
}

/** What the decoder and the op writer need of a form, worked out once. */
export interface FormPlan {
  readonly registers: readonly RegisterPlan[];
  readonly isRelative: boolean;
  readonly isMoffs: boolean;
}

function registerPlan(o: OperandSpec): RegisterPlan {
  const { REG, RM, OPCODE, STACK } = RegisterSource;
  const opcode = o.file === 'st' ? STACK : OPCODE;
  return {
    source: o.source === 'reg' ? REG : o.source === 'rm' ? RM : opcode,
    file: o.file,
    isExtended: o.file === 'gpr' || o.file === 'xmm',
    isByte: o.sizeBits === 8 && o.file === 'gpr',
  };
}

function makePlan(form: Form): FormPlan {
  const isRegister = (o: OperandSpec): boolean => o.source === 'reg' || o.source === 'opcode' || (o.source === 'rm' && !(form.mem && o.allowMem));
  return {
    registers: form.operands.filter(isRegister).map(registerPlan),
    isRelative: form.operands.some((o) => o.source === 'rel'),
    isMoffs: form.operands.some((o) => o.source === 'moffs'),
  };
}

const PLANS = new Map<Form, FormPlan>();

export function planOf(form: Form): FormPlan {
  let plan = PLANS.get(form);
  if (plan === undefined) PLANS.set(form, (plan = makePlan(form)));
  return plan;
}
