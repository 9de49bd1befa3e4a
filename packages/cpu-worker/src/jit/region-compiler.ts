import { MAX_MEMORY_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { Code } from '../ir/code.js';
import { WasmModule } from '../ir/wasm-module.js';
import { discover, type Block } from './control-flow.js';
import { FlagLiveness } from './flag-liveness.js';
import { markCold } from './form-use.js';
import { GuestCode } from './guest-code.js';
import { orderRegion } from './order.js';
import { REGION_SIGNATURE, type Region, type RegionPage, type RegionRequest } from './region-abi.js';
import { NotInline } from './region-slots.js';
import { INTERPRETER_FUNCTIONS, type Callee } from './analysed-region.js';
import { RegionEmitter, type RegionBody } from './region-emitter.js';
import { SlotFlow } from './slot-flow.js';

interface Translated extends Region {
  /** Guest address of the entry where it was translated. */
  readonly rip: number;
  readonly body: RegionBody;
}

const MAX_ATTEMPTS = 4;

/** Translates guest code to wasm: regions one by one, then modules of several. */
export class RegionCompiler {
  readonly #code: GuestCode;

  constructor(readonly shared: SharedMemory) {
    this.#code = new GuestCode(shared);
  }

  /** The region that starts at `request.rip`; undefined when its code is not decoded, or left to the interpreter. */
  translate(request: RegionRequest): Region | undefined {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        return this.#translate(request);
      } catch (error) {
        // An instruction that turned out to need its cold handler is marked; the next attempt knows.
        if (!(error instanceof NotInline)) throw error;
        markCold(error.form);
      }
    }
    return undefined;
  }

  #translate(request: RegionRequest): Translated | undefined {
    const code = this.#code;
    code.begin(request);
    const entryAt = request.rip % PAGE_SIZE;
    const op = code.opAt(entryAt);
    const entry = op === 0 ? undefined : discover(code, entryAt);
    if (!entry) return undefined;
    const order = orderRegion(entry);
    const pages = this.#pagesOf(order.blocks);
    if (!code.isCurrent(pages.keys())) return undefined;
    const flags = new FlagLiveness(code, order.blocks);
    const flow = new SlotFlow(order.blocks, flags);
    const body = new RegionEmitter({ code, entryAt, entry: code.decode(entryAt)!, order, flags, flow, pages }).emit();
    return { op, rip: request.rip, pages: [...pages.values()], instructions: order.blocks.reduce((sum, block) => sum + block.insns.length, 0), body };
  }

  #pagesOf(blocks: readonly Block[]): Map<number, RegionPage> {
    const pages = new Map<number, RegionPage>();
    for (const { insns } of blocks) {
      for (const { at, lenBytes } of insns) {
        for (const delta of [Math.floor(at / PAGE_SIZE), Math.floor((at + lenBytes - 1) / PAGE_SIZE)]) {
          const page = this.#code.page(delta);
          if (page) pages.set(delta, { codePage: page.codePage, generation: page.generation });
        }
      }
    }
    return pages;
  }

  /** A module of regions made by `translate`; their functions are exported as r0, r1, … */
  assemble(regions: readonly Region[]): Uint8Array {
    const translated = regions as readonly Translated[];
    const bodies = translated.map(({ body }) => body);
    const module = new WasmModule();
    module.importGlobal('coreBlock');
    const imports = importCallees(module, bodies);
    bodies.forEach((body, i) => {
      const fn = module.declare(REGION_SIGNATURE);
      module.define(fn, body.locals, relocated(body, imports), body.rare, `guest_${translated[i]!.rip.toString(16)}`);
      module.export(`r${i}`, fn);
    });
    return module.encode(MAX_MEMORY_BYTES / 65536);
  }
}

function nameOf(callee: Callee): string {
  return typeof callee === 'string' ? callee : callee.name;
}

function importCallees(module: WasmModule, bodies: readonly RegionBody[]): Map<string, number> {
  const imports = new Map<string, number>();
  for (const callee of bodies.flatMap((body) => body.callees)) {
    const name = nameOf(callee);
    if (imports.has(name)) continue;
    if (typeof callee === 'string') imports.set(name, module.importFunction('env', name, INTERPRETER_FUNCTIONS[callee]));
    else imports.set(name, module.importFunction('runtime', name, { params: callee.params, results: callee.result === 'void' ? [] : [callee.result] }));
  }
  return imports;
}

/** The code of a body with the numbers of the functions it calls. */
function relocated(body: RegionBody, imports: ReadonlyMap<string, number>): Code {
  const bytes = body.code.view().slice();
  for (const { at, fn } of body.relocations) {
    let value = imports.get(nameOf(body.callees[fn]!))!;
    for (let i = 0; i < 5; i++, value >>>= 7) bytes[at + i] = (value & 0x7f) | (i < 4 ? 0x80 : 0);
  }
  const code = new Code();
  code.bytes(bytes);
  return code;
}
