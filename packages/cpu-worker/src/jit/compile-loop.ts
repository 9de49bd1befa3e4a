import { COMPILER_CORE, CoreBlock, coreBlockAddr, headerWord } from '@troupe/abi/layout/header.js';
import { isV8Eleven, withFlags, type FlagChange } from '../interp/compile-optimised.js';
import { wallMs } from './compiler-thread.js';
import { REQUEST_SLOTS, type JitArea } from './jit-area.js';
import type { KeptRegions } from './kept-regions.js';
import { ModulePublisher } from './module-publisher.js';
import { instructionsOf, type Region, type RegionRequest } from './region-abi.js';
import { RequestRing } from './request-ring.js';
import { TierPlanner } from './tier-planner.js';
import type { Translator } from './translator.js';

const SHUTDOWN = headerWord('shutdown');
const BLOCK = coreBlockAddr(COMPILER_CORE) >>> 2;
const SLEEP_MS = 1000;
/** When requests took less than this share of such a time regions may be linked. */
const QUIET_MS = 300;
const MAX_BUSY_SHARE = 0.4;
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
  readonly #planner: TierPlanner;
  readonly #publisher: ModulePublisher;
  /** Requests for regions, taken from the ring. */
  readonly #pending: RegionRequest[] = [];
  /** Time of turns with something to do since `#countedMs`. */
  #busyMs = 0;
  #countedMs = 0;

  constructor(
    readonly area: JitArea,
    readonly translator: Translator,
    /** This thread's number: it ends when another one is in charge. */
    readonly number: number,
    readonly report: (message: string) => void,
    /** Translations of earlier runs; undefined: nothing is kept. */
    kept?: KeptRegions,
  ) {
    this.#ring = new RequestRing(area);
    this.#publisher = new ModulePublisher(area, translator, kept, (work) => this.#attempt(work));
    this.#planner = new TierPlanner(area);
  }

  run(): void {
    try {
      while (this.#isInCharge()) {
        if (this.#pending.length === 0) this.#ring.sleep(this.#publisher.hasNew ? QUIET_MS : SLEEP_MS);
        this.#beat();
        if (this.#ring.waiting > 0 || this.#pending.length > 0) {
          this.#ring.gather(GATHERED, GATHER_MS);
          const startMs = performance.now();
          this.turn();
          this.#busyMs += performance.now() - startMs;
        }
        this.#linkInQuiet();
      }
    } finally {
      Atomics.compareExchange(this.area.shared.i32, this.area.word('compiler'), this.number, -this.number);
    }
  }

  /** Looks for something to link when little is asked for. */
  #linkInQuiet(): void {
    const nowMs = performance.now();
    if (nowMs - this.#countedMs < QUIET_MS) return;
    const isQuiet = this.#busyMs < (nowMs - this.#countedMs) * MAX_BUSY_SHARE && this.#pending.length === 0;
    this.#countedMs = nowMs;
    this.#busyMs = 0;
    if (isQuiet && this.#publisher.hasNew) this.#inGuest(() => this.#publisher.link(nowMs, () => this.#ring.waiting > 0));
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
    this.#inGuest(() => {
      this.#planner.beginBatch();
      const newPages = this.#take();
      const kept = this.#attempt(() => this.#publisher.publishKept(newPages)) ?? [];
      for (const region of kept) this.#planner.note(region);
      const regions = withFlags(PATIENT, () => this.#translate());
      this.#publisher.publish(regions);
    });
  }

  #inGuest(work: () => void): void {
    const { i32 } = this.area.shared;
    Atomics.store(i32, BLOCK + CoreBlock.off.inGuest / 4, 1);
    try {
      work();
    } finally {
      Atomics.store(i32, BLOCK + CoreBlock.off.inGuest / 4, 0);
      Atomics.add(i32, BLOCK + CoreBlock.off.epoch / 4, 1);
      this.#beat();
    }
  }

  /** Takes all that waits: new pages are the result, the rest is pending. */
  #take(): RegionRequest[] {
    const newPages: RegionRequest[] = [];
    for (let taken = 0; taken < REQUEST_SLOTS; taken++) {
      const request = this.#ring.pop();
      if (request === undefined) break;
      (request.isNewPage ? newPages : this.#pending).push(request);
    }
    return newPages;
  }

  #translate(): Region[] {
    const startMs = performance.now();
    const found: Region[] = [];
    for (const request of this.#pending.splice(0, MAX_BATCH)) {
      const regions = this.#attempt(() => this.translator.translate(request, this.#planner));
      if (!regions) this.area.count('regionsRefused', 1);
      else for (const region of regions) {
        found.push(region);
        this.#planner.note(region);
      }
    }
    if (found.length > 0) this.area.count('regionInstructionsTranslated', instructionsOf(found));
    this.area.count('translateMicroseconds', (performance.now() - startMs) * 1000);
    return found;
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
