import { CoreBlock, CoreCounter } from '@troupe/abi/layout/header.js';
import { TCB, Trap } from '@troupe/abi/layout/tcb.js';
import { AREA, HEAT_ENTRIES, HEAT_ENTRY_BYTES, JitHeader, RegionDescriptor } from '../jit/jit-area.js';
import { ENTRY_DEPTH, jumpCacheEntry, REGION_HANDLER, RegionExit, Tier } from '../jit/region-abi.js';
import { PAGE_WORDS, pageWordAt } from '../jit/region-links.js';
import type { Label } from '../ir/node.js';
import type { I32, I64 } from '../ir/types.js';
import type { ColdBuilder } from './cold-builder.js';
import { RunFlag, SAMPLED_POLLS, descriptorOf, type DriverState } from './driver-state.js';
import { CODE_PAGE, OP, OP_SHIFT } from './op-record.js';

/** Heat that a sample of the poll and an arrival from a region add; JitHeader.hotAt is hot. */
const SAMPLE_HEAT = 16;
const ARRIVAL_HEAT = 1;
/** Of the calls of a region that does not fit, one in this many is looked into. */
const MISFIT_PERIOD = 64;

/**
 * The part of the driver that enters regions (jit/region-abi.ts) and does what they ask for when they
 * return. Regions that follow each other are entered without a turn through the main loop.
 */
export class RegionCalls {
  constructor(
    readonly s: DriverState,
    /** Repeats the driver's loop. */
    readonly loop: Label,
    readonly poll: () => void,
  ) {}

  /** Precondition: `handler` names the region of `op`. Goes on behind it to run `op` by `handler`, a cold one. */
  emit(): void {
    const { s } = this;
    const { b } = s;
    const again: Label = { name: 'again' };
    const cold: Label = { name: 'cold' };
    b.writeRaw(b.tcb(), TCB.off.ran, s.position(), 'state');
    s.set('entry', s.opRip());
    s.graph.block(cold, () => s.graph.loop(again, () => {
      this.#call();
      this.#leave();
      this.#arrive(cold);
      this.#fillJumpCache();
      b.branch(again);
    }));
  }

  #call(): void {
    const { s } = this;
    const { b } = s;
    const clock = b.readRaw('i32', s.jitArea(), JitHeader.off.clock, 'guest');
    const lastUse = b.readRaw('i32', s.descriptor(), RegionDescriptor.off.lastUse, 'guest');
    // Cores in the same region would take the line from each other.
    b.if(b.ne(lastUse, clock), () => b.writeRaw(s.descriptor(), RegionDescriptor.off.lastUse, clock, 'guest'));
    s.set('ran', b.readRaw('i32', b.tcb(), TCB.off.ran, 'state'));
    s.set('exit', b.callTable(s.link.regionType, 'i32', [b.tcb(), s.entry, b.i32(ENTRY_DEPTH), b.i32(0)], s.regionId(), s.link.regionTable));
    const ran = b.readRaw('i32', b.tcb(), TCB.off.ran, 'state');
    // Signed: what runs within may set the count back.
    s.count('regionInstructions', b.sext64(b.shrS(b.sub(ran, s.get('ran')), b.i32(OP_SHIFT)), 32));
    s.set('ran', ran);
    s.count('regionEntries', b.i64(1));
    const counter = b.add(b.blockAddress(), b.shl(s.get('exit'), b.i32(3)));
    const offset = CoreBlock.off.counters + CoreCounter.indexOf('regionJumps') * 8;
    b.writeRaw(counter, offset, b.add(b.readRaw('i64', counter, offset, 'state'), b.i64(1)), 'state');
  }

  /** A system call ends the run. */
  #leave(): void {
    const { s } = this;
    const { b } = s;
    b.if(b.eq(s.get('exit'), b.i32(RegionExit.SYSCALL)), () => {
      s.storeLength(b.i32(2));
      s.account(s.get('ran'));
      b.returnValue(b.i32(Trap.SYSCALL));
    });
  }

  /** At TCB.rip. */
  #arrive(cold: Label): void {
    const { s } = this;
    const { b } = s;
    const found = s.lookup(s.rip());
    b.if(b.eqz(found), () => {
      s.account(s.get('ran'));
      b.returnValue(b.i32(Trap.DECODE));
    });
    s.setPage();
    s.goTo(found, s.get('ran'));
    s.set('handler', s.opHandler());
    b.if(b.eq(s.get('exit'), b.i32(RegionExit.SLOW)), () => {
      s.resolveHandler();
      b.branch(cold);
    });
    b.if(b.leS(b.i32(0), s.get('ran')), () => this.poll());
    b.if(b.eqz(s.isRegion(s.get('handler'))), () => {
      arrived(s);
      heat(s, ARRIVAL_HEAT, 'hotAt');
      b.branch(this.loop);
    });
    b.if(b.eq(s.get('exit'), b.i32(RegionExit.STALE)), () => this.#stale(cold));
    s.set('entry', s.rip());
  }

  /** The region at TCB.rip, which another one may have called, is not installed here or does not fit. */
  #stale(cold: Label): void {
    const { s } = this;
    const { b } = s;
    const misfits = b.readRaw('i32', s.descriptor(), RegionDescriptor.off.misfits, 'guest');
    b.writeRaw(s.descriptor(), RegionDescriptor.off.misfits, b.add(misfits, b.i32(1)), 'guest');
    const isMissing = b.readRaw('i32', b.blockAddress(), CoreBlock.off.regionMissing, 'guest');
    b.if(b.or(isMissing, b.eqz(b.and(misfits, b.i32(MISFIT_PERIOD - 1)))), () => s.leaveAtOp(Trap.STALE));
    s.resolveHandler();
    b.branch(cold);
  }

  #fillJumpCache(): void {
    const { s } = this;
    const { b } = s;
    b.if(b.eqz(b.wrap(b.shrU(s.entry, b.i64(32)))), () => {
      const rip = b.wrap(s.entry);
      const at = jumpCacheEntry(b, b.readRaw('i32', b.blockAddress(), CoreBlock.off.jumpCache, 'guest'), rip);
      b.writeRaw(at, 0, rip, 'guest');
      b.writeRaw(at, 4, s.regionId(), 'guest');
    });
  }
}

/** Eager mode: at a jump target that has no region. */
export function arrived(s: DriverState): void {
  const { b } = s;
  b.if(b.and(b.ne(s.hasFlag(RunFlag.EAGER), b.i32(0)), b.eqz(s.isRegion(s.opHandler()))), () => s.leaveAtOp(Trap.HOT));
}

/** The poll stands at the current op. */
export function sampled(s: DriverState): void {
  const { b } = s;
  b.if(s.isRegion(s.opHandler()), () => {
    const tier = b.readRawInt(8, descriptorOf(b, s.opHandler()), RegionDescriptor.off.tier, 'guest');
    b.if(b.eqz(b.and(b.i32(Tier.FULL), tier)), () => heat(s, SAMPLE_HEAT * SAMPLED_POLLS, 'hotterAt'));
  }, () => heat(s, SAMPLE_HEAT, 'hotAt'));
}

/** Adds to the heat of the current op; leaves when it reaches the limit. A hotter op keeps the entry. */
function heat(s: DriverState, by: number, limit: 'hotAt' | 'hotterAt'): void {
  const { b } = s;
  const isLow = b.eqz(b.wrap(b.shrU(s.pcBase(), b.i64(32))));
  b.if(b.and(b.ne(s.hasFlag(RunFlag.SAMPLE), b.i32(0)), isLow), () => {
    const hash = b.xor(b.shrU(s.get('op'), b.i32(OP_SHIFT)), b.shrU(s.get('op'), b.i32(14)));
    const offset = b.mul(b.and(hash, b.i32(HEAT_ENTRIES - 1)), b.i32(HEAT_ENTRY_BYTES));
    const at = b.add(b.add(s.jitArea(), b.i32(AREA.heat)), offset);
    const value = b.readRaw('i32', at, 4, 'guest');
    const key = heatKey(s);
    b.if(b.eq(b.readRaw('i32', at, 0, 'guest'), key), () => {
      const hotter = b.add(value, b.i32(by));
      b.writeRaw(at, 4, hotter, 'guest');
      // Once: what is refused or lost may be asked for again after a long time, when the count wraps.
      b.if(b.ltU(b.sub(b.and(hotter, b.i32(0xffff)), b.readRaw('i32', s.jitArea(), JitHeader.off[limit], 'guest')), b.i32(by)), () => s.leaveAtOp(Trap.HOT));
    }, () => {
      const colder = b.sub(value, b.i32(by));
      b.if(b.ltS(b.i32(0), colder), () => b.writeRaw(at, 4, colder, 'guest'), () => {
        b.writeRaw(at, 0, key, 'guest');
        b.writeRaw(at, 4, b.i32(by), 'guest');
      });
    });
  });
}

/** The op and its code: memory of ops is used again. Precondition: pcBase is below 4 GiB. */
function heatKey(s: DriverState): I32 {
  const { b } = s;
  const table = b.readRaw('i32', b.tcb(), TCB.off.tableExec, 'state');
  const page = b.readRaw('i32', b.add(table, b.shrU(b.wrap(s.pcBase()), b.i32(10))), 0, 'guest');
  const generation = b.readRaw('i32', b.and(page, b.i32(-2)), CODE_PAGE.generation, 'guest');
  return b.xor(s.get('op'), b.mul(generation, b.i32(0x9e3779b1)));
}

/** `cold (tcb, op) → Status`, for regions: runs the op by its cold handler. */
export function buildColdCall(b: ColdBuilder, coldType: number, handlers: number): void {
  const handler = b.variable('i32', b.readRawInt(16, b.opAddress(), OP.handler, 'guest') as I32);
  b.if(b.leU(b.i32(REGION_HANDLER), b.getVar(handler)), () => {
    b.setVar(handler, b.readRawInt(16, descriptorOf(b, b.getVar(handler)), RegionDescriptor.off.original, 'guest') as I32);
  });
  b.returnValue(b.callTable(coldType, 'i32', [b.tcb(), b.opAddress()], b.getVar(handler), handlers));
}

/**
 * `direct (tcb, rip, depth, link) → RegionExit`, for regions: goes on in the region of the op that the link
 * names, if there is one; else leaves for `rip`. Regions look for themselves whether the slice lasts and calls may still
 * nest. Only tail calls: V8 then makes neither a frame nor a look at its stack.
 */
export function buildDirect(b: ColdBuilder, table: RegionTableLinkage, miss: number): void {
  const [rip, depth, link] = [b.local('i64', 1), b.local('i32', 2), b.local('i32', 3)];
  const op = b.variable('i32', b.readRaw('i32', link, 0, 'guest'));
  b.ifRare(b.eqz(b.getVar(op)), () => b.tailCallIndex(miss, [b.tcb(), rip, depth, link]));
  const handler = b.variable('i32', b.readRawInt(16, b.getVar(op), OP.handler, 'guest') as I32);
  b.ifRare(b.ltU(b.getVar(handler), b.i32(REGION_HANDLER)), () => leaveFor(b, rip));
  goOn(b, table, b.sub(b.getVar(handler), b.i32(REGION_HANDLER)));
}

/** The same for a link that names no op: it gets that of `rip`. Should it be another one some time, the region that is entered sees it. */
export function buildDirectMiss(b: ColdBuilder, table: RegionTableLinkage, lookup: number): void {
  goOn(b, table, findRegion(b, lookup, (op) => b.writeRaw(b.local('i32', 3), 0, op, 'guest')));
}

/** `fits (tcb, origin, links) → 0 or 1`, for regions: whether the pages of a body are under the execute table where they should be, as they were. */
export function buildFits(b: ColdBuilder): void {
  const origin = b.local('i64', 1);
  const links = b.local('i32', 2);
  const isNoPage = b.or(b.and(b.wrap(origin), b.i32(0xfff)), b.wrap(b.shrU(origin, b.i64(32))));
  b.if(isNoPage, () => b.returnValue(b.i32(0)));
  const slot = b.add(b.readRaw('i32', b.tcb(), TCB.off.tableExec, 'state'), b.and(b.shrU(b.wrap(origin), b.i32(10)), b.i32(0x3ffffc)));
  const at = b.variable('i32', b.add(links, b.i32(4)));
  const left = b.variable('i32', b.readRaw('i32', links, 0, 'guest'));
  const wrong = b.variable('i32', b.eqz(b.getVar(left)));
  b.loop(() => {
    const codePage = b.readRaw('i32', b.getVar(at), 4, 'guest');
    const entry = b.readRaw('i32', b.add(slot, b.readRaw('i32', b.getVar(at), 0, 'guest')), 0, 'guest');
    const generation = b.xor(b.readRaw('i32', codePage, CODE_PAGE.generation, 'guest'), b.readRaw('i32', b.getVar(at), 8, 'guest'));
    b.setVar(wrong, b.or(b.getVar(wrong), b.or(b.xor(entry, codePage), generation)));
    b.setVar(at, b.add(b.getVar(at), b.i32(PAGE_WORDS * 4)));
    b.setVar(left, b.sub(b.getVar(left), b.i32(1)));
    return b.ltS(b.i32(0), b.getVar(left));
  });
  b.returnValue(b.eqz(b.getVar(wrong)));
}

/** `indirect (tcb, rip, depth) → RegionExit`: the same for the region that the jump cache names. */
export function buildIndirect(b: ColdBuilder, table: RegionTableLinkage, miss: number): void {
  const [rip, depth] = [b.local('i64', 1), b.local('i32', 2)];
  const entry = jumpCacheEntry(b, b.readRaw('i32', b.blockAddress(), CoreBlock.off.jumpCache, 'guest'), b.wrap(rip));
  const pair = b.variable('i64', b.readRaw('i64', entry, 0, 'guest'));
  b.ifRare(b.ne(b.and(b.getVar(pair), b.i64(0xffffffffn)), rip), () => b.tailCallIndex(miss, [b.tcb(), rip, depth]));
  goOn(b, table, b.wrap(b.shrU(b.getVar(pair), b.i64(32))));
}

/** What the cache does not have is looked up: leaving would end all calls that the region is nested in. */
export function buildIndirectMiss(b: ColdBuilder, table: RegionTableLinkage, lookup: number): void {
  const slot = b.variable('i32', findRegion(b, lookup));
  const rip = b.local('i64', 1);
  const entry = b.variable('i32', jumpCacheEntry(b, b.readRaw('i32', b.blockAddress(), CoreBlock.off.jumpCache, 'guest'), b.wrap(rip)));
  b.writeRaw(b.getVar(entry), 0, b.wrap(rip), 'guest');
  b.writeRaw(b.getVar(entry), 4, b.getVar(slot), 'guest');
  goOn(b, table, b.getVar(slot));
}

/**
 * `misfit (tcb, rip, depth, links) → RegionExit`, for regions that are not the code at `rip`. Others of a kept module call
 * bodies whose pages have not been found; what is there then goes on instead.
 */
export function buildMisfit(b: ColdBuilder, indirect: number): void {
  const [rip, depth, links] = [b.local('i64', 1), b.local('i32', 2), b.local('i32', 3)];
  b.if(b.eqz(b.readRaw('i32', links, pageWordAt(0, 0) * 4, 'guest')), () => b.tailCallIndex(indirect, [b.tcb(), rip, depth]));
  b.writeRaw(b.tcb(), TCB.off.rip, rip, 'state');
  b.returnValue(b.i32(RegionExit.STALE));
}

/** Slot of the region at `rip`; leaves when there is none. `decoded`: gets its op, if there is one. */
function findRegion(b: ColdBuilder, lookup: number, decoded: (op: I32) => void = () => undefined): I32 {
  const rip = b.local('i64', 1);
  b.if(b.wrap(b.shrU(rip, b.i64(32))), () => leaveFor(b, rip));
  const op = b.variable('i32', b.callIndex(lookup, 'i32', [b.tcb(), rip], []));
  b.if(b.eqz(b.getVar(op)), () => leaveFor(b, rip));
  decoded(b.getVar(op));
  const handler = b.variable('i32', b.readRawInt(16, b.getVar(op), OP.handler, 'guest') as I32);
  b.if(b.ltU(b.getVar(handler), b.i32(REGION_HANDLER)), () => leaveFor(b, rip));
  return b.sub(b.getVar(handler), b.i32(REGION_HANDLER));
}

function leaveFor(b: ColdBuilder, rip: I64): void {
  b.writeRaw(b.tcb(), TCB.off.rip, rip, 'state');
  b.returnValue(b.i32(RegionExit.JUMP));
}

/** Type and table of regions. */
export interface RegionTableLinkage {
  readonly regionType: number;
  readonly regionTable: number;
}

/** Into the region of a slot, with the function's own parameters. */
function goOn(b: ColdBuilder, { regionType, regionTable }: RegionTableLinkage, slot: I32): void {
  b.tailCallTable(regionType, [b.tcb(), b.local('i64', 1), b.local('i32', 2), b.i32(0)], slot, regionTable);
}

/** Function in the slots of regions that this core has not installed. */
export function buildMissing(b: ColdBuilder): void {
  b.writeRaw(b.blockAddress(), CoreBlock.off.regionMissing, b.i32(1), 'guest');
  b.writeRaw(b.tcb(), TCB.off.rip, b.local('i64', 1), 'state');
  b.returnValue(b.i32(RegionExit.STALE));
}
