import type { FloatShape } from '../ir/builder.js';

/** What of a vector, or of a scalar, is known to be plain: finite and not denormal (isa/simd/float-guards.ts). `zero`: all bits are 0. */
export type PlainShape = FloatShape | 'zero';

const VECTORS = { f32: 'f32x4', f64: 'f64x2' } as const;

/** `known` says that what `shape` means is plain: of vectors all lanes, of scalars the low one. */
export function covers(known: PlainShape | undefined, shape: FloatShape): boolean {
  return known === shape || known === 'zero' || (known !== undefined && shape in VECTORS && known === VECTORS[shape as keyof typeof VECTORS]);
}

/** After a plain low lane took the place of another one. */
export function withLowLane(before: PlainShape | undefined, ty: 'f32' | 'f64'): PlainShape {
  return covers(before, VECTORS[ty]) ? VECTORS[ty] : ty;
}

/** Of a shuffle, from what is known of its operands. */
export function shuffled(x: PlainShape | undefined, y: PlainShape | undefined, bytes: ArrayLike<number>): PlainShape | undefined {
  if (x === undefined || y === undefined) return undefined;
  for (const ty of ['f64', 'f32'] as const) {
    const width = ty === 'f64' ? 8 : 4;
    const isPlain = (at: number): boolean => {
      const from = bytes[at]!;
      const source = from < 16 ? x : y;
      for (let i = 1; i < width; i++) if (bytes[at + i] !== from + i) return false;
      return from % width === 0 && (covers(source, VECTORS[ty]) || (from % 16 === 0 && covers(source, ty)));
    };
    const starts = Array.from({ length: 16 / width }, (_, i) => i * width);
    if (starts.every(isPlain)) return VECTORS[ty];
  }
  return undefined;
}
