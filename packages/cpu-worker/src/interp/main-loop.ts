import { CoreBlock } from '@troupe/abi/layout/header.js';
import { TCB, Trap } from '@troupe/abi/layout/tcb.js';
import { Code } from '../ir/code.js';
import { ExpressionBuilder } from '../ir/expression-builder.js';
import { Graph } from '../ir/graph.js';
import { analyse, LocalPool, Lowering } from '../ir/lower.js';
import type { Label } from '../ir/node.js';
import type { I32, I64 } from '../ir/types.js';
import { Status } from './cold-builder.js';
import { HANDLERS, HOT_COUNT, Special } from './forms.js';
import { HotBuilder, type MainLabels, type MainLocals } from './hot-builder.js';
import type { Linkage } from './interp-builder.js';
import { CODE_PAGE, OP, OP_BYTES, OP_SHIFT } from './op-record.js';
import { buildSem } from './build-sem.js';

/** Functions the main loop calls. */
export interface MainLinkage extends Linkage {
  readonly coldType: number;
  readonly codePage: number;
  readonly lookup: number;
}

/** Taken branches between two polls of the command words. */
const FUEL = 1024;

/**
 * The interpreter: `run(tcb) → Trap`. One loop around one switch over the hot handlers; all others
 * are functions in the module's table, indexed by the same number.
 *
 *   loop taken      poll every FUEL taken branches
 *     loop next     dispatch
 *       block resolve … block slow … block handler n … br_table
 */
export class MainLoop {
  readonly code = new Code();
  readonly locals = new LocalPool(1);
  readonly #lowering = new Lowering(this.code, this.locals);
  readonly #l: MainLocals & { readonly fuel: number; readonly status: number; readonly tableExec: number };
  readonly #labels: MainLabels = { next: { name: 'next' }, taken: { name: 'taken' }, resolve: { name: 'resolve' }, slow: { name: 'slow' } };

  constructor(readonly link: MainLinkage) {
    const local = (ty: 'i32' | 'i64'): number => this.locals.reserve(ty);
    this.#l = {
      tcb: 0, op: local('i32'), pcBase: local('i64'), target: local('i64'), executed: local('i32'),
      tableRead: local('i32'), tableWrite: local('i32'), tableExec: local('i32'), fuel: local('i32'), status: local('i32'),
    };
  }

  emit(): void {
    const { next, taken, resolve, slow } = this.#labels;
    this.#part((b) => this.#enter(b));
    this.#lowering.open('loop', taken);
    this.#part((b) => this.#poll(b));
    this.#lowering.open('loop', next);
    this.#lowering.open('block', resolve);
    this.#lowering.open('block', slow);
    this.#switch();
    this.#lowering.close();
    this.#part((b) => this.#slow(b));
    this.#lowering.close();
    this.#part((b) => this.#resolve(b));
    this.#lowering.close();
    this.#lowering.close();
    this.code.byte(0x00);
  }

  #part(build: (b: HotBuilder) => void): void {
    const graph = new Graph();
    build(new HotBuilder(graph, (ty) => this.locals.take(ty), this.link, 'none', this.#l, this.#labels));
    analyse(graph.root);
    this.#lowering.list(graph.root);
    this.locals.release();
  }

  #get(b: ExpressionBuilder, name: 'op' | 'executed' | 'fuel' | 'status' | 'tableExec'): I32 {
    return b.local('i32', this.#l[name], 'var');
  }

  #set(b: ExpressionBuilder, name: 'op' | 'executed' | 'fuel' | 'status' | 'tableRead' | 'tableWrite' | 'tableExec', value: I32): void {
    b.setLocal(this.#l[name], value);
  }

  #target(b: ExpressionBuilder): I64 { return b.local('i64', this.#l.target, 'var'); }

  #setPage(b: HotBuilder): void {
    const base = b.and(this.#target(b), b.i64(~0xfffn));
    b.setLocal(this.#l.pcBase, base);
    b.writeRaw(b.tcb(), TCB.off.pcBase, base, 'state');
  }

  #enter(b: HotBuilder): void {
    for (const name of ['tableRead', 'tableWrite', 'tableExec'] as const) this.#set(b, name, b.readRaw('i32', b.tcb(), TCB.off[name], 'state'));
    b.setLocal(this.#l.target, b.readRaw('i64', b.tcb(), TCB.off.rip, 'state'));
    const op = b.callIndex(this.link.lookup, 'i32', [b.tcb(), this.#target(b)], []);
    b.if(b.eqz(op), () => b.returnValue(b.i32(Trap.DECODE)));
    this.#set(b, 'op', op);
    this.#set(b, 'executed', b.sub(b.i32(0), op));
    this.#set(b, 'fuel', b.i32(FUEL));
    this.#setPage(b);
  }

  /** Adds the ops run since entry to TCB.instructions. `executed` must be balanced. */
  #account(b: HotBuilder): void {
    const count = b.zext64(b.shrU(this.#get(b, 'executed'), b.i32(OP_SHIFT)));
    b.writeRaw(b.tcb(), TCB.off.instructions, b.add(b.readRaw('i64', b.tcb(), TCB.off.instructions, 'state'), count), 'state');
  }

  /** Leaves before the current op. */
  #leaveAtOp(b: HotBuilder, trap: I32): void {
    b.writeRaw(b.tcb(), TCB.off.rip, b.rip(), 'fixed');
    this.#set(b, 'executed', b.add(this.#get(b, 'executed'), b.opAddress()));
    this.#account(b);
    b.returnValue(trap);
  }

  #poll(b: HotBuilder): void {
    this.#set(b, 'fuel', b.sub(this.#get(b, 'fuel'), b.i32(1)));
    b.if(b.ltS(this.#get(b, 'fuel'), b.i32(0)), () => {
      const block = b.blockAddress();
      const interrupt = b.readRaw('i32', b.tcb(), TCB.off.interrupt, 'guest');
      b.if(interrupt, () => this.#leaveAtOp(b, b.i32(Trap.INTERRUPT)));
      const budget = b.sub(b.readRaw('i32', block, CoreBlock.off.budget, 'guest'), b.i32(FUEL));
      b.writeRaw(block, CoreBlock.off.budget, budget, 'guest');
      const leave = b.or(b.readRaw('i32', block, CoreBlock.off.command, 'guest'), b.ltS(budget, b.i32(0)));
      b.if(leave, () => this.#leaveAtOp(b, b.i32(Trap.PREEMPT)));
      this.#set(b, 'fuel', b.i32(FUEL));
    });
  }

  #switch(): void {
    const labels: Label[] = [];
    for (let i = 0; i < HOT_COUNT; i++) labels.push({ name: `handler ${i}` });
    for (const label of [...labels].reverse()) this.#lowering.open('block', label);
    this.#part((b) => {
      const handler = b.opField(16, OP.handler);
      b['effect']({ kind: 'brTable', labels, fallback: this.#labels.slow }, [handler], []);
    });
    for (let i = 0; i < HOT_COUNT; i++) {
      this.#lowering.close();
      this.#handler(i);
    }
  }

  #handler(number: number): void {
    if (number === Special.CHAIN) return this.#part((b) => this.#chain(b));
    if (number === Special.GUARD) return this.#part((b) => this.#guard(b));
    const handler = HANDLERS[number]!;
    const graph = new Graph();
    const b = new HotBuilder(graph, (ty) => this.locals.take(ty), this.link, handler.addressing, this.#l, this.#labels);
    buildSem(b, handler.form);
    this.#advance(b);
    analyse(graph.root);
    this.#lowering.list(graph.root);
    this.locals.release();
  }

  #advance(b: HotBuilder): void {
    this.#set(b, 'op', b.add(b.opAddress(), b.i32(OP_BYTES)));
    b.branch(this.#labels.next);
  }

  #chain(b: HotBuilder): void {
    this.#set(b, 'executed', b.sub(this.#get(b, 'executed'), b.i32(OP_BYTES)));
    b.takeJump(0);
  }

  #guard(b: HotBuilder): void {
    const page = b.callIndex(this.link.codePage, 'i32', [b.tcb(), b.add(b.pcBase(), b.i64(0x1000))], []);
    this.#set(b, 'status', page);
    const same = b.eq(b.readRaw('i32', b.opAddress(), OP.imm, 'fixed'), page);
    const expected = b.readRaw('i32', b.opAddress(), OP.imm1, 'fixed');
    const valid = b.ifVal(b.and(same, b.ne(page, b.i32(0))), () => b.eq(b.readRaw('i32', page, CODE_PAGE.generation, 'guest'), expected), () => b.i32(0));
    b.if(b.eqz(valid), () => this.#leaveAtOp(b, b.i32(Trap.DECODE)));
    this.#set(b, 'executed', b.sub(this.#get(b, 'executed'), b.i32(OP_BYTES)));
    this.#advance(b);
  }

  #slow(b: HotBuilder): void {
    const status = b['graph'].effect('i32', { kind: 'callIndirect', type: this.link.coldType }, [b.tcb(), b.opAddress(), b.opField(16, OP.handler)] as never, ['state', 'guest']);
    this.#set(b, 'status', status as never);
    b.if(b.eqz(this.#get(b, 'status')), () => this.#advance(b));
    b.if(b.eq(this.#get(b, 'status'), b.i32(Status.FAULT)), () => {
      b.writeRaw(b.tcb(), TCB.off.trapLenBytes, b.lengthBytes(), 'state');
      this.#leaveAtOp(b, b.i32(Trap.EXCEPTION));
    });
    b.if(b.eq(this.#get(b, 'status'), b.i32(Status.AGAIN)), () => {
      this.#set(b, 'fuel', b.sub(this.#get(b, 'fuel'), b.i32(64)));
      b.branch(this.#labels.taken);
    });
    b.countRun();
    b.if(b.leS(b.i32(Status.LEAVE), this.#get(b, 'status')), () => {
      b.writeRaw(b.tcb(), TCB.off.trapLenBytes, b.lengthBytes(), 'state');
      this.#account(b);
      b.returnValue(b.select(b.eq(this.#get(b, 'status'), b.i32(Status.LEAVE)), b.i32(Trap.EXCEPTION), b.i32(Trap.SYSCALL)));
    });
    b.setLocal(this.#l.target, b.readRaw('i64', b.tcb(), TCB.off.rip, 'state'));
  }

  #resolve(b: HotBuilder): void {
    const target = this.#target(b);
    const isHigh = b.wrap(b.shrU(target, b.i64(32)));
    this.#set(b, 'status', b.i32(0));
    b.if(isHigh, () => this.#set(b, 'status', b.callIndex(this.link.lookup, 'i32', [b.tcb(), this.#target(b)], [])), () => {
      const va = b.wrap(this.#target(b));
      const entry = b.readRaw('i32', b.add(this.#get(b, 'tableExec'), b.and(b.shrU(va, b.i32(10)), b.i32(0x3ffffc))), 0, 'guest');
      const decoded = b.and(b.ne(entry, b.i32(0)), b.eqz(b.and(entry, b.i32(1))));
      b.if(decoded, () => {
        const at = b.shl(b.and(va, b.i32(0xfff)), b.i32(2));
        this.#set(b, 'status', b.readRaw('i32', b.add(entry, at), CODE_PAGE.index, 'guest'));
      });
    });
    const found = this.#get(b, 'status');
    b.if(b.eqz(found), () => {
      b.writeRaw(b.tcb(), TCB.off.rip, this.#target(b), 'fixed');
      this.#account(b);
      b.returnValue(b.i32(Trap.DECODE));
    });
    const samePage = b.ltU(b.xor(this.#target(b), b.pcBase()), b.i64(0x1000));
    b.if(samePage, () => b.writeRaw(b.opAddress(), OP.link, found, 'fixed'), () => this.#setPage(b));
    this.#set(b, 'executed', b.sub(this.#get(b, 'executed'), found));
    this.#set(b, 'op', found);
    b.branch(this.#labels.taken);
  }
}
