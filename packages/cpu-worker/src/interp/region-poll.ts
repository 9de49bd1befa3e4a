import { CoreBlock, CoreCounter } from '@troupe/abi/layout/header.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { I32, I64 } from '../ir/types.js';
import type { ColdBuilder } from './cold-builder.js';
import { BRANCH_SHIFT, REGION_SLICE, SAMPLED_POLLS } from './driver-state.js';
import { OP_BYTES } from './op-record.js';

/**
 * `poll (tcb, depth, isSampled) → 0 or 1`, for regions whose slice is used up, or calls nested too deeply: 0 = nobody wants
 * the core, a new slice has begun (TCB.ran); 1 = leave, so that the driver polls. Leaving ends all calls that the region is
 * nested in: each of their returns comes back through the driver. `isSampled`: the driver has to see from time to time where
 * the region spends its time. The global `polls` counts.
 */
export function buildPoll(b: ColdBuilder, polls: number): void {
  const block = b.blockAddress();
  const word = (offset: number): I32 => b.readRaw('i32', block, offset, 'guest');
  const budget = b.variable('i32', b.sub(word(CoreBlock.off.budget), b.i32(REGION_SLICE >> BRANCH_SHIFT)));
  const isWanted = b.or(b.readRaw('i32', b.tcb(), TCB.off.interrupt, 'guest'), word(CoreBlock.off.command));
  b.setGlobal(polls, b.add(b.getGlobal(polls), b.i32(1)));
  const [depth, isSampled] = [b.local('i32', 1), b.local('i32', 2)];
  const isSample = b.and(isSampled, b.eqz(b.and(b.getGlobal(polls), b.i32(SAMPLED_POLLS - 1))));
  b.if(b.or(b.or(isWanted, isSample), b.ltS(b.or(b.getVar(budget), depth), b.i32(0))), () => b.returnValue(b.i32(1)));
  b.writeRaw(block, CoreBlock.off.budget, b.getVar(budget), 'guest');
  b.writeRaw(b.tcb(), TCB.off.ran, b.sub(b.readRaw('i32', b.tcb(), TCB.off.ran, 'state'), b.i32(REGION_SLICE * OP_BYTES)), 'state');
  addTo(b, b.tcb(), TCB.off.instructions);
  addTo(b, block, CoreBlock.off.counters + CoreCounter.indexOf('regionInstructions') * 8);
  b.returnValue(b.i32(0));
}

/** The instructions of a slice, to a counter. */
function addTo(b: ColdBuilder, address: I32, offset: number): void {
  b.writeRaw(address, offset, b.add(b.readRaw('i64', address, offset, 'state') as I64, b.i64(REGION_SLICE)), 'state');
}
