import { TCB } from '@troupe/abi/layout/tcb.js';
import type { Access, Operand, OperandKind } from '../isa/operand.js';
import type { OperandSpec, RegisterFile } from '../isa/operand-spec.js';
import { OP } from './op-record.js';

/** An operand whose value the interpreter finds through a field of the op record. */
export interface InterpOperand extends Operand {
  readonly spec: OperandSpec;
  /** Register operand: byte offset in the op record of the register's TCB offset, or -1 when fixed. */
  readonly field: number;
  /** Register operand: TCB offset when the register is fixed. */
  readonly fixedOffset: number;
  /** Immediate: byte offset in the op record. */
  readonly immField: number;
  readonly moffs: boolean;
}

/** TCB offset of a register; ST(i), sreg: the number itself. High bytes (ah …) are number 16 + n. */
export function registerOffset(file: RegisterFile, number: number): number {
  switch (file) {
    case 'gpr': return number >= 16 ? TCB.off.gpr + (number - 16) * 8 + 1 : TCB.off.gpr + number * 8;
    case 'xmm': return TCB.off.xmm + number * 16;
    case 'mm': return TCB.off.st + number * 16;
    default: return number;
  }
}

function kindOf(spec: OperandSpec, mem: boolean): OperandKind {
  if (spec.source === 'imm' || spec.source === 'one') return 'imm';
  if (spec.source === 'rel') return 'rel';
  if (mem && spec.allowMem) return 'mem';
  return spec.file;
}

/** Register operands that need a field of the record, in operand order: the first takes reg[0], and so on. */
export function operandFields(specs: readonly OperandSpec[], mem: boolean): (number | undefined)[] {
  let next = 0;
  return specs.map((spec) => {
    const kind = kindOf(spec, mem);
    const isRegister = kind !== 'mem' && kind !== 'imm' && kind !== 'rel' && spec.source !== 'fixed';
    return isRegister ? next++ : undefined;
  });
}

export function interpOperands(specs: readonly OperandSpec[], mem: boolean): InterpOperand[] {
  const fields = operandFields(specs, mem);
  let imms = 0;
  return specs.map((spec, index) => {
    const kind = kindOf(spec, mem);
    const field = fields[index];
    return {
      spec, kind, index,
      sizeBits: kind === 'mem' ? spec.memBits : spec.sizeBits,
      access: spec.access as Access,
      aligned: spec.aligned && kind === 'mem',
      field: field === undefined ? -1 : OP.reg[field]!,
      fixedOffset: spec.source === 'fixed' ? registerOffset(spec.file, spec.fixed) : -1,
      immField: spec.source === 'imm' ? (imms++ === 0 ? OP.imm : OP.imm1) : -1,
      moffs: spec.source === 'moffs',
    };
  });
}
