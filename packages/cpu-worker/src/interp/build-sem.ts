import type { Form } from './forms.js';
import type { InterpBuilder } from './interp-builder.js';
import { interpOperands } from './interp-operand.js';

/** Runs a row's sem for one form of its operands. */
export function buildSem(b: InterpBuilder, form: Form): void {
  form.row.sem(b, ...interpOperands(form.operands, form.mem));
}
