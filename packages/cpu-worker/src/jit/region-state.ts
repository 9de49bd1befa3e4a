import type { FlagOperation } from '../ir/flag-operation.js';
import type { Ty } from '../ir/types.js';
import type { PlainShape } from './plain-floats.js';
import { hasSlot, Slot, slotsOf, type SlotSet } from './slots.js';
import type { TranslatedPage } from './translated-pages.js';
import type { WindowRun } from './window-run.js';

/** More are hardly of use at once. */
const MAX_RUNS = 8;

/** An operand of a deferred flag operation: a constant, or kept in a local. */
export type KeptOperand = { readonly ty: 'i32' | 'i64'; readonly value: bigint } | { readonly ty: Ty; readonly local: number };

/** A flag operation whose flags are in no local yet. */
export interface DeferredFlags {
  readonly kind: FlagOperation['kind'];
  readonly sizeBits: number;
  readonly x: KeptOperand | undefined;
  readonly y: KeptOperand | undefined;
  readonly r: KeptOperand | undefined;
  readonly be?: KeptOperand | undefined;
}

/** What is known at a point of a region beyond the contents of the locals. */
export class RegionState {
  /** Values of slots that are constants. */
  readonly known: Map<number, bigint>;
  flags: DeferredFlags | undefined;
  /** xmm slots whose floats, of that shape, are finite and not denormal. */
  readonly plain: Map<number, PlainShape>;
  /** Slots with the same value as another, which has kept it longer. */
  readonly copies: Map<number, number>;
  /** What is known of MXCSR (isa/simd/float-guards.ts): a local has the guard, or it was tested. */
  rounding: 'guarded' | 'tested' | undefined;
  /** Accesses by the key of their address, with ` w` behind it for writes. */
  readonly pages: Map<string, TranslatedPage>;

  /** The latest last. */
  runs: readonly WindowRun[];
  /** What is built now runs in a loop without calls. */
  isInLoop = false;

  constructor(from?: RegionState) {
    this.runs = from?.runs ?? [];
    this.known = new Map(from?.known);
    this.flags = from?.flags;
    this.plain = new Map(from?.plain);
    this.copies = new Map(from?.copies);
    this.rounding = from?.rounding;
    this.pages = new Map(from?.pages);
  }

  /** Forgets everything. */
  reset(): void {
    this.known.clear();
    this.plain.clear();
    this.copies.clear();
    this.rounding = undefined;
    this.pages.clear();
    this.runs = [];
    this.flags = undefined;
  }

  /** At the head of a loop that writes these slots, and has no calls. */
  enterLoop(written: SlotSet): void {
    this.known.clear();
    this.copies.clear();
    this.pages.clear();
    this.runs = [];
    this.flags = undefined;
    for (const slot of slotsOf(written)) this.plain.delete(slot);
    if (hasSlot(written, Slot.MXCSR)) this.rounding = undefined;
  }

  /** A register changes, to the value of another one if that is given. */
  noteCopy(slot: number, original: number | undefined): void {
    if (slot === original) return;
    for (const [copy, of] of this.copies) if (copy === slot || of === slot) this.copies.delete(copy);
    if (original !== undefined) this.copies.set(slot, this.copies.get(original) ?? original);
  }

  /** A register changes. */
  forgetPages(slot: number): void {
    for (const [key, { slots }] of this.pages) if (slots.includes(slot)) this.pages.delete(key);
    this.runs = this.runs.filter(({ slots }) => !slots.includes(slot));
  }

  /** A register changes by a constant: what counts from it is as far from others as before. */
  movePages(slot: number, by: bigint): void {
    for (const [key, page] of this.pages) if (page.slots.includes(slot)) this.pages.delete(key);
    this.runs = this.runs.flatMap((run) => {
      if (!run.slots.includes(slot)) return [run];
      const isPlain = run.slots.filter((each) => each === slot).length === 1 && run.key.split('+').includes(String(slot));
      return isPlain ? [{ ...run, displacement: run.displacement - by }] : [];
    });
  }

  addRun(run: WindowRun): void {
    this.runs = [...this.runs.slice(this.runs.length < MAX_RUNS ? 0 : 1), run];
  }

  /** Takes over what a copy, made earlier, knew. */
  restore(copy: RegionState): void {
    this.known.clear();
    for (const [slot, value] of copy.known) this.known.set(slot, value);
    this.plain.clear();
    for (const [slot, shape] of copy.plain) this.plain.set(slot, shape);
    this.copies.clear();
    for (const [slot, original] of copy.copies) this.copies.set(slot, original);
    this.rounding = copy.rounding;
    this.pages.clear();
    for (const [key, page] of copy.pages) this.pages.set(key, page);
    this.runs = copy.runs;
    this.flags = copy.flags;
  }
}
