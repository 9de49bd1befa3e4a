import type { FloatShape } from '../ir/builder.js';
import type { FlagOperation } from '../ir/flag-operation.js';
import type { Ty } from '../ir/types.js';
import type { TranslatedPage } from './translated-pages.js';

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
  /** Accesses by the key of their address, with ` w` behind it for writes. */
  readonly pages: Map<string, TranslatedPage>;

  constructor(from?: RegionState) {
    this.known = new Map(from?.known);
    this.flags = from?.flags;
    this.normal = new Map(from?.normal);
    this.pages = new Map(from?.pages);
  }

  /** Forgets everything. */
  reset(): void {
    this.known.clear();
    this.normal.clear();
    this.pages.clear();
    this.flags = undefined;
  }

  /** A register changes. */
  forgetPages(slot: number): void {
    for (const [key, { slots }] of this.pages) if (slots.includes(slot)) this.pages.delete(key);
  }

  /** Takes over what a copy, made earlier, knew. */
  restore(copy: RegionState): void {
    this.known.clear();
    for (const [slot, value] of copy.known) this.known.set(slot, value);
    this.normal.clear();
    for (const [slot, shape] of copy.normal) this.normal.set(slot, shape);
    this.pages.clear();
    for (const [key, page] of copy.pages) this.pages.set(key, page);
    this.flags = copy.flags;
  }
}
