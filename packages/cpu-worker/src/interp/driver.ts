import { CoreBlock } from '@troupe/abi/layout/header.js';
import { TCB, Trap } from '@troupe/abi/layout/tcb.js';
import type { Graph } from '../ir/graph.js';
import type { Label } from '../ir/node.js';
import type { I64, Ty } from '../ir/types.js';
import { type ColdBuilder, Status } from './cold-builder.js';
import { DriverState, RunFlag, type DriverLinkage } from './driver-state.js';
import { MAIN_SLOT } from './forms.js';
import { Exit } from './main-loop.js';
import { CODE_PAGE, OP, OP_BYTES } from './op-record.js';
import { arrived, RegionCalls, sampled } from './region-calls.js';

/**
 * `run(tcb, first, flags) → Trap`: enters regions and the main loop and does what they leave undone:
 * cold handlers, polls, jumps to code above 4 GiB or not decoded yet. Without the main loop, whose
 * compilation takes most of a second of background work, it runs everything through the cold
 * handlers. `first` = 1: the first op runs by its cold handler whatever there is for it.
 */
/** After each poll so many ops run by their cold handlers, which note where their operands are: most of what gets hot is seen many times. */
const WATCHED_OPS = 48;

export class Driver {
  readonly #s: DriverState;
  readonly #loop: Label = { name: 'loop' };
  readonly #regions: RegionCalls;

  constructor(
    readonly graph: Graph,
    takeLocal: (ty: Ty) => number,
    readonly link: DriverLinkage,
  ) {
    this.#s = new DriverState(graph, takeLocal, link);
    this.#regions = new RegionCalls(this.#s, this.#loop, () => this.#poll());
  }

  emit(): void {
    const s = this.#s;
    const { b } = s;
    s.set('cold', s.get('op'));
    b.setGlobal(this.link.watchedOp, b.i32(0));
    const first = s.lookup(s.rip());
    b.if(b.eqz(first), () => b.returnValue(b.i32(Trap.DECODE)));
    s.set('op', first);
    s.newSlice();
    s.setPage();
    b.if(b.eqz(s.get('cold')), () => arrived(s));
    this.graph.loop(this.#loop, () => {
      s.set('handler', s.opHandler());
      b.if(s.get('cold'), () => {
        s.set('cold', b.i32(0));
        s.resolveHandler();
      }, () => {
        const isMain = b.and(s.hasFlag(RunFlag.MAIN), b.eqz(b.or(s.isRegion(s.get('handler')), s.get('watched'))));
        b.if(isMain, () => this.#main());
        b.if(s.isRegion(s.get('handler')), () => {
          b.if(s.hasFlag(RunFlag.CHECK), () => s.leaveAtOp(Trap.STALE));
          this.#regions.emit();
        });
      });
      this.#cold();
    });
  }

  #main(): void {
    const s = this.#s;
    const { b } = s;
    const exit = b.callTable(this.link.mainType, 'i32', [b.tcb(), s.get('op'), s.get('count')], b.i32(MAIN_SLOT), this.link.ownTable);
    s.set('op', b.readRaw('i32', b.blockAddress(), CoreBlock.off.mainOp, 'guest'));
    s.set('count', b.readRaw('i32', b.blockAddress(), CoreBlock.off.mainCount, 'guest'));
    b.if(b.eq(exit, b.i32(Exit.POLL)), () => this.#poll());
    b.if(b.eq(exit, b.i32(Exit.JUMP)), () => this.#jump());
    s.set('handler', s.opHandler());
  }

  #poll(): void {
    const s = this.#s;
    const { b } = s;
    const block = b.blockAddress();
    b.if(b.readRaw('i32', b.tcb(), TCB.off.interrupt, 'guest'), () => s.leaveAtOp(Trap.INTERRUPT));
    const budget = b.sub(b.readRaw('i32', block, CoreBlock.off.budget, 'guest'), s.sliceBranches());
    b.writeRaw(block, CoreBlock.off.budget, budget, 'guest');
    const leave = b.or(b.readRaw('i32', block, CoreBlock.off.command, 'guest'), b.ltS(budget, b.i32(0)));
    b.if(leave, () => s.leaveAtOp(Trap.PREEMPT));
    s.account(s.position());
    s.newSlice();
    sampled(s);
    b.if(s.hasFlag(RunFlag.SAMPLE), () => s.set('watched', b.i32(WATCHED_OPS)));
    b.branch(this.#loop);
  }

  /** To TCB.rip; `count` was advanced past the jumping op. */
  #jump(): void {
    const s = this.#s;
    const { b } = s;
    const found = s.lookup(s.rip());
    b.if(b.eqz(found), () => {
      s.account(s.get('count'));
      b.returnValue(b.i32(Trap.DECODE));
    });
    // A jump within the page keeps its target: code above 4 GiB needs the driver only once for each.
    const samePage = b.ltU(b.xor(s.rip(), s.pcBase()), b.i64(0x1000));
    b.if(samePage, () => b.writeRaw(s.get('op'), OP.link, found, 'guest'), () => s.setPage());
    s.goTo(found, s.get('count'));
    arrived(s);
    b.branchIf(b.ltS(s.position(), b.i32(0)), this.#loop);
    this.#poll();
  }

  #cold(): void {
    const s = this.#s;
    const { b } = s;
    b.if(s.get('watched'), () => {
      s.set('watched', b.sub(s.get('watched'), b.i32(1)));
      b.setGlobal(this.link.watchedOp, b.select(s.get('watched'), s.get('op'), b.i32(0)));
    });
    const status = b.callTable(this.link.coldType, 'i32', [b.tcb(), s.get('op')], s.get('handler'), this.link.ownTable);
    b.if(b.eqz(status), () => {
      s.set('op', b.add(s.get('op'), b.i32(OP_BYTES)));
      b.branch(this.#loop);
    });
    b.if(b.eq(status, b.i32(Status.FAULT)), () => {
      s.storeLength(b.shrU(s.place(), b.i32(12)));
      s.leaveAtOp(Trap.EXCEPTION);
    });
    b.if(b.eq(status, b.i32(Status.AGAIN)), () => {
      // A page of a string instruction counts as some instructions, so that polls come in time.
      s.set('count', b.add(s.get('count'), b.i32(64 * OP_BYTES)));
      b.branchIf(b.ltS(s.position(), b.i32(0)), this.#loop);
      this.#poll();
    });
    b.if(b.eq(status, b.i32(Status.GUARD)), () => {
      s.set('count', b.sub(s.get('count'), b.i32(OP_BYTES)));
      s.set('op', b.add(s.get('op'), b.i32(OP_BYTES)));
      b.branch(this.#loop);
    });
    b.if(b.eq(status, b.i32(Status.DECODE)), () => s.leaveAtOp(Trap.DECODE));
    b.if(b.eq(status, b.i32(Status.CHAIN)), () => {
      s.set('count', s.position());
      this.#jump();
    });
    s.set('count', b.add(s.position(), b.i32(OP_BYTES)));
    b.if(b.eq(status, b.i32(Status.JUMP)), () => this.#jump());
    s.storeLength(b.shrU(s.place(), b.i32(12)));
    s.account(s.get('count'));
    b.returnValue(b.select(b.eq(status, b.i32(Status.LEAVE)), b.i32(Trap.EXCEPTION), b.i32(Trap.SYSCALL)));
  }
}

/** Cold handler of Special.CHAIN. */
export function buildChain(b: ColdBuilder): void {
  b.writeRaw(b.tcb(), TCB.off.rip, b.add(b.pcBase(), b.opField(64, OP.imm) as I64), 'state');
  b.returnValue(b.i32(Status.CHAIN));
}

/** Cold handler of Special.GUARD: the next page must still be the one the instruction was decoded with. */
export function buildGuard(b: ColdBuilder, codePage: number): void {
  const page = b.callIndex(codePage, 'i32', [b.tcb(), b.add(b.pcBase(), b.i64(0x1000))], []);
  const same = b.and(b.eq(b.readRaw('i32', b.opAddress(), OP.imm, 'fixed'), page), b.ne(page, b.i32(0)));
  b.if(b.eqz(same), () => b.returnValue(b.i32(Status.DECODE)));
  const generation = b.readRaw('i32', page, CODE_PAGE.generation, 'guest');
  b.if(b.eq(generation, b.readRaw('i32', b.opAddress(), OP.imm1, 'fixed')), () => b.returnValue(b.i32(Status.GUARD)));
  b.returnValue(b.i32(Status.DECODE));
}
