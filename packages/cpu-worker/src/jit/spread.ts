/** A hash without collisions: `(value * multiplier mod 2^32) >>> shift` is an index of `slots`. */
export interface Spread {
  readonly multiplier: number;
  readonly shift: number;
  /** Number of the value by its hash; -1 = none. */
  readonly slots: readonly number[];
}

/** Larger tables are tried when there is no multiplier for a small one. */
const ATTEMPTS = 64;
const MAX_BITS = 20;

function attempt(values: readonly number[], multiplier: number, bits: number): number[] | undefined {
  const slots = Array.from({ length: 2 ** bits }, () => -1);
  for (const [i, value] of values.entries()) {
    const slot = Math.imul(value, multiplier) >>> (32 - bits);
    if (slots[slot] !== -1) return undefined;
    slots[slot] = i;
  }
  return slots;
}

/** Finds a hash for different 32-bit numbers. Throws when there are equal ones. */
export function spread(values: readonly number[]): Spread {
  if (new Set(values).size !== values.length) throw new Error('spread: values are not different');
  for (let bits = Math.max(1, Math.ceil(Math.log2(values.length))); bits <= MAX_BITS; bits++) {
    let multiplier = 0x9e3779b1 | 0;
    for (let i = 0; i < ATTEMPTS; i++, multiplier = Math.imul(multiplier, 0x2c9277b5) + 2) {
      const slots = attempt(values, multiplier, bits);
      if (slots) return { multiplier, shift: 32 - bits, slots };
    }
  }
  throw new Error(`spread: no hash for ${values.length} values`);
}
