import type { Form } from '../interp/forms.js';
import { CONDITIONS } from '../ir/flags.js';

/** What the choice of variants (assembly/decoder/variants.ts) must know of a form. */

/** Effect of an instruction on the arithmetic flags. */
export const FlagEffect = { NONE: 0, READS: 1, KILLS: 2 } as const;

const ARITHMETIC = ['o', 's', 'z', 'a', 'p', 'c'];
const CONDITIONAL_WRITERS = /^(shl|shr|sar|sal|shld|shrd|cmps.|scas.)$/;
const SHIFTS = /^(shl|shr|sar|sal|shld|shrd)$/;
const TRAPS = /^(int.*|ud\d|hlt|syscall|cli|sti|in|out|ins.|outs.)$/;
/** Conditional jumps that do not look at the flags: they may be read at the target. */
const FLAGLESS_JUMPS = /^(loop|jecxz|jrcxz)$/;
const EFFECTS = new Map<Form, number>();

function effectOf(form: Form): number {
  const { flags, mnemonic, ends, untestable } = form.row;
  // Whoever leaves guest code shows the flags.
  if ((ends && !mnemonic.startsWith('j')) || untestable || TRAPS.test(mnemonic) || FLAGLESS_JUMPS.test(mnemonic)) return FlagEffect.READS;
  if (ARITHMETIC.some((flag) => flags?.r?.includes(flag))) return FlagEffect.READS;
  // Partial writers (inc, rol) keep the others: their flags are needed when those behind them are.
  const writesAll = ARITHMETIC.every((flag) => flags?.w?.includes(flag));
  // A shift by 0 and a repeated compare with rcx = 0 write nothing.
  return writesAll && !CONDITIONAL_WRITERS.test(mnemonic) ? FlagEffect.KILLS : FlagEffect.NONE;
}

export function flagEffect(form: Form): number {
  let effect = EFFECTS.get(form);
  if (effect === undefined) EFFECTS.set(form, (effect = effectOf(form)));
  return effect;
}

/** A shift whose count is a constant: it writes all flags unless the count is 0. Beside the effect, in the decoder's table. */
export const FlagShift = { IMMEDIATE: 4, ONE: 8, WIDE: 16 } as const;

export function flagShift(form: Form): number {
  if (!SHIFTS.test(form.row.mnemonic)) return 0;
  const { source } = form.operands.at(-1)!;
  const count = source === 'one' ? FlagShift.ONE : source === 'imm' ? FlagShift.IMMEDIATE : 0;
  return count | (form.operands[0]!.sizeBits === 64 ? FlagShift.WIDE : 0);
}

const JUMP_CODE = new Map<string, number>(CONDITIONS.map((name, cc) => [`j${name}`, cc]));

/** Condition code of a conditional jump, else -1. */
export function jumpCondition(form: Form): number {
  return JUMP_CODE.get(form.row.mnemonic) ?? -1;
}
