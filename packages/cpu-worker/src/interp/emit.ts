import { CoreBlock, headerWord } from '@troupe/abi/layout/header.js';
import { MAX_MEMORY_BYTES, RUNTIME_STATIC_END, VECTOR_TABLES } from '@troupe/abi/layout/memory-map.js';
import { Code } from '../ir/code.js';
import { ExpressionBuilder } from '../ir/expression-builder.js';
import { Graph } from '../ir/graph.js';
import { analyse, LocalPool, Lowering } from '../ir/lower.js';
import type { Label } from '../ir/node.js';
import type { RuntimeFn, Ty, VectorTable } from '../ir/types.js';
import { REGION_SIGNATURE } from '../jit/region-abi.js';
import { WasmModule } from '../ir/wasm-module.js';
import { buildSem } from './build-sem.js';
import { ColdBuilder, Status } from './cold-builder.js';
import { FORMS, HANDLERS, MAIN_EXPORT, RUN_EXPORT, Special, type Form } from './forms.js';
import type { Linkage } from './interp-builder.js';
import { buildChain, buildGuard, Driver } from './driver.js';
import { INTERPRETER_FUNCTIONS } from '../jit/analysed-region.js';
import { buildColdCall, buildDirect, buildDirectMiss, buildFits, buildIndirect, buildIndirectMiss, buildMisfit, buildMissing, type RegionTableLinkage } from './region-calls.js';
import { buildPoll } from './region-poll.js';
import { MainLoop } from './main-loop.js';
import { SlowFunctions } from './slow-memory.js';
import { WideAtomics } from './wide-atomics.js';

const COLD = { params: ['i32', 'i32'], results: ['i32'] } as const;
const MAIN = { params: ['i32', 'i32', 'i32'], results: ['i32'] } as const;

/** Names of the run-time functions and tables the rows use, found by building every form once. */
function survey(): { runtime: Map<string, RuntimeFn>; tables: Map<string, VectorTable> } {
  const runtime = new Map<string, RuntimeFn>();
  const tables = new Map<string, VectorTable>();
  const link: Linkage = {
    runtime: (fn) => (runtime.set(fn.name, fn), 0),
    table: (table) => (tables.set(table.name, table), 0),
    slow: { translateRead: 0, translateWrite: 0, commit: 0, raise: 0, unalignedCas: 0, pairCas: 0 },
    block: 0,
  };
  for (const form of FORMS) coldGraph(form, link, () => 0, { name: 'fault' });
  return { runtime, tables };
}

/** Addresses of the rows' vector tables. */
function placeTables(tables: Map<string, VectorTable>): { addresses: Map<string, number>; data: { address: number; bytes: Uint8Array }[] } {
  const addresses = new Map<string, number>();
  const data: { address: number; bytes: Uint8Array }[] = [];
  let at = VECTOR_TABLES;
  for (const table of tables.values()) {
    addresses.set(table.name, at);
    data.push({ address: at, bytes: table.bytes });
    at += table.bytes.length;
  }
  if (at > RUNTIME_STATIC_END) throw new RangeError(`vector tables end at ${at}`);
  return { addresses, data };
}

function coldGraph(form: Form, link: Linkage, takeLocal: (ty: Ty) => number, fault: Label): Graph {
  const graph = new Graph();
  const b = new ColdBuilder(graph, takeLocal, link, form.mem ? 'general' : 'none', form.locked, fault);
  try {
    graph.block(fault, () => {
      buildSem(b, form);
      b.returnValue(b.i32(Status.NEXT));
    });
    b.returnValue(b.i32(Status.FAULT));
  } catch (error) {
    throw new Error(`row ${form.row.mnemonic} (${form.row.enc}; ${form.row.ops}; ${form.mem ? 'memory' : 'register'}): ${(error as Error).message}`, { cause: error });
  }
  return graph;
}

/** Emits one function: `build` appends nodes to the graph; its end is never reached. */
function emitFunction(module: WasmModule, fn: number, params: number, makeGraph: (takeLocal: (ty: Ty) => number) => Graph, returns: boolean): void {
  const locals = new LocalPool(params);
  const code = new Code();
  const graph = makeGraph((ty) => locals.take(ty));
  analyse(graph.root);
  new Lowering(code, locals).list(graph.root);
  if (returns) code.byte(0x00);
  module.define(fn, locals, code);
}

class InterpModule {
  readonly module = new WasmModule();
  readonly #link: Linkage;
  readonly #slow: SlowFunctionNumbers;
  readonly #pending: [number, number, number, number];
  readonly #watchedOp: number;

  constructor() {
    const { runtime, tables } = survey();
    const { module } = this;
    const imports = new Map([...runtime.values()].map((fn) => [fn.name, module.importFunction('runtime', fn.name, { params: fn.params, results: fn.result === 'void' ? [] : [fn.result] })]));
    const { addresses, data } = placeTables(tables);
    module.data.push(...data);
    const block = module.importGlobal('coreBlock');
    const pending = ['pendingFirst', 'pendingSecond', 'pendingFirstBytes', 'pendingBytes'].map((name) => module.global(name));
    this.#pending = pending as [number, number, number, number];
    this.#watchedOp = module.global('watchedOp');
    this.#slow = declareSlow(module);
    this.#link = {
      runtime: (fn) => imports.get(fn.name)!,
      table: (table) => addresses.get(table.name)!,
      slow: this.#slow,
      block,
    };
  }

  build(): Uint8Array {
    this.#emitSlow();
    this.#emitCold();
    this.#emitDriver();
    return this.module.encode(MAX_MEMORY_BYTES / 65536);
  }

  #emitSlow(): void {
    const link = { block: this.#link.block, raise: this.#slow.raise, page: this.#slow.page, slowTranslate: this.#slow.slowTranslate, pending: this.#pending, watchedOp: this.#watchedOp, codeMapWord: headerWord('codeMap') * 4 };
    const defineWith = (fn: number, params: number, returns: boolean, build: (b: ExpressionBuilder) => void): void =>
      emitFunction(this.module, fn, params, (takeLocal) => {
        const graph = new Graph();
        build(new ExpressionBuilder(graph, takeLocal));
        return graph;
      }, returns);
    const define = (fn: number, params: number, returns: boolean, build: (f: SlowFunctions) => void): void =>
      defineWith(fn, params, returns, (b) => build(new SlowFunctions(b, link)));
    const wideLink = { block: this.#link.block, pending: this.#pending, pairCas: this.#slow.pairCas };
    defineWith(this.#slow.pairCas, 7, true, (b) => new WideAtomics(b, wideLink).pairCas());
    defineWith(this.#slow.unalignedCas, 4, true, (b) => new WideAtomics(b, wideLink).unalignedCas());
    define(this.#slow.raise, 4, false, (f) => f.raise());
    define(this.#slow.translateRead, 3, true, (f) => f.translate(false));
    define(this.#slow.translateWrite, 3, true, (f) => f.translate(true));
    define(this.#slow.slowTranslate, 4, true, (f) => f.slowTranslate());
    define(this.#slow.commit, 0, false, (f) => f.commit());
    define(this.#slow.page, 3, true, (f) => f.page());
    define(this.#slow.codePage, 2, true, (f) => f.codePage());
    define(this.#slow.lookup, 2, true, (f) => f.lookup(this.#slow.codePage));
  }

  /** One function per form; hot handlers of a form share it as their slow path. */
  #emitCold(): void {
    const functions = new Map<Form, number>();
    for (const form of FORMS) {
      const fn = this.module.declare(COLD);
      functions.set(form, fn);
      emitFunction(this.module, fn, 2, (takeLocal) => coldGraph(form, this.#link, takeLocal, { name: 'fault' }), true);
    }
    const special = new Map([
      [Special.CHAIN as number, this.#emitSpecial(buildChain)],
      [Special.GUARD as number, this.#emitSpecial((b) => buildGuard(b, this.#slow.codePage))],
    ]);
    this.module.table = Array.from(HANDLERS, (handler, i) => (handler ? functions.get(handler.form)! : special.get(i)!));
    // The slot of the main loop, until that is installed.
    this.module.table.push(special.get(Special.CHAIN)!);
  }

  #emitSpecial(build: (b: ColdBuilder) => void): number {
    const fn = this.module.declare(COLD);
    this.#emitSmall(fn, 2, build);
    return fn;
  }

  #emitSmall(fn: number, params: number, build: (b: ColdBuilder) => void): void {
    emitFunction(this.module, fn, params, (takeLocal) => {
      const graph = new Graph();
      build(new ColdBuilder(graph, takeLocal, this.#link, 'none', false, { name: 'no fault' }));
      return graph;
    }, true);
  }

  #emitDriver(): void {
    const { module } = this;
    const run = module.declare({ params: ['i32', 'i32', 'i32'], results: ['i32'] });
    const regionTable = module.growingTable();
    const coldType = module.type(COLD);
    const driverLink = { ...this.#link, coldType, codePage: this.#slow.codePage, lookup: this.#slow.lookup, mainType: module.type(MAIN), regionType: module.type(REGION_SIGNATURE), regionTable, ownTable: module.ownTable, watchedOp: this.#watchedOp };
    emitFunction(module, run, 3, (takeLocal) => {
      const graph = new Graph();
      new Driver(graph, takeLocal, driverLink).emit();
      return graph;
    }, true);
    module.export(RUN_EXPORT, run);
    module.export('lookup', this.#slow.lookup);
    module.exportTable('handlers');
    module.exportTable('regions', regionTable);
    this.#emitRegionLinkage(coldType, driverLink.regionType, regionTable);
  }

  /** What regions import, and what stands in the slots that hold none. */
  #emitRegionLinkage(coldType: number, regionType: number, regionTable: number): void {
    const { module } = this;
    module.export('cold', this.#emitSpecial((b) => buildColdCall(b, coldType, module.ownTable)));
    const fits = module.declare(INTERPRETER_FUNCTIONS.fits);
    this.#emitSmall(fits, 3, buildFits);
    module.export('fits', fits);
    const poll = module.declare(INTERPRETER_FUNCTIONS.poll);
    this.#emitSmall(poll, 3, (b) => buildPoll(b, module.global('polls')));
    module.export('poll', poll);
    const missing = module.declare(REGION_SIGNATURE);
    this.#emitSmall(missing, REGION_SIGNATURE.params.length, buildMissing);
    module.export('missing', missing);
    this.#emitWay('direct', buildDirect, buildDirectMiss, { regionType, regionTable });
    const indirect = this.#emitWay('indirect', buildIndirect, buildIndirectMiss, { regionType, regionTable });
    const misfit = module.declare(INTERPRETER_FUNCTIONS.misfit);
    this.#emitSmall(misfit, REGION_SIGNATURE.params.length, (b) => buildMisfit(b, indirect));
    module.export('misfit', misfit);
  }

  /** A way from region to region, and what it does when it does not know the next one. */
  #emitWay(name: 'direct' | 'indirect', build: WayBuilder, buildMiss: WayBuilder, table: RegionTableLinkage): number {
    const signature = INTERPRETER_FUNCTIONS[name];
    const [way, miss] = [this.module.declare(signature), this.module.declare(signature)];
    this.#emitSmall(way, signature.params.length, (b) => build(b, table, miss));
    this.#emitSmall(miss, signature.params.length, (b) => buildMiss(b, table, this.#slow.lookup));
    this.module.export(name, way);
    return way;
  }
}

type WayBuilder = (b: ColdBuilder, table: RegionTableLinkage, fn: number) => void;

type SlowFunctionNumbers = ReturnType<typeof declareSlow>;

function declareSlow(module: WasmModule) {
  return {
    raise: module.declare({ params: ['i32', 'i32', 'i32', 'i64'], results: [] }),
    translateRead: module.declare({ params: ['i32', 'i64', 'i32'], results: ['i32'] }),
    translateWrite: module.declare({ params: ['i32', 'i64', 'i32'], results: ['i32'] }),
    slowTranslate: module.declare({ params: ['i32', 'i64', 'i32', 'i32'], results: ['i32'] }),
    commit: module.declare({ params: [], results: [] }),
    page: module.declare({ params: ['i32', 'i64', 'i32'], results: ['i32'] }),
    codePage: module.declare({ params: ['i32', 'i64'], results: ['i32'] }),
    lookup: module.declare({ params: ['i32', 'i64'], results: ['i32'] }),
    pairCas: module.declare({ params: ['i32', 'i32', 'i64', 'i64', 'i64', 'i64', 'i64'], results: ['i32'] }),
    unalignedCas: module.declare({ params: ['i32', 'i32', 'i64', 'i64'], results: ['i64'] }),
  };
}

/** Module of the driver, the cold handlers and what they need. */
export function emitInterpreter(): Uint8Array {
  return new InterpModule().build();
}

/** Module of the main loop: compiled on its own, when programs run long enough (main-tier.ts). */
export function emitMainLoop(): Uint8Array {
  const module = new WasmModule();
  const unused = (): number => {
    throw new Error('the main loop calls nothing');
  };
  const { addresses } = placeTables(survey().tables);
  const link: Linkage = {
    runtime: unused,
    table: (table) => addresses.get(table.name)!,
    slow: { translateRead: 0, translateWrite: 0, commit: 0, raise: 0, unalignedCas: 0, pairCas: 0 },
    block: module.importGlobal('coreBlock'),
  };
  const fn = module.declare(MAIN);
  const main = new MainLoop(link);
  main.emit();
  module.define(fn, main.locals, main.code);
  module.export(MAIN_EXPORT, fn);
  return module.encode(MAX_MEMORY_BYTES / 65536);
}

/** Bytes of a CoreBlock the interpreter uses; asserts that they fit. */
export const CORE_BLOCK_USE = CoreBlock.off.scratch + 1024;
