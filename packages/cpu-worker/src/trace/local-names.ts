import { WindowKind } from '@troupe/abi/layout/memory-windows.js';
import { gprName } from '../decode/disassemble.js';
import type { RegionLocals } from '../jit/region-locals.js';
import { Slot } from '../jit/slots.js';

const SLOT_NAMES: Readonly<Record<number, string>> = { [Slot.CC_RES]: 'ccRes', [Slot.CC_AUX]: 'ccAux', [Slot.MXCSR]: 'mxcsr', [Slot.FLAGS_REST]: 'flagsRest', [Slot.FS_BASE]: 'fsBase', [Slot.GS_BASE]: 'gsBase' };
const WINDOW_NAMES = { [WindowKind.DATA]: 'data', [WindowKind.MAPPINGS]: 'mappings', [WindowKind.STACK]: 'stack' } as const;
const GPRS = 16;

function slotName(slot: number): string {
  if (slot >= Slot.XMM) return `xmm${slot - Slot.XMM}`;
  return slot < GPRS ? gprName(slot, 64) : SLOT_NAMES[slot]!;
}

/** Names of a region's locals: those of the registers that they stand for, else `v` and their number. */
export function localNames(locals: RegionLocals): (local: number) => string {
  const fixed = new Map<number, string>([
    [locals.tcb, 'tcb'], [locals.rip, 'rip'], [locals.depth, 'depth'], [locals.origin, 'origin'], [locals.count, 'count'], [locals.pc, 'pc'],
  ]);
  for (const [kind, window] of locals.windows) {
    for (const field of ['start', 'bytes', 'entry'] as const) fixed.set(window[field], `${WINDOW_NAMES[kind]}.${field}`);
  }
  return (local) => {
    const slot = locals.slotOf(local);
    return fixed.get(local) ?? (slot === undefined ? `v${local}` : slotName(slot));
  };
}
