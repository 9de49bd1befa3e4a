import { Graph } from '../ir/graph.js';
import { LocalPool } from '../ir/lower.js';
import type { Int, Val } from '../ir/types.js';
import type { I32 } from '../ir/types.js';
import type { Operand } from '../isa/operand.js';
import type { Form } from '../interp/forms.js';
import type { GuestInstruction } from './guest-code.js';
import { RegionBuilder } from './region-builder.js';
import { NotInline, type RegionContext } from './region-slots.js';
import { RegionLocals } from './region-locals.js';
import { regionOperands } from './region-operand.js';
import { RegionState } from './region-state.js';
import { Slot, SLOT_PLACE, slotSet, union, type SlotSet, FLAG_SLOTS } from './slots.js';

/**
 * What a form reads and writes, found by running its sem once: nobody has to declare it.
 */
export interface FormUse {
  /** False: run by its cold handler. */
  readonly isInline: boolean;
  /** It may leave to the interpreter. */
  readonly mayExit: boolean;
  readonly touchesFlags: boolean;
  /** It leaves at any rate unless MXCSR is as usual (isa/simd/float-guards.ts). */
  readonly testsRounding: boolean;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** Register operands stand for themselves: slot `FIELD + index of the register in the instruction`. */
const FIELD = 100;
const XMM_FIELD = FIELD + Slot.XMM;

const SURVEYED: GuestInstruction = { at: 0, lenBytes: 1, form: undefined as never, regs: [], base: -1, index: -1, scaleLog2: 0, disp: 0, segment: 0, address32: false, immLow: 0, immHigh: 0, imm1: 0, target: 0, op: 0, window: 0 };

class Survey extends RegionBuilder {
  readonly reads = new Set<number>();
  readonly writes = new Set<number>();
  mayExit = false;

  protected override readSlot(slot: number): Val {
    this.reads.add(slot);
    return this.#unknown(slot >= XMM_FIELD || (slot >= Slot.XMM && slot < FIELD) ? 'v128' : slot >= FIELD || slot < 16 ? 'i64' : SLOT_PLACE[slot]!.ty);
  }

  #unknown(ty: Val['ty']): Val {
    return this.local(ty, this.takeLocal(ty), 'var');
  }

  protected override writeSlot(slot: number): void {
    this.writes.add(slot);
    // A slot that is written in some cases only keeps its value in the others.
    if (this.isConditional) this.reads.add(slot);
    if (slot === Slot.CC_RES || slot === Slot.CC_AUX) this.context.state.flags = undefined;
  }

  override deferFlags(): boolean {
    this.writes.add(Slot.CC_RES);
    this.writes.add(Slot.CC_AUX);
    return true;
  }

  override deferredCondition(): undefined { return undefined; }

  protected override immediate(o: Operand): Int { return this.#unknown(o.sizeBits === 64 ? 'i64' : 'i32') as Int; }
  override lookup(): never { return this.v128(new Uint8Array(16)) as never; }

  override branchRarely(condition: I32, label: RegionBuilder['slowLabel']): void {
    if (label === this.slowLabel) this.mayExit = true;
    super.branchRarely(condition, label);
  }

  override branch(label: RegionBuilder['slowLabel']): void {
    if (label === this.slowLabel) this.mayExit = true;
    super.branch(label);
  }
}

function survey(form: Form): FormUse {
  const pool = new LocalPool(3);
  const context: RegionContext = { locals: new RegionLocals(pool), state: new RegionState(), runtime: () => 0, window: () => undefined, isRewritten: () => false, block: 0 };
  const b = new Survey(new Graph(), (ty) => pool.reserve(ty), context, { ...SURVEYED, form }, { name: 'slow' }, false);
  let isInline = true;
  try {
    form.row.sem(b, ...regionOperands(form, (field) => FIELD + field));
  } catch (error) {
    if (!(error instanceof NotInline)) throw error;
    isInline = false;
  }
  const isFlag = (slot: number): boolean => slot === Slot.CC_RES || slot === Slot.CC_AUX;
  return { isInline, mayExit: b.mayExit, touchesFlags: [...b.reads, ...b.writes].some(isFlag), testsRounding: b.isRoundingKnown(), reads: [...b.reads], writes: [...b.writes] };
}

const USES = new Map<Form, FormUse>();

export function formUse(form: Form): FormUse {
  let use = USES.get(form);
  if (use === undefined) USES.set(form, (use = survey(form)));
  return use;
}

/** The form is run by its cold handler from now on. */
export function markCold(form: Form): void {
  USES.set(form, { ...formUse(form), isInline: false });
}

function slotsIn(insn: GuestInstruction, slots: readonly number[]): SlotSet {
  return slotSet(slots.map((slot) => {
    if (slot < FIELD) return slot;
    const isXmm = slot >= XMM_FIELD;
    const register = insn.regs[slot - (isXmm ? XMM_FIELD : FIELD)]!;
    return isXmm ? Slot.XMM + register : register >= 16 ? register - 16 : register;
  }));
}

/** Slots an instruction reads, address registers included. */
export function slotsRead(insn: GuestInstruction): SlotSet {
  const address = [insn.base, insn.index].filter((register) => register >= 0 && register < 16);
  if (insn.segment !== 0) address.push(insn.segment === 1 ? Slot.FS_BASE : Slot.GS_BASE);
  return union(slotsIn(insn, formUse(insn.form).reads), slotSet(address));
}

/** Slots an instruction writes; flags only when they are stored. */
export function slotsWritten(insn: GuestInstruction, storesFlags: boolean): SlotSet {
  const written = slotsIn(insn, formUse(insn.form).writes);
  return storesFlags ? written : { low: written.low & ~FLAG_SLOTS.low, high: written.high };
}
