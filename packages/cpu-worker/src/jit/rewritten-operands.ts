import type { Block } from './control-flow.js';
import { slotsWritten } from './form-use.js';
import type { GuestInstruction } from './guest-code.js';
import { operandsOf, type RegionOperand } from './region-operand.js';
import { hasSlot } from './slots.js';

/** Instructions looked at behind one that reads memory. */
const REACH = 8;

/**
 * Instructions that read memory which one behind them, in the same block, writes. Their operand is translated for writing, and
 * the write needs no translation of its own. Where the page may not be written, the interpreter runs both.
 */
export function rewrittenOperands(blocks: readonly Block[]): ReadonlySet<GuestInstruction> {
  const found = new Set<GuestInstruction>();
  for (const { insns } of blocks) {
    for (const [i, insn] of insns.entries()) {
      const read = memoryOf(insn);
      if (read?.access === 'r' && isRewritten(insn, read, insns.slice(i, i + REACH))) found.add(insn);
    }
  }
  return found;
}

function memoryOf(insn: GuestInstruction): RegionOperand | undefined {
  return operandsOf(insn).find(({ kind }) => kind === 'mem');
}

/** `insns`: the instruction and those behind it. */
function isRewritten(insn: GuestInstruction, read: RegionOperand, insns: readonly GuestInstruction[]): boolean {
  for (const next of insns) {
    const memory = next === insn ? undefined : memoryOf(next);
    if (memory && isSameAddress(insn, next) && memory.access !== 'r' && memory.sizeBits <= read.sizeBits) return true;
    const written = slotsWritten(next, false);
    if ([insn.base, insn.index].some((register) => register >= 0 && register < 16 && hasSlot(written, register))) return false;
  }
  return false;
}

function isSameAddress(x: GuestInstruction, y: GuestInstruction): boolean {
  return x.base === y.base && x.index === y.index && x.scaleLog2 === y.scaleLog2 && x.disp === y.disp && x.segment === y.segment && x.address32 === y.address32;
}
