import { MAX_MEMORY_BYTES } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { CODE_PAGE, OP, OP_BYTES } from '../interp/op-record.js';
import { Status } from '../interp/cold-builder.js';
import { ExpressionBuilder } from '../ir/expression-builder.js';
import { Graph } from '../ir/graph.js';
import { analyse, LocalPool, Lowering } from '../ir/lower.js';
import { Code } from '../ir/code.js';
import { WasmModule } from '../ir/wasm-module.js';
import { REGION_SIGNATURE, RegionExit, type Region, type RegionRequest } from './region-abi.js';
import type { Translator } from './translator.js';

interface StepRegion extends Region {
  readonly offset: number;
  readonly lengthBytes: number;
}

/**
 * The simplest translator: a region is one instruction, run by its cold handler. It is slower than
 * the interpreter and serves to test what surrounds a translator.
 */
export class StepTranslator implements Translator {
  constructor(readonly shared: SharedMemory) {}

  translate({ rip, tableExec }: RegionRequest): StepRegion | undefined {
    const { u32, u16 } = this.shared;
    const codePage = u32[(tableExec >>> 2) + (rip >>> 12)]!;
    if (codePage === 0 || (codePage & 1) !== 0) return undefined;
    const generation = u32[(codePage + CODE_PAGE.generation) >>> 2]!;
    const op = u32[((codePage + CODE_PAGE.index) >>> 2) + (rip & 0xfff)]!;
    if (op === 0) return undefined;
    const place = u16[(op + OP.place) >>> 1]!;
    return { op, pages: [{ codePage, generation }], instructions: 1, offset: place & 0xfff, lengthBytes: place >>> 12 };
  }

  assemble(regions: readonly Region[]): Uint8Array {
    const module = new WasmModule();
    const cold = module.importFunction('env', 'cold', { params: ['i32', 'i32'], results: ['i32'] });
    regions.forEach((region, index) => {
      const fn = module.declare(REGION_SIGNATURE);
      const locals = new LocalPool(3);
      const graph = new Graph();
      emitStep(new ExpressionBuilder(graph, (ty) => locals.take(ty)), region as StepRegion, cold);
      analyse(graph.root);
      const code = new Code();
      new Lowering(code, locals).list(graph.root);
      code.byte(0x00);
      module.define(fn, locals, code);
      module.export(`r${index}`, fn);
    });
    return module.encode(MAX_MEMORY_BYTES / 65536);
  }
}

function emitStep(b: ExpressionBuilder, { op, pages, offset, lengthBytes }: StepRegion, cold: number): void {
  const tcb = b.local('i32', 0);
  const rip = b.local('i64', 1);
  const table = b.readRaw('i32', tcb, TCB.off.tableExec, 'state');
  const page = b.readRaw('i32', b.add(table, b.and(b.shrU(b.wrap(rip), b.i32(10)), b.i32(0x3ffffc))), 0, 'guest');
  const [{ codePage, generation }] = pages as [Region['pages'][number]];
  const fits = b.and(b.eq(page, b.i32(codePage)), b.eq(b.and(b.wrap(rip), b.i32(0xfff)), b.i32(offset)));
  const isSame = b.eq(b.readRaw('i32', b.i32(codePage), CODE_PAGE.generation, 'guest'), b.i32(generation));
  b.if(b.eqz(b.and(fits, isSame)), () => {
    b.writeRaw(tcb, TCB.off.rip, rip, 'state');
    b.returnValue(b.i32(RegionExit.STALE));
  });
  const status = b.callIndex(cold, 'i32', [tcb, b.i32(op)]);
  const done = (exit: number): void => {
    b.writeRaw(tcb, TCB.off.ran, b.add(b.readRaw('i32', tcb, TCB.off.ran, 'state'), b.i32(OP_BYTES)), 'state');
    b.returnValue(b.i32(exit));
  };
  b.if(b.eq(status, b.i32(Status.NEXT)), () => {
    b.writeRaw(tcb, TCB.off.rip, b.add(rip, b.i64(lengthBytes)), 'state');
    done(RegionExit.JUMP);
  });
  b.if(b.eq(status, b.i32(Status.JUMP)), () => done(RegionExit.JUMP));
  b.if(b.eq(status, b.i32(Status.SYSCALL)), () => done(RegionExit.SYSCALL));
  b.writeRaw(tcb, TCB.off.rip, rip, 'state');
  b.returnValue(b.i32(RegionExit.SLOW));
}
