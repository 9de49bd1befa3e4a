import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { CONDITIONS } from '../ir/flags.js';
import { FLAGLESS, FUSED, FUSED_FLAGLESS, type Form } from '../interp/forms.js';
import { OP, OP_BYTES } from '../interp/op-record.js';

/**
 * Chooses variants for the ops of a run (interp/variants.ts): flags that are overwritten before
 * they are read are not computed, and a compare takes the conditional jump behind it along.
 *
 * Flags that nobody reads may so be stale where a signal handler could look at them: in the frame
 * of a fault between the two writers. `preciseFlags` of the engine forbids that.
 */

/** Effect of an instruction on the arithmetic flags. */
export const FlagEffect = { NONE: 0, READS: 1, KILLS: 2 } as const;

const ARITHMETIC = ['o', 's', 'z', 'a', 'p', 'c'];
const CONDITIONAL_WRITERS = /^(shl|shr|sar|sal|shld|shrd|cmps.|scas.)$/;
const SHIFTS = /^(shl|shr|sar|sal|shld|shrd)$/;
const TRAPS = /^(int.*|ud\d|hlt|syscall|cli|sti|in|out|ins.|outs.)$/;
const EFFECTS = new Map<Form, number>();

function effectOf(form: Form): number {
  const { flags, mnemonic, ends, untestable } = form.row;
  // Whoever leaves guest code shows the flags.
  if ((ends && !mnemonic.startsWith('j')) || untestable || TRAPS.test(mnemonic)) return FlagEffect.READS;
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

const JUMP_CODE = new Map<string, number>(CONDITIONS.map((name, cc) => [`j${name}`, cc]));

/** Condition code of a conditional jump, else -1. */
export function jumpCondition(form: Form): number {
  return JUMP_CODE.get(form.row.mnemonic) ?? -1;
}

/** An instruction of the run under construction: its form and the op record it is in. */
export interface StagedInstruction {
  form: Form;
  op: number;
  /** In the page; of the instruction itself. */
  offset: number;
}

/** Shift with a constant count that is not 0 modulo the operand size: writes all flags. */
function isConstantShift(shared: SharedMemory, { form, op }: StagedInstruction): boolean {
  const count = form.operands.at(-1)!;
  if (count.source === 'one') return true;
  if (count.source !== 'imm') return false;
  const mask = form.operands[0]!.sizeBits === 64 ? 63 : 31;
  return (shared.u32[(op + OP.imm) >>> 2]! & mask) !== 0;
}

function killsFlags(shared: SharedMemory, staged: StagedInstruction): boolean {
  if (flagEffect(staged.form) === FlagEffect.KILLS) return true;
  return SHIFTS.test(staged.form.row.mnemonic) && isConstantShift(shared, staged);
}

/**
 * Backward over the run. `deadAt(offset)`: the flags are overwritten before they are read from that
 * offset of the page on.
 */
export function chooseVariants(shared: SharedMemory, run: readonly StagedInstruction[], deadAt: (offset: number) => boolean, preciseFlags: boolean): void {
  const { u16, i32 } = shared;
  let dead = false;
  for (let i = run.length - 1; i >= 0; i--) {
    const staged = run[i]!;
    const { form, op } = staged;
    const next = run[i + 1];
    const cc = next ? jumpCondition(next.form) : -1;
    const handlerAt = (op + OP.handler) >>> 1;
    if (next && cc >= 0 && next.op === op + OP_BYTES) {
      const key = u16[handlerAt]! * 16 + cc;
      if (FUSED.has(key)) {
        const bothDead = !preciseFlags && deadAfter(run, i + 2, shared, deadAt) && deadAt(i32[(next.op + OP.imm) >>> 2]!);
        u16[handlerAt] = (bothDead ? FUSED_FLAGLESS : FUSED).get(key)!;
      }
    } else if (dead && !preciseFlags && FLAGLESS.has(u16[handlerAt]!)) u16[handlerAt] = FLAGLESS.get(u16[handlerAt]!)!;
    if (form.row.mnemonic === 'jmp' && form.operands[0]!.source === 'rel') dead = deadAt(i32[(op + OP.imm) >>> 2]!);
    else if (killsFlags(shared, staged) && flagEffect(form) !== FlagEffect.READS) dead = true;
    else if (flagEffect(form) === FlagEffect.READS) dead = false;
  }
}

/** Flags dead from run[index] on, without leaving the run. */
function deadAfter(run: readonly StagedInstruction[], index: number, shared: SharedMemory, deadAt: (offset: number) => boolean): boolean {
  for (let i = index; i < run.length; i++) {
    const staged = run[i]!;
    if (flagEffect(staged.form) === FlagEffect.READS) return false;
    if (killsFlags(shared, staged)) return true;
    if (staged.form.row.mnemonic === 'jmp' && staged.form.operands[0]!.source === 'rel') return deadAt(shared.i32[(staged.op + OP.imm) >>> 2]!);
    if (staged.form.row.ends) return false;
  }
  return false;
}
