import type { FloatShape } from '../ir/builder.js';
import type { FlagOperation } from '../ir/flag-operation.js';
import type { Ty } from '../ir/types.js';

/** An operand of a deferred flag operation: a constant, or kept in a local. */
export type KeptOperand = { readonly ty: 'i32' | 'i64'; readonly value: bigint } | { readonly ty: Ty; readonly local: number };

/** A flag operation whose flags are in no local yet. */
export interface DeferredFlags {
  readonly kind: FlagOperation['kind'];
  readonly sizeBits: number;
  readonly x: KeptOperand | undefined;
  readonly y: KeptOperand | undefined;
  readonly r: KeptOperand | undefined;
}

/** What is known at a point of a region beyond the contents of the locals. */
export class RegionState {
  /** Values of slots that are constants. */
  readonly known: Map<number, bigint>;
  flags: DeferredFlags | undefined;
  /** xmm slots whose floats, of that shape, are not denormal. */
  readonly normal: Map<number, FloatShape>;

  constructor(from?: RegionState) {
    this.known = new Map(from?.known);
    this.flags = from?.flags;
    this.normal = new Map(from?.normal);
  }

  /** Forgets everything. */
  reset(): void {
    this.known.clear();
    this.normal.clear();
    this.flags = undefined;
  }

  /** Takes over what a copy, made earlier, knew. */
  restore(copy: RegionState): void {
    this.known.clear();
    for (const [slot, value] of copy.known) this.known.set(slot, value);
    this.normal.clear();
    for (const [slot, shape] of copy.normal) this.normal.set(slot, shape);
    this.flags = copy.flags;
  }
}
