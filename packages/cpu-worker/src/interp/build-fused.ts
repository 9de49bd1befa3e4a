import { conditionAfter } from '../ir/flag-operation.js';
import { condition } from '../ir/flags.js';
import type { I32, Int } from '../ir/types.js';
import type { Form } from './forms.js';
import type { HotBuilder } from './hot-builder.js';
import { interpOperands } from './interp-operand.js';
import { OP_BYTES } from './op-record.js';

/** s and ns look at the result, which the flags hold. */
const SIGN_CODES = new Set([8, 9]);

/** An instruction and the conditional jump behind it in one handler. */
export function buildFused(b: HotBuilder, form: Form, cc: number): void {
  const operands = interpOperands(form.operands, form.mem);
  let taken: I32;
  if (form.row.mnemonic === 'cmp') {
    const [x, y] = [b.getInt(operands[0]!), b.getInt(operands[1]!)];
    const memo = new Map<unknown, Int>([[operands[0], x], [operands[1], y]]);
    b.withValues(memo, () => form.row.sem(b, ...operands));
    const sizeBits = operands[0]!.sizeBits;
    const needsResult = SIGN_CODES.has(cc);
    taken = (needsResult ? undefined : conditionAfter(b, { kind: 'sub', sizeBits, x, y, r: x }, cc)) ?? condition(b, cc);
  } else {
    form.row.sem(b, ...operands);
    taken = condition(b, cc);
  }
  b.if(taken, () => b.takeJump(OP_BYTES));
}
