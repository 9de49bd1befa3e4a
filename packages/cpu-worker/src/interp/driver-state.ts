import { CoreBlock, CoreCounter, headerWord, type CoreCounterName } from '@troupe/abi/layout/header.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { AREA, RegionDescriptor } from '../jit/jit-area.js';
import { REGION_HANDLER } from '../jit/region-abi.js';
import type { Graph } from '../ir/graph.js';
import type { I32, I64, Ty } from '../ir/types.js';
import { ColdBuilder } from './cold-builder.js';
import type { Linkage } from './interp-builder.js';
import { OP, OP_BYTES, OP_SHIFT } from './op-record.js';

/** Functions and types the driver calls. */
export interface DriverLinkage extends Linkage {
  readonly coldType: number;
  readonly codePage: number;
  readonly lookup: number;
  /** Type of the main loop. */
  readonly mainType: number;
  /** Index of the table of handlers. */
  readonly ownTable: number;
  readonly regionType: number;
  /** Number of the table of regions. */
  readonly regionTable: number;
  /** Global: op whose operand's window is wanted (slow-memory.ts). */
  readonly watchedOp: number;
}

/** Third argument of `run`. */
export const RunFlag = {
  /** The main loop is installed. */
  MAIN: 1,
  /** Leave with Trap.HOT at each jump target that has no region (tests). */
  EAGER: 2,
  /** Count where the time goes, and leave with Trap.HOT where a region is worth it. */
  SAMPLE: 4,
  /** Leave with Trap.STALE at each region: the engine runs it (check/checked-regions.ts). */
  CHECK: 8,
} as const;

/** Instructions between two polls of the command words, in the interpreter and in regions. */
const SLICE = 4096;
export const REGION_SLICE = 16384;
/** Of the polls of a region that may become a better one, one in so many is the driver's. A power of 2. */
export const SAMPLED_POLLS = 8;
/** Instructions that count as a branch of CoreBlock.budget. */
export const BRANCH_SHIFT = 3;

/**
 * Locals of the driver: parameters tcb and op (ColdBuilder expects op in local 1), flags; then
 * `count` (as in the main loop), the handler number to run, the slice in op bytes, whether the op
 * must run by its cold handler, `count + op` after a region, its exit, how many ops are still watched, and
 * the guest address of a region.
 */
const LOCAL = { op: 1, flags: 2, count: 3, handler: 4, slice: 5, cold: 6, ran: 7, exit: 8, watched: 9, entry: 10 } as const;
export const DRIVER_LOCALS: readonly Ty[] = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i64'];

const JIT_AREA = headerWord('jitArea') * 4;

/** What the parts of the driver do with its locals and the task. */
export class DriverState {
  readonly b: ColdBuilder;

  constructor(
    readonly graph: Graph,
    takeLocal: (ty: Ty) => number,
    readonly link: DriverLinkage,
  ) {
    for (const ty of DRIVER_LOCALS) takeLocal(ty);
    this.b = new ColdBuilder(graph, takeLocal, link, 'none', false, { name: 'no fault' });
  }

  get(name: Exclude<keyof typeof LOCAL, 'entry'>): I32 { return this.b.local('i32', LOCAL[name], 'var'); }
  get entry(): I64 { return this.b.local('i64', LOCAL.entry, 'var'); }
  set(name: keyof typeof LOCAL, value: I32 | I64): void { this.b.setLocal(LOCAL[name], value); }
  hasFlag(flag: number): I32 { return this.b.and(this.get('flags'), this.b.i32(flag)); }

  rip(): I64 { return this.b.readRaw('i64', this.b.tcb(), TCB.off.rip, 'state'); }
  pcBase(): I64 { return this.b.readRaw('i64', this.b.tcb(), TCB.off.pcBase, 'state'); }
  place(): I32 { return this.b.readRawInt(16, this.get('op'), OP.place, 'guest') as I32; }
  opRip(): I64 { return this.b.add(this.pcBase(), this.b.zext64(this.b.and(this.place(), this.b.i32(0xfff)))); }
  opHandler(): I32 { return this.b.readRawInt(16, this.get('op'), OP.handler, 'guest') as I32; }
  lookup(rip: I64): I32 { return this.b.callIndex(this.link.lookup, 'i32', [this.b.tcb(), rip], []); }

  /** `count + op`. */
  position(): I32 { return this.b.add(this.get('count'), this.get('op')); }

  /** Makes `op` the next one; `ran` = count + op. */
  goTo(op: I32, ran: I32): void {
    this.set('count', this.b.sub(ran, op));
    this.set('op', op);
  }

  /** Regions get a longer slice: leaving them costs more, and they run faster. */
  newSlice(): void {
    const { b } = this;
    this.set('slice', b.select(this.isRegion(this.opHandler()), b.i32(REGION_SLICE * OP_BYTES), b.i32(SLICE * OP_BYTES)));
    this.set('count', b.sub(b.sub(b.i32(0), this.get('slice')), this.get('op')));
  }

  setPage(): void {
    const { b } = this;
    b.writeRaw(b.tcb(), TCB.off.pcBase, b.and(this.rip(), b.i64(~0xfffn)), 'state');
  }

  /** Instructions of the slice so far; `ran` = count + op. Negative when regions began another slice and used little of it (region-poll.ts). */
  #instructions(ran: I32): I32 {
    return this.b.shrS(this.b.add(ran, this.get('slice')), this.b.i32(OP_SHIFT));
  }

  /** Adds what ran since the last account to TCB.instructions. */
  account(ran: I32): void {
    const { b } = this;
    const total = b.add(b.readRaw('i64', b.tcb(), TCB.off.instructions, 'state'), b.sext64(this.#instructions(ran), 32));
    b.writeRaw(b.tcb(), TCB.off.instructions, total, 'state');
  }

  /** The slice in branches of the budget. */
  sliceBranches(): I32 {
    return this.b.shrU(this.get('slice'), this.b.i32(OP_SHIFT + BRANCH_SHIFT));
  }

  /** Leaves before the current op. */
  leaveAtOp(trap: number): void {
    const { b } = this;
    b.writeRaw(b.tcb(), TCB.off.rip, this.opRip(), 'state');
    b.writeRaw(b.blockAddress(), CoreBlock.off.mainOp, this.get('op'), 'guest');
    this.account(this.position());
    b.returnValue(b.i32(trap));
  }

  storeLength(bytes: I32): void {
    this.b.writeRaw(this.b.tcb(), TCB.off.trapLenBytes, bytes, 'state');
  }

  count(name: CoreCounterName, by: I64): void {
    const { b } = this;
    const offset = CoreBlock.off.counters + CoreCounter.indexOf(name) * 8;
    b.writeRaw(b.blockAddress(), offset, b.add(b.readRaw('i64', b.blockAddress(), offset, 'state'), by), 'state');
  }

  // ---- regions
  isRegion(handler: I32): I32 { return this.b.leU(this.b.i32(REGION_HANDLER), handler); }
  jitArea(): I32 { return this.b.readRaw('i32', this.b.i32(JIT_AREA), 0, 'guest'); }
  regionId(): I32 { return this.b.sub(this.get('handler'), this.b.i32(REGION_HANDLER)); }
  descriptor(): I32 { return descriptorOf(this.b, this.get('handler')); }

  /** The handler to run the op by in the interpreter: that of the op before a region took its place. */
  resolveHandler(): void {
    const { b } = this;
    b.if(this.isRegion(this.get('handler')), () => this.set('handler', b.readRawInt(16, this.descriptor(), RegionDescriptor.off.original, 'guest') as I32));
  }
}

/** Descriptor of the region that handler number stands for. */
export function descriptorOf(b: ColdBuilder, handler: I32): I32 {
  const area = b.readRaw('i32', b.i32(JIT_AREA), 0, 'guest');
  const id = b.sub(handler, b.i32(REGION_HANDLER));
  return b.add(b.add(area, b.i32(AREA.regions)), b.mul(id, b.i32(RegionDescriptor.sizeBytes)));
}
