import { TCB } from '@troupe/abi/layout/tcb.js';
import type { Form } from './forms.js';
import type { InterpBuilder } from './interp-builder.js';
import { interpOperands } from './interp-operand.js';

/** Runs a row's sem for one form of its operands. */
export function buildSem(b: InterpBuilder, form: Form): void {
  form.row.sem(b, ...interpOperands(form.operands, form.mem));
  if (form.operands.some((o) => o.file === 'mm')) enterMmx(b);
}

/** MMX instructions set TOP to 0 and mark all registers valid (SDM Vol. 3A 12.2). */
function enterMmx(b: InterpBuilder): void {
  b.setField('fsw', b.and(b.field('fsw'), b.i32(~0x3800)));
  b.writeRawInt(8, b.tcb(), TCB.off.ftw, b.i32(0xff), 'state');
}
