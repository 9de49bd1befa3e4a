import { TCB } from '@troupe/abi/layout/tcb.js';
import type { StateField } from '../ir/builder.js';
import type { Ty } from '../ir/types.js';

/**
 * Guest state that a region keeps in wasm locals, by slot number: general registers 0–15, flags and
 * control words 16–21, xmm registers 32–47. All other state (x87, MMX) stays in the TCB.
 */
export const Slot = { RSP: 4, CC_RES: 16, CC_AUX: 17, MXCSR: 18, FLAGS_REST: 19, FS_BASE: 20, GS_BASE: 21, XMM: 32 } as const;

export const FIELD_SLOT: Partial<Record<StateField, number>> = {
  ccRes: Slot.CC_RES, ccAux: Slot.CC_AUX, mxcsr: Slot.MXCSR, flagsRest: Slot.FLAGS_REST, fsBase: Slot.FS_BASE, gsBase: Slot.GS_BASE,
};

interface SlotPlace {
  readonly ty: Ty;
  /** Offset in the TCB. */
  readonly offset: number;
}

function place(slot: number): SlotPlace {
  if (slot < 16) return { ty: 'i64', offset: TCB.off.gpr + slot * 8 };
  if (slot >= Slot.XMM) return { ty: 'v128', offset: TCB.off.xmm + (slot - Slot.XMM) * 16 };
  const name = Object.keys(FIELD_SLOT).find((field) => FIELD_SLOT[field as StateField] === slot) as StateField;
  const isWord = slot === Slot.MXCSR || slot === Slot.FLAGS_REST;
  return { ty: isWord ? 'i32' : 'i64', offset: TCB.off[name] };
}

export const SLOT_PLACE: readonly (SlotPlace | undefined)[] = Array.from({ length: 48 }, (_, slot) => (slot <= Slot.GS_BASE || slot >= Slot.XMM ? place(slot) : undefined));

/** A set of slots: bits 0–31 in `low`, 32–63 in `high`. Immutable. */
export interface SlotSet {
  readonly low: number;
  readonly high: number;
}

export const NO_SLOTS: SlotSet = { low: 0, high: 0 };
export const ALL_SLOTS: SlotSet = { low: ~0, high: ~0 };
export const FLAG_SLOTS: SlotSet = { low: (1 << Slot.CC_RES) | (1 << Slot.CC_AUX), high: 0 };

export function slotSet(slots: Iterable<number>): SlotSet {
  let low = 0;
  let high = 0;
  for (const slot of slots) {
    if (slot < 32) low |= 1 << slot;
    else high |= 1 << (slot - 32);
  }
  return { low, high };
}

export function union(a: SlotSet, b: SlotSet): SlotSet { return { low: a.low | b.low, high: a.high | b.high }; }
export function minus(a: SlotSet, b: SlotSet): SlotSet { return { low: a.low & ~b.low, high: a.high & ~b.high }; }
export function intersection(a: SlotSet, b: SlotSet): SlotSet { return { low: a.low & b.low, high: a.high & b.high }; }
export function isSame(a: SlotSet, b: SlotSet): boolean { return a.low === b.low && a.high === b.high; }
export function hasSlot(set: SlotSet, slot: number): boolean { return ((slot < 32 ? set.low >>> slot : set.high >>> (slot - 32)) & 1) !== 0; }

export function slotsOf(set: SlotSet): number[] {
  const slots: number[] = [];
  for (let slot = 0; slot < 48; slot++) if (hasSlot(set, slot)) slots.push(slot);
  return slots;
}
