import { CoreBlock } from '@troupe/abi/layout/header.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { Code } from '../ir/code.js';
import { Graph } from '../ir/graph.js';
import { analyse, LocalPool, Lowering } from '../ir/lower.js';
import type { Label } from '../ir/node.js';
import type { I32, I64 } from '../ir/types.js';
import { buildFused } from './build-fused.js';
import { buildSem } from './build-sem.js';
import { HANDLERS, HOT_COUNT, Special } from './forms.js';
import { HotBuilder, type MainLabels, type MainLocals } from './hot-builder.js';
import type { Linkage } from './interp-builder.js';
import { CODE_PAGE, OP, OP_BYTES } from './op-record.js';

/** Why the main loop returned; the driver (interp/driver.ts) deals with it. */
export const Exit = {
  /** Run the op's cold handler. */
  SLOW: 0,
  /** The slice is used up. */
  POLL: 1,
  /** Jump to TCB.rip, which is not decoded or not below 4 GiB. */
  JUMP: 2,
} as const;

/**
 * The interpreter: `main(tcb, op, count) → Exit`, one loop around one switch over the hot handlers.
 *
 *   loop next
 *     block poll … block resolve … block slow … block handler n … br_table
 *
 * It calls nothing: a call anywhere in the loop would make the compiler keep the loop's variables
 * in memory. Whatever needs a call leaves the loop and comes back. `count` serves both the
 * instruction count and the poll: at a taken branch `count + op` is the number of op bytes run,
 * less the slice.
 */
export class MainLoop {
  readonly code = new Code();
  readonly locals = new LocalPool(3);
  readonly #lowering = new Lowering(this.code, this.locals);
  readonly #l: MainLocals & { readonly found: number };
  readonly #labels: MainLabels = { next: { name: 'next' }, poll: { name: 'poll' }, resolve: { name: 'resolve' }, slow: { name: 'slow' } };

  constructor(readonly link: Linkage) {
    const local = (ty: 'i32' | 'i64'): number => this.locals.reserve(ty);
    this.#l = { tcb: 0, op: 1, count: 2, target: local('i64'), tableRead: local('i32'), tableWrite: local('i32'), found: local('i32') };
  }

  emit(): void {
    const { next, poll, resolve, slow } = this.#labels;
    this.#part((b) => {
      for (const name of ['tableRead', 'tableWrite'] as const) b.setLocal(this.#l[name], b.readRaw('i32', b.tcb(), TCB.off[name], 'state'));
    });
    this.#lowering.open('loop', next);
    this.#lowering.open('block', poll);
    this.#lowering.open('block', resolve);
    this.#lowering.open('block', slow);
    this.#switch();
    this.#lowering.close();
    this.#part((b) => this.#leave(b, Exit.SLOW));
    this.#lowering.close();
    this.#part((b) => this.#resolve(b));
    this.#lowering.close();
    this.#part((b) => this.#leave(b, Exit.POLL));
    this.#lowering.close();
    this.code.byte(0x00);
  }

  #part(build: (b: HotBuilder) => void): void {
    const graph = new Graph();
    build(this.#builder(graph, 'none'));
    analyse(graph.root);
    this.#lowering.list(graph.root);
    this.locals.release();
  }

  #builder(graph: Graph, addressing: 'none' | 'base' | 'index' | 'general'): HotBuilder {
    return new HotBuilder(graph, (ty) => this.locals.take(ty), this.link, addressing, this.#l, this.#labels);
  }

  #leave(b: HotBuilder, exit: number): void {
    b.writeRaw(b.blockAddress(), CoreBlock.off.mainOp, b.opAddress(), 'guest');
    b.writeRaw(b.blockAddress(), CoreBlock.off.mainCount, b.local('i32', this.#l.count, 'var'), 'guest');
    b.returnValue(b.i32(exit));
  }

  #switch(): void {
    const labels: Label[] = [];
    for (let i = 0; i < HOT_COUNT; i++) labels.push({ name: `handler ${i}` });
    for (const label of [...labels].reverse()) this.#lowering.open('block', label);
    this.#part((b) => b.branchTable(b.opField(16, OP.handler) as I32, labels, this.#labels.slow));
    for (let i = 0; i < HOT_COUNT; i++) {
      this.#lowering.close();
      this.#handler(i);
    }
  }

  #handler(number: number): void {
    if (number === Special.CHAIN) return this.#part((b) => b.takeJump(0, 0));
    if (number === Special.GUARD) return this.#part((b) => b.branch(this.#labels.slow));
    const handler = HANDLERS[number]!;
    const graph = new Graph();
    const b = this.#builder(graph, handler.addressing);
    b.storesFlags = !handler.flagless;
    if (handler.cc >= 0) buildFused(b, handler.form, handler.cc);
    else buildSem(b, handler.form);
    b.setLocal(this.#l.op, b.add(b.opAddress(), b.i32(handler.cc >= 0 ? 2 * OP_BYTES : OP_BYTES)));
    b.branch(this.#labels.next);
    analyse(graph.root);
    this.#lowering.list(graph.root);
    this.locals.release();
  }

  /** `count` was advanced past the jumping op. */
  #resolve(b: HotBuilder): void {
    const target = (): I64 => b.local('i64', this.#l.target, 'var');
    const found = (): I32 => b.local('i32', this.#l.found, 'var');
    b.setLocal(this.#l.found, b.i32(0));
    b.if(b.ltU(target(), b.i64(0x1_0000_0000)), () => {
      const va = b.wrap(target());
      const table = b.readRaw('i32', b.tcb(), TCB.off.tableExec, 'fixed');
      const entry = b.readRaw('i32', b.add(table, b.and(b.shrU(va, b.i32(10)), b.i32(0x3ffffc))), 0, 'guest');
      const decoded = b.and(b.ne(entry, b.i32(0)), b.eqz(b.and(entry, b.i32(1))));
      b.if(decoded, () => {
        const at = b.shl(b.and(va, b.i32(0xfff)), b.i32(2));
        b.setLocal(this.#l.found, b.readRaw('i32', b.add(entry, at), CODE_PAGE.index, 'guest'));
      });
    });
    b.if(b.eqz(found()), () => {
      b.writeRaw(b.tcb(), TCB.off.rip, target(), 'fixed');
      this.#leave(b, Exit.JUMP);
    });
    const samePage = b.ltU(b.xor(target(), b.pcBase()), b.i64(0x1000));
    b.if(samePage, () => b.writeRaw(b.opAddress(), OP.link, found(), 'fixed'), () => b.writeRaw(b.tcb(), TCB.off.pcBase, b.and(target(), b.i64(~0xfffn)), 'fixed'));
    const op = b.local('i32', this.#l.found, 'fixed');
    b.goTo(op, b.local('i32', this.#l.count, 'var'));
  }
}
