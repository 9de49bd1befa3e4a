import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { discover, type Block } from './control-flow.js';
import { FlagLiveness } from './flag-liveness.js';
import { markCold } from './form-use.js';
import { GuestCode } from './guest-code.js';
import { orderRegion } from './order.js';
import { isFirstTier, type KeptTranslation, type Region, type RegionPage, type RegionRequest } from './region-abi.js';
import { NotInline } from './region-slots.js';
import { packBodies, unpackBodies } from './packed-body.js';
import { RegionAssembler, type Translated } from './region-assembler.js';
import { RegionEmitter } from './region-emitter.js';
import { rewrittenOperands } from './rewritten-operands.js';
import { SlotFlow } from './slot-flow.js';
import type { InsnTracer } from '../trace/insn-tracer.js';
import { EagerPlanner, type RegionPlanner, type RevivedRegion } from './translator.js';
import { WindowChoice } from './window-choice.js';

const MAX_ATTEMPTS = 4;

/** Translates guest code to wasm: regions one by one, then modules of several. */
export class RegionCompiler {
  readonly #code: GuestCode;
  readonly #eager: EagerPlanner;

  constructor(readonly shared: SharedMemory, readonly tracer?: InsnTracer) {
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
    const order = orderRegion(entry.first);
    const pages = this.#pagesOf(order.blocks);
    if (!code.isCurrent(pages.keys())) return undefined;
    const flags = new FlagLiveness(code, order.blocks);
    const flow = new SlotFlow(order, flags);
    const windows = new WindowChoice(order.blocks, plan.windows);
    const trace = this.tracer?.begin(request.rip - entryAt, order.blocks.flatMap(({ insns }) => insns));
    const emitter = new RegionEmitter({ code, entryAt, entry: code.decode(entryAt)!, order, flags, flow, windows, rewritten: rewrittenOperands(order.blocks), isSampled: isFirstTier(plan.tier), pages }, trace);
    const body = emitter.emit();
    if (trace) this.tracer!.end(trace, emitter, body, request.rip, plan.tier);
    const instructions = order.blocks.reduce((sum, block) => sum + block.insns.length, 0);
    const covers = body.hasEntries ? order.blocks.flatMap(({ insns }) => insns.map((insn) => code.opAt(insn.at))) : [];
    const headsAt = [...order.loops].flatMap(({ at }) => (Number.isNaN(at) ? [] : [at]));
    const loopHeads = headsAt.map((at) => code.opAt(at));
    const links = { pages, ops: body.ops.map(({ at, isCold }) => this.#linkedOp(at, isCold)) };
    const region = { op, seen: request, at: entryAt, links, instructions, covers, loopHeads, headsAt, body, tier: plan.tier };
    const regions = [region, ...this.#otherEntries(region, order.blocks[0]!, planner)];
    planner.covered?.(entry.own.map((at) => code.opAt(at)));
    return regions;
  }

  coverage(request: RegionRequest, maxInstructions: number): readonly number[] {
    const code = this.#code;
    code.begin(request);
    return discover(code, request.rip % PAGE_SIZE, () => false, maxInstructions)?.own.map((at) => code.opAt(at)) ?? [];
  }

  #linkedOp(at: number, isCold: boolean): number {
    return isCold ? this.#code.plainOp(at) : this.#code.opAt(at);
  }

  /** The dispatcher's targets are entries too, or each would soon have the same code once more. */
  #otherEntries(region: Translated, { end }: Block, planner: RegionPlanner): Translated[] {
    if (end.kind !== 'dispatch') return [];
    return end.targets.flatMap(({ at }) => {
      const op = this.#code.opAt(at);
      const isWanted = at !== region.at && op !== 0 && planner.planOf(op) !== undefined;
      return isWanted ? [{ ...region, op, at, seen: { ...region.seen, rip: region.seen.rip - region.at + at }, covers: [], loopHeads: [], headsAt: [] }] : [];
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

  describe(regions: readonly Region[]): { translations: KeptTranslation[]; bodies: Uint8Array } {
    const translated = regions as readonly Translated[];
    const translations = translated.map((region) => ({ region, at: region.at, ops: region.body.ops, loopHeads: region.headsAt }));
    return { translations, bodies: packBodies([...new Set(translated.map(({ body }) => body))]) };
  }

  revive(bodies: Uint8Array, regions: readonly RevivedRegion[]): Translated[] {
    const unpacked = unpackBodies(bodies);
    return regions.map(({ region, at, body, headsAt }) => ({ ...region, at, headsAt, body: unpacked[body]! }));
  }

  assemble(regions: readonly Region[]): Uint8Array {
    return new RegionAssembler(regions as readonly Translated[]).assemble();
  }
}
