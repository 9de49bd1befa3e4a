import { CONDITIONS } from '../ir/flags.js';

/**
 * Which hot handlers get variants. `flagless`: for results whose flags nobody reads. `fused`: with
 * the conditional jump that follows. A shape is `mnemonic operands` (forms.ts): `cmp r32 i32`.
 */

const code = (name: (typeof CONDITIONS)[number]): number => CONDITIONS.indexOf(name);

const COMPARE = ['e', 'ne', 'b', 'ae', 'be', 'a', 'l', 'ge', 'le', 'g', 's', 'ns'].map((name) => code(name as 'e'));
const TEST = ['e', 'ne', 's', 'ns', 'le', 'g'].map((name) => code(name as 'e'));
const RESULT = ['e', 'ne', 's', 'ns'].map((name) => code(name as 'e'));
const EQUAL = [code('e'), code('ne')];

const FLAGLESS_SHAPE = /^((add|sub|and|or|xor) r(32|64) (r|i|m)(32|64)|(shl|shr|sar|rol|ror) r(32|64) (i8|one)|(inc|dec|neg) r(32|64)|imul r(32|64) .*)$/;

export function flaglessAllowed(shape: string, addressing: string): boolean {
  return FLAGLESS_SHAPE.test(shape) && addressing !== 'index';
}

const FUSED_SHAPES: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^cmp r(8|32|64) (r|i)(8|32|64)$/, COMPARE],
  [/^cmp (m(8|32|64) i|r(32|64) m|m(32|64) r)/, COMPARE],
  [/^test r(8|32|64) r/, TEST],
  [/^test (r8|r32|m8) i/, EQUAL],
  [/^(sub|add) r(32|64) (i|r)/, RESULT],
  [/^(and) r(32|64) i/, EQUAL],
  [/^(dec) r(32|64)$/, RESULT],
];

/** Condition codes a shape is fused with. */
export function fusedConditions(shape: string, addressing: string): readonly number[] {
  if (addressing === 'index') return [];
  return FUSED_SHAPES.find(([pattern]) => pattern.test(shape))?.[1] ?? [];
}
