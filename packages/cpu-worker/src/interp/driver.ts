import { CoreBlock } from '@troupe/abi/layout/header.js';
import { TCB, Trap } from '@troupe/abi/layout/tcb.js';
import type { Graph } from '../ir/graph.js';
import type { Label } from '../ir/node.js';
import type { I32, I64, Ty } from '../ir/types.js';
import { ColdBuilder, Status } from './cold-builder.js';
import { MAIN_SLOT } from './forms.js';
import type { Linkage } from './interp-builder.js';
import { Exit } from './main-loop.js';
import { CODE_PAGE, OP, OP_BYTES, OP_SHIFT } from './op-record.js';

/** Functions the driver calls. */
export interface DriverLinkage extends Linkage {
  readonly coldType: number;
  readonly codePage: number;
  readonly lookup: number;
  /** Type of the main loop. */
  readonly mainType: number;
  /** Index of the table of handlers. */
  readonly ownTable: number;
}

/** Instructions between two polls of the command words. */
const SLICE = 8192;
/** Taken branches a slice stands for, in CoreBlock.budget. */
const SLICE_BRANCHES = 1024;
const SLICE_BYTES = SLICE * OP_BYTES;

/** Locals of the driver: parameters tcb and op (0: find it), parameter useMain, count. ColdBuilder expects op in local 1. */
const USE_MAIN = 2;
const COUNT = 3;

/**
 * `run(tcb, 0, useMain) → Trap`: enters the main loop and does what it left undone: cold handlers,
 * polls, jumps to code above 4 GiB or not decoded yet. Without the main loop, whose compilation
 * takes most of a second of background work, it runs everything through the cold handlers.
 */
export class Driver {
  readonly #b: ColdBuilder;
  readonly #loop: Label = { name: 'loop' };

  constructor(
    readonly graph: Graph,
    takeLocal: (ty: Ty) => number,
    readonly link: DriverLinkage,
  ) {
    this.#b = new ColdBuilder(graph, takeLocal, link, 'none', false, { name: 'no fault' });
  }

  emit(): void {
    const b = this.#b;
    const tcb = b.tcb();
    const first = b.callIndex(this.link.lookup, 'i32', [tcb, this.#rip()], []);
    b.if(b.eqz(first), () => b.returnValue(b.i32(Trap.DECODE)));
    this.#setOp(first);
    this.#newSlice();
    this.#setPage();
    this.graph.loop(this.#loop, () => {
      b.if(b.local('i32', USE_MAIN), () => {
        const exit = b.callTable(this.link.mainType, 'i32', [tcb, this.#op(), this.#count()], b.i32(MAIN_SLOT), this.link.ownTable);
        this.#setOp(b.readRaw('i32', b.blockAddress(), CoreBlock.off.mainOp, 'guest'));
        b.setLocal(COUNT, b.readRaw('i32', b.blockAddress(), CoreBlock.off.mainCount, 'guest'));
        b.if(b.eq(exit, b.i32(Exit.POLL)), () => this.#poll());
        b.if(b.eq(exit, b.i32(Exit.JUMP)), () => this.#jump());
      });
      this.#cold();
    });
  }

  #op(): I32 { return this.#b.local('i32', 1, 'var'); }
  #setOp(value: I32): void { this.#b.setLocal(1, value); }
  #count(): I32 { return this.#b.local('i32', COUNT, 'var'); }
  #rip(): I64 { return this.#b.readRaw('i64', this.#b.tcb(), TCB.off.rip, 'state'); }
  #pcBase(): I64 { return this.#b.readRaw('i64', this.#b.tcb(), TCB.off.pcBase, 'state'); }
  #place(): I32 { return this.#b.readRawInt(16, this.#op(), OP.place, 'guest') as I32; }

  #newSlice(): void {
    this.#b.setLocal(COUNT, this.#b.sub(this.#b.i32(-SLICE_BYTES), this.#op()));
  }

  #setPage(): void {
    const b = this.#b;
    b.writeRaw(b.tcb(), TCB.off.pcBase, b.and(this.#rip(), b.i64(~0xfffn)), 'state');
  }

  /** Adds what ran since the last account to TCB.instructions; `ran` = count + op. */
  #account(ran: I32): void {
    const b = this.#b;
    const instructions = b.zext64(b.shrU(b.add(ran, b.i32(SLICE_BYTES)), b.i32(OP_SHIFT)));
    b.writeRaw(b.tcb(), TCB.off.instructions, b.add(b.readRaw('i64', b.tcb(), TCB.off.instructions, 'state'), instructions), 'state');
  }

  /** Leaves before the current op. */
  #leaveAtOp(trap: I32): void {
    const b = this.#b;
    b.writeRaw(b.tcb(), TCB.off.rip, b.add(this.#pcBase(), b.zext64(b.and(this.#place(), b.i32(0xfff)))), 'state');
    this.#account(b.add(this.#count(), this.#op()));
    b.returnValue(trap);
  }

  #poll(): void {
    const b = this.#b;
    const block = b.blockAddress();
    b.if(b.readRaw('i32', b.tcb(), TCB.off.interrupt, 'guest'), () => this.#leaveAtOp(b.i32(Trap.INTERRUPT)));
    const budget = b.sub(b.readRaw('i32', block, CoreBlock.off.budget, 'guest'), b.i32(SLICE_BRANCHES));
    b.writeRaw(block, CoreBlock.off.budget, budget, 'guest');
    const leave = b.or(b.readRaw('i32', block, CoreBlock.off.command, 'guest'), b.ltS(budget, b.i32(0)));
    b.if(leave, () => this.#leaveAtOp(b.i32(Trap.PREEMPT)));
    this.#account(b.add(this.#count(), this.#op()));
    this.#newSlice();
    b.branch(this.#loop);
  }

  /** To TCB.rip; `count` was advanced past the jumping op. */
  #jump(): void {
    const b = this.#b;
    const found = b.callIndex(this.link.lookup, 'i32', [b.tcb(), this.#rip()], []);
    b.if(b.eqz(found), () => {
      this.#account(this.#count());
      b.returnValue(b.i32(Trap.DECODE));
    });
    // A jump within the page keeps its target: code above 4 GiB needs the driver only once for each.
    const samePage = b.ltU(b.xor(this.#rip(), this.#pcBase()), b.i64(0x1000));
    b.if(samePage, () => b.writeRaw(this.#op(), OP.link, found, 'guest'), () => this.#setPage());
    b.setLocal(COUNT, b.sub(this.#count(), found));
    this.#setOp(found);
    b.branchIf(b.ltS(b.add(this.#count(), this.#op()), b.i32(0)), this.#loop);
    this.#poll();
  }

  #cold(): void {
    const b = this.#b;
    const handler = b.readRawInt(16, this.#op(), OP.handler, 'guest') as I32;
    const status = b.callTable(this.link.coldType, 'i32', [b.tcb(), this.#op()], handler, this.link.ownTable);
    b.if(b.eqz(status), () => {
      this.#setOp(b.add(this.#op(), b.i32(OP_BYTES)));
      b.branch(this.#loop);
    });
    b.if(b.eq(status, b.i32(Status.FAULT)), () => {
      this.#storeLength();
      this.#leaveAtOp(b.i32(Trap.EXCEPTION));
    });
    b.if(b.eq(status, b.i32(Status.AGAIN)), () => {
      // A page of a string instruction counts as some instructions, so that polls come in time.
      b.setLocal(COUNT, b.add(this.#count(), b.i32(64 * OP_BYTES)));
      b.branchIf(b.ltS(b.add(this.#count(), this.#op()), b.i32(0)), this.#loop);
      this.#poll();
    });
    b.if(b.eq(status, b.i32(Status.GUARD)), () => {
      b.setLocal(COUNT, b.sub(this.#count(), b.i32(OP_BYTES)));
      this.#setOp(b.add(this.#op(), b.i32(OP_BYTES)));
      b.branch(this.#loop);
    });
    b.if(b.eq(status, b.i32(Status.DECODE)), () => this.#leaveAtOp(b.i32(Trap.DECODE)));
    b.if(b.eq(status, b.i32(Status.CHAIN)), () => {
      b.setLocal(COUNT, b.add(this.#count(), this.#op()));
      this.#jump();
    });
    b.setLocal(COUNT, b.add(b.add(this.#count(), this.#op()), b.i32(OP_BYTES)));
    b.if(b.eq(status, b.i32(Status.JUMP)), () => this.#jump());
    this.#storeLength();
    this.#account(this.#count());
    b.returnValue(b.select(b.eq(status, b.i32(Status.LEAVE)), b.i32(Trap.EXCEPTION), b.i32(Trap.SYSCALL)));
  }

  #storeLength(): void {
    const b = this.#b;
    b.writeRaw(b.tcb(), TCB.off.trapLenBytes, b.shrU(this.#place(), b.i32(12)), 'state');
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
