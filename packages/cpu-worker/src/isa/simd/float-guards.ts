import type { Builder } from '../../ir/builder.js';
import type { I32, Val } from '../../ir/types.js';
import { ROUNDING, isExactDefault, isRoundingDefault } from './float-lanes.js';
import type { FloatLanes, Windowed } from './float-lanes.js';

/**
 * Guards of regions (adr/0016): an instruction leaves, not begun, unless its native result is the exact one and raises nothing
 * new. The hot test asks whether some of operands and result lie in windows of magnitudes; what does not (zero, for one) comes
 * to the exact test in a rare branch. Behind either of them operands and result are *plain*: finite, and not denormal.
 *
 * Why windows are enough, for f64 (f32 likewise): `low` is [2^-512, 2^512), `high` is [2^-510, 2^514).
 *   product    r in high and y in low: |x| > 2^-510 (1 - 2^-54) / 2^512 (1 - 2^-53), so x is not denormal; nor infinite, as r is
 *              finite. r in high and x the same value as y: |x| > 2^-256. Operands known to be plain need no test.
 *   quotient   r in high and y in low: |x| >= 2^-510 (1 - 2^-54) 2^-512, above the largest denormal number.
 *   sum        y in low, x in low or known to be plain: r is finite, since x is and |y| is less than half of the distance from
 *              the largest number to infinity. r is not denormal: x and y both are multiples of 2^-566, or x is less than half
 *              of y. So FTZ does not matter either. Both known: r in high.
 */

type Arithmetic = 'add' | 'sub' | 'mul' | 'div';
type Values = readonly [x: Val, y: Val, r: Val];

function low(value: Val): Windowed {
  return { value, window: 'low' };
}

function high(value: Val): Windowed {
  return { value, window: 'high' };
}

function unknown(b: Builder, lanes: FloatLanes, x: Val, y: Val): Val[] {
  return (b.isSame!(x, y) ? [x] : [x, y]).filter((value) => !lanes.isPlain(b, value));
}

/** 0: MXCSR is such that only exceptions other than PE matter; else 1 << 30. */
function roundingGuard(b: Builder): I32 {
  const difference = b.xor(b.and(b.field('mxcsr'), b.i32(ROUNDING.mask)), b.i32(ROUNDING.value));
  return b.and(b.add(difference, b.i32((1 << 30) - 1)), b.i32(1 << 30));
}

/** Leaves unless MXCSR is as usual. */
export function testRounding(b: Builder): void {
  b.leaveIfBoth!(b.eqz(isRoundingDefault(b, 'daz-ftz')), undefined);
  b.noteRounding!();
}

/**
 * `windows`: tested first. `isBad`: the exact test. What needs no rounding is right with PE clear as well: programs that compute
 * with integers in floats never set it. There is no test for that in packed instructions.
 */
function guard(b: Builder, lanes: FloatLanes, name: Arithmetic, values: Values, windows: readonly Windowed[], isBad: () => I32): void {
  const isKnown = b.isRoundingKnown!();
  if (!lanes.isExact) {
    b.leaveIfBoth!(lanes.outside(b, windows), isBad);
    if (!isKnown) testRounding(b);
    return;
  }
  const rounding = isKnown ? undefined : b.roundingGuard!(() => roundingGuard(b));
  b.leaveIfBoth!(lanes.outside(b, windows, rounding), () => {
    if (rounding) b.leaveIfBoth!(rounding, () => b.eqz(b.and(isExactDefault(b, 'daz-ftz'), lanes.isExact!(b, name, ...values))));
    return isBad();
  });
}

export function guardSum(b: Builder, lanes: FloatLanes, name: 'add' | 'sub', values: Values): void {
  const [x, y, r] = values;
  const operands = unknown(b, lanes, x, y);
  const windows = operands.length > 0 ? operands.map(low) : [high(r)];
  guard(b, lanes, name, values, windows, () => lanes.some(b, ...operands.map((value) => lanes.denormal(b, value)), lanes.denormal(b, r), lanes.notFinite(b, r)));
  for (const value of values) lanes.notePlain(b, value);
}

/** An infinite divisor of zero is exact, and not plain. */
export function guardProduct(b: Builder, lanes: FloatLanes, name: 'mul' | 'div', values: Values): void {
  const [x, y, r] = values;
  const operands = unknown(b, lanes, x, y);
  const isSquare = name === 'mul' && b.isSame!(x, y);
  const windows = [high(r), ...(isSquare ? [] : operands.slice(-1).map(low))];
  const zeroes = name === 'mul' ? [x, y] : [x];
  guard(b, lanes, name, values, windows, () => lanes.some(b, ...operands.map((value) => lanes.denormal(b, value)), lanes.unexplained(b, zeroes, r)));
  for (const value of [...zeroes, r]) lanes.notePlain(b, value);
}
