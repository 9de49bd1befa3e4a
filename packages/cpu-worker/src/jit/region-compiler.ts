import { MAX_MEMORY_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { Code } from '../ir/code.js';
import { WasmModule } from '../ir/wasm-module.js';
import { discover, type Block } from './control-flow.js';
import { FlagLiveness } from './flag-liveness.js';
import { markCold } from './form-use.js';
import { GuestCode } from './guest-code.js';
import { LocalPool } from '../ir/lower.js';
import { orderRegion } from './order.js';
import { REGION_SIGNATURE, type Region, type RegionPage, type RegionRequest } from './region-abi.js';
import { NotInline } from './region-slots.js';
import { ENTERED_SIGNATURE, INTERPRETER_FUNCTIONS, type Callee } from './analysed-region.js';
import { RegionEmitter, type RegionBody } from './region-emitter.js';
import { SlotFlow } from './slot-flow.js';
import { EagerPlanner, type RegionPlanner } from './translator.js';

interface Translated extends Region {
  /** Guest address of the entry where it was translated. */
  readonly rip: number;
  /** The entry, counted from the page that addresses in the body count from. */
  readonly at: number;
  /** Shared by all entries to the same code. */
  readonly body: RegionBody;
}

const MAX_ATTEMPTS = 4;

/** Translates guest code to wasm: regions one by one, then modules of several. */
export class RegionCompiler {
  readonly #code: GuestCode;
  readonly #eager: EagerPlanner;

  constructor(readonly shared: SharedMemory) {
    this.#code = new GuestCode(shared);
    this.#eager = new EagerPlanner(shared);
  }

  /** As Translator.translate: undefined when the code is not decoded, or left to the interpreter. */
  translate(request: RegionRequest, planner: RegionPlanner = this.#eager): readonly Region[] | undefined {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        return this.#translate(request, planner);
      } catch (error) {
        // An instruction that turned out to need its cold handler is marked; the next attempt knows.
        if (!(error instanceof NotInline)) throw error;
        markCold(error.form);
      }
    }
    return undefined;
  }

  #translate(request: RegionRequest, planner: RegionPlanner): readonly Translated[] | undefined {
    const code = this.#code;
    code.begin(request);
    const entryAt = request.rip % PAGE_SIZE;
    const op = code.opAt(entryAt);
    if (op === 0) return undefined;
    const plan = planner.planOf(op);
    if (!plan) return [];
    const entry = discover(code, entryAt, (at) => !plan.mayOverlap && planner.startsRegion(code.opAt(at)), plan.maxInstructions);
    if (!entry) return undefined;
    const order = orderRegion(entry);
    const pages = this.#pagesOf(order.blocks);
    if (!code.isCurrent(pages.keys())) return undefined;
    const flags = new FlagLiveness(code, order.blocks);
    const flow = new SlotFlow(order.blocks, flags);
    const body = new RegionEmitter({ code, entryAt, entry: code.decode(entryAt)!, order, flags, flow, pages }).emit();
    const instructions = order.blocks.reduce((sum, block) => sum + block.insns.length, 0);
    const covers = body.hasEntries ? order.blocks.flatMap(({ insns }) => insns.map((insn) => code.opAt(insn.at))) : [];
    const loopHeads = [...order.loops].flatMap(({ at }) => (Number.isNaN(at) ? [] : [code.opAt(at)]));
    const region = { op, rip: request.rip, at: entryAt, pages: [...pages.values()], instructions, covers, loopHeads, body, tier: plan.tier };
    return [region, ...this.#otherEntries(region, order.blocks[0]!, planner)];
  }

  /** The dispatcher's targets are entries too, or each would soon have the same code once more. */
  #otherEntries(region: Translated, { end }: Block, planner: RegionPlanner): Translated[] {
    if (end.kind !== 'dispatch') return [];
    return end.targets.flatMap(({ at }) => {
      const op = this.#code.opAt(at);
      const isWanted = at !== region.at && op !== 0 && planner.planOf(op) !== undefined;
      return isWanted ? [{ ...region, op, at, rip: region.rip - region.at + at, instructions: 0, covers: [], loopHeads: [] }] : [];
    });
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
    const bodies = [...new Set(translated.map(({ body }) => body))];
    const module = new WasmModule();
    module.importGlobal('coreBlock');
    const imports = importCallees(module, bodies);
    const functions = new Map(bodies.map((body) => {
      const fn = module.declare(body.hasEntries ? ENTERED_SIGNATURE : REGION_SIGNATURE);
      const { rip } = translated.find((region) => region.body === body)!;
      module.define(fn, body.locals, relocated(body, imports, module.global('key', 'i64')), body.rare, `guest_${rip.toString(16)}`);
      return [body, fn];
    }));
    translated.forEach(({ body, at }, i) => {
      const fn = functions.get(body)!;
      module.export(`r${i}`, body.hasEntries ? defineEntry(module, fn, at) : fn);
    });
    return module.encode(MAX_MEMORY_BYTES / 65536);
  }
}

/** A region's function that enters the code of several entries at one of them. */
function defineEntry(module: WasmModule, fn: number, at: number): number {
  const code = new Code();
  for (const parameter of REGION_SIGNATURE.params.keys()) code.bytes([0x20, parameter]);
  code.byte(0x41);
  code.s32(at);
  code.byte(0x12);
  code.u32(fn);
  const entry = module.declare(REGION_SIGNATURE);
  module.define(entry, new LocalPool(REGION_SIGNATURE.params.length), code);
  return entry;
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

/** The code of a body with the numbers of the functions it calls, and of its global. */
function relocated(body: RegionBody, imports: ReadonlyMap<string, number>, key: number): Code {
  const bytes = body.code.view().slice();
  for (const { at, kind, index } of body.relocations) {
    let value = kind === 'global' ? key : imports.get(nameOf(body.callees[index]!))!;
    for (let i = 0; i < 5; i++, value >>>= 7) bytes[at + i] = (value & 0x7f) | (i < 4 ? 0x80 : 0);
  }
  const code = new Code();
  code.bytes(bytes);
  return code;
}
