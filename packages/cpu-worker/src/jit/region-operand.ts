import { planOf } from '../decode/form-plan.js';
import type { Form } from '../interp/forms.js';
import { interpOperands, operandFields, type InterpOperand } from '../interp/interp-operand.js';
import type { Operand } from '../isa/operand.js';
import type { GuestInstruction } from './guest-code.js';

/** An operand whose register or immediate is known. */
export interface RegionOperand extends Operand {
  /** Register number (high bytes 16 + n); −1 for other operands. */
  readonly register: number;
  /** Second immediate of the instruction. */
  readonly isSecondImmediate: boolean;
  readonly isOne: boolean;
  readonly isMoffs: boolean;
}

interface OperandShape {
  readonly operands: readonly InterpOperand[];
  /** Index into the instruction's registers, by operand. */
  readonly fields: readonly (number | undefined)[];
}

const SHAPES = new Map<Form, OperandShape>();

function shapeOf(form: Form): OperandShape {
  let shape = SHAPES.get(form);
  if (shape === undefined) SHAPES.set(form, (shape = { operands: interpOperands(form.operands, form.mem), fields: operandFields(form.operands, form.mem) }));
  return shape;
}

/** Operands of a form; `registerOf(field, operand)` gives the number of register operands that are not fixed. */
export function regionOperands(form: Form, registerOf: (field: number, operand: InterpOperand) => number): RegionOperand[] {
  const { operands, fields } = shapeOf(form);
  let immediates = 0;
  return operands.map((o, i) => {
    const field = fields[i];
    const isImmediate = o.spec.source === 'imm';
    return {
      kind: o.kind, sizeBits: o.sizeBits, access: o.access, aligned: o.aligned, index: o.index,
      register: field === undefined ? (o.spec.source === 'fixed' ? o.spec.fixed : -1) : registerOf(field, o),
      isSecondImmediate: isImmediate && immediates++ > 0,
      isOne: o.spec.source === 'one',
      isMoffs: o.moffs,
    };
  });
}

export function operandsOf(insn: GuestInstruction): RegionOperand[] {
  if (planOf(insn.form).registers.length !== insn.regs.length) throw new Error('region: registers do not fit the form');
  return regionOperands(insn.form, (field) => insn.regs[field]!);
}
