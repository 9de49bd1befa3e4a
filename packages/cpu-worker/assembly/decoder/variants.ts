/**
 * Chooses variants for the ops of a run (src/interp/variants.ts): flags that are overwritten before
 * they are read are not computed, and a compare takes the conditional jump behind it along.
 *
 * Flags that nobody reads may so be stale where a signal handler could look at them: in the frame
 * of a fault between the two writers. `preciseFlags` of the engine forbids that.
 */
import {
  FLAGLESS, FE_KILLS, FE_NONE, FE_READS, FS_IMMEDIATE, FS_ONE, FS_WIDE, FUSED, FUSED_AT, HOT_COUNT, OP_BYTES, OP_HANDLER, OP_IMM, PAGE_BYTES, RESULT_OK,
} from '../../dist/assembly/decode-tables';
import { decode, form, lenBytes, rel } from './decode';
import { ends, flagEffect, flagShift, isDirectJump, jumpCondition } from './forms';
import { runForm, runOp } from './staging';

/** Instructions looked at behind a jump. */
const LOOKAHEAD = 6;
const NO_CONDITION: u32 = 0xff;
const FUSED_BLOCK: usize = 64;

/** Whether code that may not be decoded yet overwrites the flags from that offset of the page on before it reads them. */
function deadAt(frame: usize, offset: i32): bool {
  let at = offset;
  for (let i = 0; i < LOOKAHEAD; i++) {
    if (at < 0 || at >= i32(PAGE_BYTES)) return false;
    if (decode(frame + at, frame + PAGE_BYTES) != RESULT_OK) return false;
    const effect = flagEffect(form);
    if (effect != FE_NONE) return effect == FE_KILLS;
    at += i32(lenBytes);
    if (isDirectJump(form)) at += rel;
    else if (ends(form)) return false;
  }
  return false;
}

/** An unconditional writer of all flags; a shift with a constant count that is not 0 modulo the operand size is one. */
function killsFlags(number: u32, op: usize): bool {
  const shift = flagShift(number);
  if (flagEffect(number) == FE_KILLS || (shift & FS_ONE) != 0) return true;
  return (shift & FS_IMMEDIATE) != 0 && (load<u32>(op + OP_IMM) & ((shift & FS_WIDE) != 0 ? 63 : 31)) != 0;
}

/** Flags dead from the instruction on, without leaving the run. */
function deadAfter(first: u32, count: u32, frame: usize): bool {
  for (let i = first; i < count; i++) {
    const number = runForm(i);
    const op = runOp(i);
    if (flagEffect(number) == FE_READS) return false;
    if (killsFlags(number, op)) return true;
    if (isDirectJump(number)) return deadAt(frame, load<i32>(op + OP_IMM));
    if (ends(number)) return false;
  }
  return false;
}

/** Backward over the run. */
export function chooseVariants(count: u32, frame: usize, isPrecise: bool): void {
  let dead = false;
  for (let i = i32(count) - 1; i >= 0; i--) {
    const number = runForm(i);
    const op = runOp(i);
    const handler = u32(load<u16>(op + OP_HANDLER));
    const hasNext = u32(i) + 1 < count;
    const cc = hasNext ? jumpCondition(runForm(i + 1)) : NO_CONDITION;
    if (cc != NO_CONDITION && runOp(i + 1) == op + OP_BYTES) fuse(u32(i), count, op, handler, cc, frame, isPrecise);
    else if (dead && !isPrecise && handler < HOT_COUNT) {
      const flagless = load<u16>(FLAGLESS + (handler << 1));
      if (flagless != 0) store<u16>(op + OP_HANDLER, flagless);
    }
    const effect = flagEffect(number);
    if (isDirectJump(number)) dead = !isPrecise && deadAt(frame, load<i32>(op + OP_IMM));
    else if (effect == FE_READS) dead = false;
    else if (killsFlags(number, op)) dead = true;
  }
}

function fuse(i: u32, count: u32, op: usize, handler: u32, cc: u32, frame: usize, isPrecise: bool): void {
  const block = handler < HOT_COUNT ? usize(load<u8>(FUSED_AT + handler)) : 0;
  const pair = FUSED + block * FUSED_BLOCK + (usize(cc) << 2);
  const fused = load<u16>(pair);
  if (block == 0 || fused == 0) return;
  const bothDead = !isPrecise && deadAfter(i + 2, count, frame) && deadAt(frame, load<i32>(op + OP_BYTES + OP_IMM));
  store<u16>(op + OP_HANDLER, bothDead ? load<u16>(pair, 2) : fused);
}
