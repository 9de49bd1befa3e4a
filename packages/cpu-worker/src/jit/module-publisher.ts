import { compileOptimised, markQuick, QUICK_ALLOCATOR } from '../interp/compile-optimised.js';
import type { JitArea } from './jit-area.js';
import type { KeptModule, KeptRegions } from './kept-regions.js';
import { isLinkedTier, Tier, type Region, type RegionRequest } from './region-abi.js';
import { MAX_INSTRUCTIONS_LINKED, RegionLinker } from './region-linker.js';
import { KEPT, LINKED, RegionStore, TRANSLATED, type PublishMode } from './region-store.js';
import type { Translator } from './translator.js';
import { WholeFunctions } from './whole-functions.js';

/**
 * Makes modules of regions and publishes them: of new translations, of those that were kept in earlier runs, and
 * of all together.
 *
 *   Precondition of all methods: as RegionStore's.
 */
export class ModulePublisher {
  readonly #store: RegionStore;
  readonly #linker: RegionLinker;
  /** Modules in use by serial: while they live here, cores find their machine code by their bytes. */
  readonly #modules = new Map<number, WebAssembly.Module>();

  constructor(
    readonly area: JitArea,
    readonly translator: Translator,
    /** Translations of earlier runs; undefined: nothing is kept. */
    readonly kept: KeptRegions | undefined,
    /** Does work that may fail. */
    readonly attempt: <T>(work: () => T) => T | undefined,
  ) {
    this.#store = new RegionStore(area);
    this.#linker = new RegionLinker(area, kept !== undefined);
  }

  publish(regions: readonly Region[]): void {
    for (const tier of [Tier.QUICK, Tier.FULL]) this.#publishTier(regions.filter((region) => region.tier === tier), tier);
  }

  /** A region that cannot be compiled must not take the others of its batch along. */
  #publishTier(regions: readonly Region[], tier: Tier): void {
    if (regions.length === 0) return;
    if (this.attempt(() => this.#build(regions, tier === Tier.QUICK, TRANSLATED)) !== undefined || regions.length === 1) return;
    for (const region of regions) this.attempt(() => this.#build([region], tier === Tier.QUICK, TRANSLATED));
  }

  #build(regions: readonly Region[], isQuick: boolean, mode: PublishMode): number {
    const startMs = performance.now();
    const assembled = this.translator.assemble(regions);
    const wasm = isQuick ? markQuick(assembled) : new Uint8Array(assembled);
    const module = compileOptimised(wasm, isQuick ? QUICK_ALLOCATOR : undefined);
    this.area.count('compileMicroseconds', (performance.now() - startMs) * 1000);
    const serial = this.#store.publish(regions, wasm, mode);
    if (serial !== 0) {
      this.#modules.set(serial, module);
      this.#linker.note(serial, regions, mode === LINKED);
      this.kept?.keep(this.translator.describe(regions), serial, wasm, module);
    }
    this.#forgetModules();
    return serial;
  }

  #forgetModules(): void {
    const serials = this.#store.serials();
    for (const serial of this.#modules.keys()) if (!serials.has(serial)) this.#modules.delete(serial);
    this.#linker.keepOnly(serials);
  }

  /** Publishes what was kept of pages that have been decoded; the regions. */
  publishKept(newPages: readonly RegionRequest[]): Region[] {
    const published: Region[] = [];
    for (const { module, regions, isNew } of this.kept?.find(newPages) ?? []) {
      if (!module.compiled) continue;
      if (module.serial === 0 || !this.#store.extend(module.serial, regions, KEPT)) {
        if (!isNew) continue;
        module.serial = this.#store.publish(regions, module.wasm, KEPT);
        if (module.serial === 0) continue;
        this.#modules.set(module.serial, module.compiled);
        this.area.count('modulesKept', 1);
      }
      this.#noteKept(module, regions);
      published.push(...regions.filter(({ op }) => op !== 0));
    }
    return published;
  }

  /** Its code is taken from the file when it is to be linked. */
  #noteKept(module: KeptModule, regions: readonly Region[]): void {
    const isWhole = regions.every(({ op }) => op !== 0);
    // A file that has more than was found here stays.
    if (isWhole) this.kept!.published(module);
    const revive = (): Region[] => this.translator.revive(module.bodies, this.kept!.revived(module, regions));
    this.#linker.note(module.serial, regions, regions.some(({ tier }) => isLinkedTier(tier)), revive);
  }

  /** There may be something to link. */
  get hasNew(): boolean {
    return this.#linker.hasNew;
  }

  /** `isWanted`: somebody waits for the thread. */
  link(uptimeMs: number, isWanted: () => boolean): void {
    const { regions: found, serials } = this.#linker.candidates(uptimeMs);
    if (found.length === 0) return;
    const startMs = performance.now();
    const regions = new WholeFunctions(this.translator, MAX_INSTRUCTIONS_LINKED, isWanted, this.attempt).make(found);
    const serial = this.attempt(() => this.#build(regions, false, LINKED)) ?? 0;
    this.#linker.took(regions, performance.now() - startMs);
    if (serial !== 0) this.kept?.replace(serials, serial);
  }
}
