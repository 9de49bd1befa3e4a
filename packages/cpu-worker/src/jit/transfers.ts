import { MemoryWindow, windowOffset } from '@troupe/abi/layout/memory-windows.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { RELOCATED } from '../ir/lower.js';
import type { Label } from '../ir/node.js';
import type { I32, I64 } from '../ir/types.js';
import { Status } from '../interp/cold-builder.js';
import { OP_BYTES } from '../interp/op-record.js';
import type { ExitStub } from './exit-stubs.js';
import type { GuestInstruction } from './guest-code.js';
import { RegionExit } from './region-abi.js';
import type { LinkList } from './region-links.js';
import type { RegionBuilder } from './region-builder.js';
import { BodyGlobal, type AnalysedRegion, type Callee } from './analysed-region.js';
import type { RegionLocals, WindowLocals } from './region-locals.js';
import { FLAG_SLOTS, hasSlot, intersection, minus, Slot, SLOT_PLACE, slotsOf, type SlotSet } from './slots.js';

/** Instructions that a page of a repeated string instruction counts as, for polls. */
const AGAIN_BYTES = 64 * OP_BYTES;

/** Globals of the region's own. Key (code-keys.ts) plus origin under which its pages were found right last. */
const ENTRY_KEY = RELOCATED + BodyGlobal.ENTRY_KEY;
/** Address of its links. */
const LINKS = RELOCATED + BodyGlobal.LINKS;

/** Where a call leads. Addresses as in GuestInstruction. */
export interface CallTarget {
  /** Undefined: `likely`, at any rate. */
  readonly target: I64 | undefined;
  /** Undefined: nothing is known. */
  readonly likely: number | undefined;
  readonly readsFlags: boolean;
  readonly returnAt: number;
}

/** Code at the borders of a region: entry, exits, calls, jumps to other regions. */
export class Transfers {
  constructor(
    readonly region: AnalysedRegion,
    readonly locals: RegionLocals,
    readonly links: LinkList,
    readonly callee: (callee: Callee) => number,
  ) {}

  #count(b: RegionBuilder): I32 { return b.local('i32', this.locals.count, 'var'); }
  #depth(b: RegionBuilder): I32 { return b.local('i32', this.locals.depth); }

  /** Where the guest goes on when the code that follows leaves through a stub. */
  setPc(b: RegionBuilder, at: number): void {
    b.setFixed(this.locals.pc, b.i32(at));
  }

  /** Checks that the code is the one that was translated, then loads what the region needs everywhere. */
  enter(b: RegionBuilder): void {
    const { entryAt, order, flow } = this.region;
    const rip = b.local('i64', this.locals.rip);
    const hasEntries = order.blocks[0]!.end.kind === 'dispatch';
    const at = hasEntries ? b.local('i32', this.locals.entryAt) : b.i32(entryAt);
    b.setLocal(this.locals.origin, b.sub(rip, b.op('i64.extend_i32_s', at)));
    b.setLocal(this.locals.count, b.readRaw('i32', b.tcb(), TCB.off.ran, 'state'));
    this.#checkSlice(b, rip);
    this.#checkCode(b, rip);
    for (const [kind, window] of this.locals.windows) this.#loadWindow(b, windowOffset(kind), window);
    let global = RELOCATED + BodyGlobal.CONSTANTS;
    for (const { local, bytes, isGlobal } of this.locals.constants) b.setLocal(local, isGlobal ? b.getGlobalVector(global++) : b.vector(bytes));
    if (hasEntries) b.setLocal(this.locals.target, rip);
    this.load(b, flow.loadsAtEntry(order.blocks[0]!));
  }

  /** Others of the module come here without a look at the slice and at how deeply calls are nested. */
  #checkSlice(b: RegionBuilder, rip: I64): void {
    const mayRun = b.and(this.#count(b), b.xor(this.#depth(b), b.i32(-1)));
    b.ifRare(b.leS(b.i32(0), mayRun), () => {
      b.ifRare(this.#mustLeave(b), () => {
        b.writeRaw(b.tcb(), TCB.off.rip, rip, 'state');
        b.returnValue(b.i32(RegionExit.JUMP));
      });
      b.setLocal(this.locals.count, b.readRaw('i32', b.tcb(), TCB.off.ran, 'state'));
    });
  }

  /** False when a new slice has begun. Precondition: TCB.ran is right. */
  #mustLeave(b: RegionBuilder): I32 {
    return b.callIndex(this.callee('poll'), 'i32', [b.tcb(), this.#depth(b), b.i32(this.region.isSampled ? 1 : 0)]);
  }

  /** At a jump back: goes to `again` while slices last. What follows leaves. */
  repeat(b: RegionBuilder, again: Label): void {
    b.block('left', (left) => {
      b.ifRare(b.eqz(this.#isInSlice(b)), () => {
        b.writeRaw(b.tcb(), TCB.off.ran, this.#count(b), 'state');
        b.branchIf(this.#mustLeave(b), left);
        b.setLocal(this.locals.count, b.readRaw('i32', b.tcb(), TCB.off.ran, 'state'));
      });
      b.branch(again);
    });
  }

  /** One comparison when the pages were looked at before, for the same origin and under the same execute table. */
  #checkCode(b: RegionBuilder, rip: I64): void {
    const key = b.variable('i64', b.add(b.local('i64', this.locals.origin), b.readRaw('i64', b.tcb(), TCB.off.codeKey, 'state')));
    b.ifRare(b.ne(b.getVar(key), b.getGlobal64(ENTRY_KEY)), () => {
      const fits = b.callIndex(this.callee('fits'), 'i32', [b.tcb(), b.local('i64', this.locals.origin), b.getGlobal(LINKS)]);
      b.ifRare(b.eqz(fits), () => b.tailCallIndex(this.callee('misfit'), [b.tcb(), rip, this.#depth(b), b.getGlobal(LINKS)]));
      b.setGlobal(ENTRY_KEY, b.getVar(key));
    });
  }

  #loadWindow(b: RegionBuilder, at: number, { start, bytes, entry }: WindowLocals): void {
    b.setLocal(start, b.readRaw('i64', b.tcb(), at + MemoryWindow.off.start, 'state'));
    b.setLocal(bytes, b.readRaw('i64', b.tcb(), at + MemoryWindow.off.bytes, 'state'));
    b.setLocal(entry, b.readRaw('i32', b.tcb(), at + MemoryWindow.off.entry, 'state'));
  }

  load(b: RegionBuilder, slots: SlotSet): void {
    for (const slot of slotsOf(slots)) {
      const { ty, offset } = SLOT_PLACE[slot]!;
      b.setLocal(this.locals.slot(slot), b.readRaw(ty, b.tcb(), offset, 'state'));
    }
  }

  store(b: RegionBuilder, slots: SlotSet): void {
    for (const slot of slotsOf(slots)) {
      const { ty, offset } = SLOT_PLACE[slot]!;
      b.writeRaw(b.tcb(), offset, b.local(ty, this.locals.slot(slot), 'var'), 'state');
    }
  }

  /** All state in the TCB, with `rip`. */
  #leaveAt(b: RegionBuilder, rip: I64, dirty: SlotSet): void {
    this.store(b, dirty);
    b.writeRaw(b.tcb(), TCB.off.rip, rip, 'state');
    b.writeRaw(b.tcb(), TCB.off.ran, this.#count(b), 'state');
  }

  leaveByStub(b: RegionBuilder, stub: ExitStub): void {
    const pc = b.op('i64.extend_i32_s', b.local('i32', this.locals.pc, 'var'));
    const rip = b.add(b.local('i64', this.locals.origin), pc);
    // There may be a region by now.
    if (stub.exit === RegionExit.JUMP) return this.jump(b, rip, stub.dirty);
    this.#leaveAt(b, rip, stub.dirty);
    b.returnValue(b.i32(stub.exit));
  }

  #isInSlice(b: RegionBuilder): I32 {
    return b.ltS(this.#count(b), b.i32(0));
  }

  /** All state in the TCB but `rip`, which whoever goes on gets as an argument. */
  #handOver(b: RegionBuilder, dirty: SlotSet): void {
    this.store(b, dirty);
    b.writeRaw(b.tcb(), TCB.off.ran, this.#count(b), 'state');
  }

  /** Static jump to code outside that was decoded. */
  link(b: RegionBuilder, at: number, dirty: SlotSet): void {
    this.#handOver(b, dirty);
    b.tailCallIndex(this.callee({ at }), [b.tcb(), b.address(at), this.#depth(b), this.#link(b, at)]);
  }

  /** The link's place in the body's links. */
  #link(b: RegionBuilder, at: number): I32 {
    return b.i32(this.links.offsetOf(at, false));
  }

  /** Computed jump. */
  jump(b: RegionBuilder, target: I64, dirty: SlotSet): void {
    this.#handOver(b, dirty);
    b.tailCallIndex(this.callee('indirect'), [b.tcb(), target, this.#depth(b)]);
  }

  /** The slice is used up at a computed jump. */
  pollAt(b: RegionBuilder, target: I64, dirty: SlotSet): void {
    this.#leaveAt(b, target, dirty);
    b.returnValue(b.i32(RegionExit.POLL));
  }

  /**
   * The stack has the return address already. Comes back when the callee returned to `returnAt`. `readsFlags`: the likely
   * callee may read the flags.
   */
  call(b: RegionBuilder, { target, likely, readsFlags, returnAt }: CallTarget, dirty: SlotSet, wantsFlags: boolean): void {
    if (readsFlags) b.flushFlags();
    this.#handOver(b, readsFlags ? dirty : minus(dirty, FLAG_SLOTS));
    const depth = b.variable('i32', b.or(b.and(b.sub(this.#depth(b), b.i32(2)), b.i32(~1)), b.i32(wantsFlags ? 1 : 0)));
    const result = b.variable('i32', b.i32(RegionExit.JUMP));
    const indirect = (to: I64): void => b.setVar(result, b.callIndex(this.callee('indirect'), 'i32', [b.tcb(), to, b.getVar(depth)]));
    const direct = (at: number): void => b.setVar(result, b.callIndex(this.callee({ at }), 'i32', [b.tcb(), b.address(at), b.getVar(depth), this.#link(b, at)]));
    // A callee that was not decoded yet may have a region by now.
    if (likely === undefined || this.region.code.opAt(likely) === 0) indirect(target ?? b.address(likely!));
    else if (target === undefined) direct(likely);
    else b.block('called', (called) => {
      b.ifRare(b.ne(target, b.address(likely)), () => {
        b.flushFlags();
        this.store(b, intersection(dirty, FLAG_SLOTS));
        indirect(target);
        b.branch(called);
      });
      direct(likely);
    });
    b.ifRare(b.ne(b.getVar(result), b.i32(RegionExit.RETURN)), () => b.returnValue(b.getVar(result)));
    const isBack = b.eq(b.readRaw('i64', b.tcb(), TCB.off.rip, 'state'), b.address(returnAt));
    b.ifRare(b.eqz(isBack), () => b.returnValue(b.i32(RegionExit.RETURN)));
    b.setLocal(this.locals.count, b.readRaw('i32', b.tcb(), TCB.off.ran, 'state'));
  }

  /** Guest return: the caller's region goes on when it was a call of its own. */
  return(b: RegionBuilder, target: I64, dirty: SlotSet): void {
    if (hasSlot(dirty, Slot.CC_RES) || hasSlot(dirty, Slot.CC_AUX)) {
      const isWanted = b.and(this.#depth(b), b.i32(1));
      b.if(isWanted, () => {
        b.flushFlags();
        this.store(b, { low: dirty.low & FLAG_SLOTS.low, high: 0 });
      });
    }
    this.#leaveAt(b, target, minus(dirty, FLAG_SLOTS));
    b.returnValue(b.i32(RegionExit.RETURN));
  }

  syscall(b: RegionBuilder, insn: GuestInstruction, dirty: SlotSet): void {
    this.#leaveAt(b, b.address(insn.at + insn.lenBytes), dirty);
    b.returnValue(b.i32(RegionExit.SYSCALL));
  }

  /** Runs an instruction by its cold handler. */
  runCold(b: RegionBuilder, insn: GuestInstruction, dirty: SlotSet): void {
    this.store(b, dirty);
    b.writeRaw(b.tcb(), TCB.off.pcBase, b.address(Math.floor(insn.at / 4096) * 4096), 'state');
    const status = b.variable('i32', b.i32(Status.AGAIN));
    b.loop(() => {
      const op = b.readRaw('i32', b.getGlobal(LINKS), this.links.offsetOf(insn.at, true), 'guest');
      b.setVar(status, b.callIndex(this.callee('cold'), 'i32', [b.tcb(), op]));
      b.setLocal(this.locals.count, b.add(this.#count(b), b.select(b.eq(b.getVar(status), b.i32(Status.AGAIN)), b.i32(AGAIN_BYTES), b.i32(0))));
      return b.and(b.eq(b.getVar(status), b.i32(Status.AGAIN)), this.#isInSlice(b));
    });
    b.ifRare(b.ne(b.getVar(status), b.i32(Status.NEXT)), () => {
      b.writeRaw(b.tcb(), TCB.off.rip, b.address(insn.at), 'state');
      b.writeRaw(b.tcb(), TCB.off.ran, this.#count(b), 'state');
      b.returnValue(b.i32(RegionExit.SLOW));
    });
  }
}
