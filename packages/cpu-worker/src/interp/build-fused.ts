import { condition } from '../ir/flags.js';
import type { I32, Int } from '../ir/types.js';
import type { Form } from './forms.js';
import type { HotBuilder } from './hot-builder.js';
import { interpOperands } from './interp-operand.js';
import { OP_BYTES } from './op-record.js';

/** An instruction and the conditional jump behind it in one handler. */
export function buildFused(b: HotBuilder, form: Form, cc: number): void {
  const operands = interpOperands(form.operands, form.mem);
  let taken: I32;
  if (form.row.mnemonic === 'cmp') {
    const [x, y] = [b.getInt(operands[0]!), b.getInt(operands[1]!)];
    const memo = new Map<unknown, Int>([[operands[0], x], [operands[1], y]]);
    b.withValues(memo, () => form.row.sem(b, ...operands));
    taken = compare(b, operands[0]!.sizeBits, cc, x, y) ?? condition(b, cc);
  } else {
    form.row.sem(b, ...operands);
    taken = condition(b, cc);
  }
  b.if(taken, () => b.takeJump(OP_BYTES));
}

/** Condition of cmp x, y without the flags. */
function compare(b: HotBuilder, sizeBits: number, cc: number, x: Int, y: Int): I32 | undefined {
  const [sx, sy] = [b.sext(x, sizeBits), b.sext(y, sizeBits)];
  switch (cc) {
    case 2: return b.ltU(x, y);
    case 3: return b.leU(y, x);
    case 4: return b.eq(x, y);
    case 5: return b.ne(x, y);
    case 6: return b.leU(x, y);
    case 7: return b.ltU(y, x);
    case 12: return b.ltS(sx, sy);
    case 13: return b.leS(sy, sx);
    case 14: return b.leS(sx, sy);
    case 15: return b.ltS(sy, sx);
    default: return undefined;
  }
}
