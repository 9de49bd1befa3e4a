import { OP } from '../interp/op-record.js';
import { RegionState, type JitArea } from './jit-area.js';
import { instructionsOf, linkedTier, REGION_HANDLER, type Region } from './region-abi.js';
import { currentOps, type RegionLinks } from './region-links.js';

/** A few regions gain nothing. */
const MIN_NEW = 16;
/** Linking begins anew with everything: what is new must be this share of it. */
const MIN_NEW_SHARE = 1 / 4;
/** Time that linking may take, of all the time the thread has been there: more when later runs gain from it, too. */
const TIME_SHARE = 1 / 4;
const TIME_SHARE_KEPT = 1 / 2;
/** Microseconds for an instruction, until it is known. */
const FIRST_COST = 100;

interface NotedModule {
  readonly regions: readonly Region[];
  readonly isLinked: boolean;
  /** The same regions with their code, as far as they are here. */
  readonly withCode: () => readonly Region[];
}

/** What is to be linked: regions of linked tiers, and the modules they are in. */
export interface Linking {
  readonly regions: readonly Region[];
  readonly serials: readonly number[];
}

const NOTHING: Linking = { regions: [], serials: [] };

/**
 * Decides when regions that were made one after the other are put into one module, and which. There, jumps and
 * calls between them are direct (region-assembler.ts), and a core has one instance in place of hundreds.
 */
export class RegionLinker {
  /** By serial. */
  readonly #modules = new Map<number, NotedModule>();
  #microsecondsPerInstruction = FIRST_COST;

  constructor(readonly area: JitArea, readonly isKept: boolean) {}

  /** A module was published, or more regions of it. */
  note(serial: number, regions: readonly Region[], isLinked: boolean, withCode: () => readonly Region[] = () => regions): void {
    this.#modules.set(serial, { regions, isLinked, withCode });
  }

  /** Forgets modules that are gone. */
  keepOnly(serials: ReadonlySet<number>): void {
    for (const serial of this.#modules.keys()) if (!serials.has(serial)) this.#modules.delete(serial);
  }

  /** Whether it may be worth to look at `candidates`. */
  get hasNew(): boolean {
    return [...this.#modules.values()].reduce((sum, { isLinked, regions }) => sum + (isLinked ? 0 : regions.length), 0) >= MIN_NEW;
  }

  /** What to link after so many milliseconds: nothing when that would cost more than it brings. */
  candidates(uptimeMs: number): Linking {
    const live = [...this.#modules].map(([serial, module]) => ({ serial, module, regions: module.regions.filter(({ op }) => this.#regionOf(serial, op) >= 0) }));
    const all = live.flatMap(({ regions }) => regions);
    const newOnes = live.reduce((sum, { module, regions }) => sum + (module.isLinked ? 0 : regions.length), 0);
    const costMs = (instructionsOf(all) * this.#microsecondsPerInstruction) / 1000;
    if (newOnes < Math.max(MIN_NEW, all.length * MIN_NEW_SHARE) || costMs > uptimeMs * (this.isKept ? TIME_SHARE_KEPT : TIME_SHARE)) return NOTHING;
    return { regions: live.flatMap(({ serial, module }) => this.#linked(serial, module)), serials: live.map(({ serial }) => serial) };
  }

  #linked(serial: number, { withCode }: NotedModule): Region[] {
    const { u32 } = this.area.shared;
    const links = new Map<RegionLinks, RegionLinks>();
    return withCode().flatMap((region) => {
      const id = this.#regionOf(serial, region.op);
      if (id < 0) return [];
      if (!links.has(region.links)) links.set(region.links, { ...region.links, ops: currentOps(u32, u32[this.area.regionWord(id, 'links')]!, region.links.ops.length) });
      return [{ ...region, tier: linkedTier(region.tier), links: links.get(region.links)! }];
    });
  }

  /** Linking these took so long. */
  took(regions: readonly Region[], ms: number): void {
    this.#microsecondsPerInstruction = (ms * 1000) / Math.max(instructionsOf(regions), 1);
  }

  /** Number of the live region of an op in a module; -1 = there is none. */
  #regionOf(serial: number, op: number): number {
    const id = op === 0 ? -1 : Atomics.load(this.area.shared.u16, (op + OP.handler) >>> 1) - REGION_HANDLER;
    return id >= 0 && this.area.state(id) === RegionState.LIVE && this.area.serialOf(id) === serial ? id : -1;
  }
}
