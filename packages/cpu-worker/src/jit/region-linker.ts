import { OP } from '../interp/op-record.js';
import { RegionState, type JitArea } from './jit-area.js';
import { instructionsOf, linkedTier, REGION_HANDLER, type Region } from './region-abi.js';
import { currentOps, type RegionLinks } from './region-links.js';

/** A few regions gain nothing. */
const MIN_NEW = 16;
/** Before everything is linked anew: what is new must be this share of it. */
const MIN_NEW_SHARE = 1 / 4;
/** Instructions of a linked module: while it is compiled requests wait, and so does the kernel's end, as a thread that compiles cannot be ended. */
export const MAX_INSTRUCTIONS_LINKED = 25_000;
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

interface LiveModule {
  readonly serial: number;
  readonly module: NotedModule;
  /** Those that are live. */
  readonly regions: readonly Region[];
}

function regionCount(modules: readonly LiveModule[]): number {
  return modules.reduce((sum, { regions }) => sum + regions.length, 0);
}

/** In the order of their code, as far as they have no more instructions together. */
function firstThatFit(modules: readonly LiveModule[], maxInstructions: number): LiveModule[] {
  const ordered = modules.filter(({ regions }) => regions.length > 0).sort((a, b) => a.regions[0]!.op - b.regions[0]!.op);
  let instructions = 0;
  const end = ordered.findIndex(({ regions }) => (instructions += instructionsOf(regions)) > maxInstructions);
  return end < 0 ? ordered : ordered.slice(0, end);
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
  /** On linking, so far. */
  #spentMs = 0;

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

  /**
   * What to link after so many milliseconds: everything, or what is new and near to each other if that is too much;
   * nothing when it would cost more than it brings.
   */
  candidates(uptimeMs: number): Linking {
    const live = [...this.#modules].map(([serial, module]): LiveModule => ({ serial, module, regions: module.regions.filter(({ op }) => this.#regionOf(serial, op) >= 0) }));
    const fresh = live.filter(({ module }) => !module.isLinked);
    if (regionCount(fresh) < MIN_NEW) return NOTHING;
    const budgetMs = uptimeMs * (this.isKept ? TIME_SHARE_KEPT : TIME_SHARE) - this.#spentMs;
    const most = Math.min(MAX_INSTRUCTIONS_LINKED, (budgetMs * 1000) / this.#microsecondsPerInstruction);
    const isSmall = live.reduce((sum, { regions }) => sum + instructionsOf(regions), 0) <= most;
    const chosen = isSmall ? live : firstThatFit(fresh, most);
    if (regionCount(chosen) < MIN_NEW || (isSmall && regionCount(fresh) < regionCount(live) * MIN_NEW_SHARE)) return NOTHING;
    return { regions: chosen.flatMap(({ serial, module }) => this.#linked(serial, module)), serials: chosen.map(({ serial }) => serial) };
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
    this.#spentMs += ms;
    this.#microsecondsPerInstruction = (ms * 1000) / Math.max(instructionsOf(regions), 1);
  }

  /** Number of the live region of an op in a module; -1 = there is none. */
  #regionOf(serial: number, op: number): number {
    const id = op === 0 ? -1 : Atomics.load(this.area.shared.u16, (op + OP.handler) >>> 1) - REGION_HANDLER;
    return id >= 0 && this.area.state(id) === RegionState.LIVE && this.area.serialOf(id) === serial ? id : -1;
  }
}
