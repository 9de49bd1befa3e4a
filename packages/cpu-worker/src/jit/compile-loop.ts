import { COMPILER_CORE, CoreBlock, coreBlockAddr, headerWord } from '@troupe/abi/layout/header.js';
import { compileOptimised, isV8Eleven, markQuick, QUICK_ALLOCATOR, withFlags, type FlagChange } from '../interp/compile-optimised.js';
import { wallMs } from './compiler-thread.js';
import type { JitArea } from './jit-area.js';
import { Tier, type Region } from './region-abi.js';
import { RegionStore } from './region-store.js';
import { RequestRing } from './request-ring.js';
import { TierPlanner } from './tier-planner.js';
import type { Translator } from './translator.js';

const SHUTDOWN = headerWord('shutdown');
const BLOCK = coreBlockAddr(COMPILER_CORE) >>> 2;
const SLEEP_MS = 1000;
/** A module costs about 50 µs beside its code: requests wait a little for company. */
const GATHER_MS = 2;
const GATHERED = 16;
const MAX_BATCH = 32;
/**
 * Most programs end before optimised code of the translator has paid for its compilation: with V8's
 * budget of bytecodes before a function is optimised, half of the translator's time is that.
 */
const PATIENT: readonly FlagChange[] = isV8Eleven ? [{ set: '--interrupt-budget=400000', reset: '--interrupt-budget=67584' }] : [];

/**
 * The work of the compiling thread: takes requests, translates, compiles, publishes.
 *
 *   Owns:   the CoreBlock of COMPILER_CORE, JitHeader.heartbeatMs
 *   Order:  while it holds addresses of code it counts as a core in guest code (inGuest), so that no
 *           code page is used again under it; shootdowns do not wait for it (its address space is 0,
 *           and fences leave its block out): `publish` looks at the generations again.
 */
export class CompileLoop {
  readonly #ring: RequestRing;
  readonly #store: RegionStore;
  readonly #planner: TierPlanner;
  /** Modules in use by serial: while they live here, cores find their machine code by their bytes. */
  readonly #modules = new Map<number, WebAssembly.Module>();

  constructor(
    readonly area: JitArea,
    readonly translator: Translator,
    /** This thread's number: it ends when another one is in charge. */
    readonly number: number,
    readonly report: (message: string) => void,
  ) {
    this.#ring = new RequestRing(area);
    this.#store = new RegionStore(area);
    this.#planner = new TierPlanner(area);
  }

  run(): void {
    try {
      while (this.#isInCharge()) {
        this.#ring.sleep(SLEEP_MS);
        this.#beat();
        if (this.#ring.waiting === 0) continue;
        this.#ring.gather(GATHERED, GATHER_MS);
        this.turn();
      }
    } finally {
      Atomics.compareExchange(this.area.shared.i32, this.area.word('compiler'), this.number, -this.number);
    }
  }

  #isInCharge(): boolean {
    const { i32 } = this.area.shared;
    return Atomics.load(i32, this.area.word('compiler')) === this.number && Atomics.load(i32, SHUTDOWN) === 0;
  }

  #beat(): void {
    Atomics.store(this.area.shared.i32, this.area.word('heartbeatMs'), wallMs());
  }

  /** Serves what waits, up to a batch. */
  turn(): void {
    const { i32 } = this.area.shared;
    Atomics.store(i32, BLOCK + CoreBlock.off.inGuest / 4, 1);
    try {
      const regions = withFlags(PATIENT, () => this.#translate());
      if (regions.length > 0) this.#compile(regions);
    } finally {
      Atomics.store(i32, BLOCK + CoreBlock.off.inGuest / 4, 0);
      Atomics.add(i32, BLOCK + CoreBlock.off.epoch / 4, 1);
      this.#beat();
    }
  }

  #translate(): Region[] {
    const startMs = performance.now();
    const found: Region[] = [];
    this.#planner.beginBatch();
    for (let taken = 0; taken < MAX_BATCH; taken++) {
      const request = this.#ring.pop();
      if (request === undefined) break;
      const regions = this.#attempt(() => this.translator.translate(request, this.#planner));
      if (!regions) this.area.count('regionsRefused', 1);
      else for (const region of regions) {
        found.push(region);
        this.#planner.note(region);
      }
    }
    this.area.count('translateMicroseconds', (performance.now() - startMs) * 1000);
    return found;
  }

  #compile(regions: readonly Region[]): void {
    for (const tier of [Tier.QUICK, Tier.FULL]) this.#compileTier(regions.filter((region) => region.tier === tier), tier);
  }

  /** A region that cannot be compiled must not take the others of its batch along. */
  #compileTier(regions: readonly Region[], tier: Tier): void {
    if (regions.length === 0) return;
    if (this.#attempt(() => this.#compileModule(regions, tier)) !== undefined || regions.length === 1) return;
    for (const region of regions) this.#attempt(() => this.#compileModule([region], tier));
  }

  #compileModule(regions: readonly Region[], tier: Tier): number {
    const startMs = performance.now();
    const isQuick = tier === Tier.QUICK;
    const assembled = this.translator.assemble(regions);
    const wasm = isQuick ? markQuick(assembled) : assembled;
    const module = compileOptimised(wasm, isQuick ? QUICK_ALLOCATOR : undefined);
    this.area.count('compileMicroseconds', (performance.now() - startMs) * 1000);
    const serial = this.#store.publish(regions, wasm);
    if (serial !== 0) {
      this.#modules.set(serial, module);
      this.area.count('regionInstructionsTranslated', regions.reduce((sum, { instructions }) => sum + instructions, 0));
    }
    this.#forgetModules();
    return serial;
  }

  #forgetModules(): void {
    const serials = this.#store.serials();
    for (const serial of this.#modules.keys()) if (!serials.has(serial)) this.#modules.delete(serial);
  }

  /** Errors of the translator cost the region, not the thread. */
  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.area.count('compileErrors', 1);
      this.report(`compiler: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
      return undefined;
    }
  }
}
