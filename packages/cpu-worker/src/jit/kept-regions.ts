import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import type { RunDecoder } from '../decode/run-decoder.js';
import { machineCodeOf, moduleWithCode } from '../interp/compiled-module.js';
import { GuestCode } from './guest-code.js';
import { hashOf, type KeptFile, type KeptFiles } from './kept-files.js';
import type { KeptTranslation, Region, RegionPage, RegionRequest, Tier } from './region-abi.js';
import type { OpLink, RegionLinks } from './region-links.js';
import { hasRegion, type RevivedRegion, type Translator } from './translator.js';

/** A body: its pages by distance from the page that addresses count from, and the ops it needs. */
export interface KeptBody {
  readonly pages: readonly (readonly [delta: number, hash: string])[];
  readonly ops: readonly OpLink[];
  readonly instructions: number;
}

/** A region: export number `i` of the module. Addresses as in GuestInstruction. */
export interface KeptRegion {
  readonly body: number;
  readonly at: number;
  readonly tier: Tier;
  readonly loopHeads: readonly number[];
}

export interface KeptDescription {
  readonly bodies: readonly KeptBody[];
  readonly regions: readonly KeptRegion[];
}

export interface KeptModule extends KeptFile<KeptDescription> {
  readonly id: string;
  /** Made on first use; undefined: not yet, or V8 refused the machine code. */
  compiled: WebAssembly.Module | undefined;
  /** Of its record in shared memory; 0 = none yet. */
  serial: number;
  /** What is known of its bodies here. */
  readonly found: (FoundBody | undefined)[];
}

interface FoundBody {
  /** Guest address that `at` counts from, and the execute table. */
  readonly origin: RegionRequest;
  readonly links: RegionLinks;
  /** By `at`. */
  readonly entries: ReadonlyMap<number, { readonly op: number; readonly loopHeads: readonly number[] }>;
}

/** What a batch of new pages brought: `regions[i]` is the module's export number i. */
export interface KeptPublication {
  readonly module: KeptModule;
  readonly regions: readonly Region[];
  /** An entry has no region yet. Bodies of a module that is in use are wanted at any rate: others of it call them. */
  readonly isNew: boolean;
}

const ABSENT: RegionPage = { codePage: 0, generation: 0 };
const NOT_FOUND: Pick<FoundBody, 'origin' | 'entries'> = { origin: { rip: 0, tableExec: 0 }, entries: new Map() };

/**
 * Finds translations that were kept in earlier runs (kept-files.ts) for pages that are decoded now, by their
 * bytes. Preconditions: as Translator's.
 */
export class KeptRegions {
  readonly #modules = new Map<string, KeptModule | undefined>();
  readonly #hashes = new Map<number, { readonly generation: number; readonly hash: string }>();
  readonly #code: GuestCode;
  /** Files of the modules in use, by their serials. */
  readonly #written = new Map<number, string>();
  /** Pages to look at: those that are made here, for bodies in several, are told to nobody else. */
  readonly #made: RegionRequest[] = [];
  #isBroken = false;

  constructor(readonly files: KeptFiles<KeptDescription>, readonly decoder: RunDecoder) {
    this.#code = new GuestCode(decoder.shared);
    decoder.onNewPage = (rip, tableExec) => this.#made.push({ rip, tableExec });
  }

  /** Translations that can be used now that the pages of these requests have been decoded. What is published meanwhile counts for those that follow. */
  *find(newPages: readonly RegionRequest[]): Generator<KeptPublication> {
    const grown = new Set<KeptModule>();
    this.#made.push(...newPages);
    for (let request = this.#made.pop(); request !== undefined; request = this.#made.pop()) {
      const page = this.#pageAt(request, 0);
      if (!page) continue;
      const hash = this.#hash(page);
      for (const id of this.files.modulesOf(hash)) {
        const kept = this.#load(id);
        if (kept && this.#findBodies(kept, hash, request)) grown.add(kept);
      }
    }
    // The best first: what is there already is not replaced.
    for (const kept of [...grown].sort((a, b) => bestTier(b) - bestTier(a))) yield* this.#publication(kept);
  }

  #load(id: string): KeptModule | undefined {
    if (!this.#modules.has(id)) {
      const file = this.files.read(id);
      this.#modules.set(id, file && { ...file, id, compiled: undefined, serial: 0, found: [] });
    }
    return this.#modules.get(id);
  }

  #pageAt({ rip, tableExec }: RegionRequest, delta: number): RegionPage | undefined {
    this.#code.begin({ rip, tableExec });
    return this.#code.page(delta);
  }

  #hash({ codePage, generation }: RegionPage): string {
    const known = this.#hashes.get(codePage);
    if (known?.generation === generation) return known.hash;
    const hash = hashOf(this.#code.bytesOf(codePage));
    this.#hashes.set(codePage, { generation, hash });
    return hash;
  }

  /** Whether bodies of the module that were not found before are here, with the page of the request among theirs. */
  #findBodies(kept: KeptModule, hash: string, { rip, tableExec }: RegionRequest): boolean {
    let isGrown = false;
    kept.description.bodies.forEach((body, i) => {
      if (this.#isThere(kept, i)) return;
      for (const [delta, wanted] of body.pages) {
        const origin = rip - (rip % PAGE_SIZE) - delta * PAGE_SIZE;
        if (wanted !== hash || origin < 0) continue;
        kept.found[i] = this.#findBody(kept, i, { rip: origin, tableExec });
        if (kept.found[i]) isGrown = true;
        return;
      }
    });
    return isGrown;
  }

  /** A body whose pages have gone meanwhile is one of a new module. */
  #isThere(kept: KeptModule, body: number): boolean {
    const found = kept.found[body];
    if (!found) return false;
    if ([...found.links.pages.values()].every((page) => this.#code.isPageCurrent(page))) return true;
    kept.found.length = 0;
    kept.serial = 0;
    return false;
  }

  #findBody(kept: KeptModule, index: number, origin: RegionRequest): FoundBody | undefined {
    const body = kept.description.bodies[index]!;
    const code = this.#code;
    const pages = new Map<number, RegionPage>();
    for (const [delta] of body.pages) {
      const address = origin.rip + delta * PAGE_SIZE;
      if (address < 0 || this.decoder.codePageAt(origin.tableExec, address) === 0) return undefined;
    }
    code.begin(origin);
    for (const [delta, hash] of body.pages) {
      const page = code.page(delta);
      if (!page || this.#hash(page) !== hash) return undefined;
      pages.set(delta, page);
    }
    if (!body.ops.every(({ at, isCold }) => !isCold || this.#opAt(origin, at) !== 0)) return undefined;
    const ops = body.ops.map(({ at, isCold }) => (isCold ? code.plainOp(at) : code.opAt(at)));
    const entries = kept.description.regions.filter((region) => region.body === index)
      .map(({ at, loopHeads }) => [at, { op: this.#opAt(origin, at), loopHeads: loopHeads.map((head) => code.opAt(head)) }] as const);
    return code.isCurrent(pages.keys()) ? { origin, links: { pages, ops }, entries: new Map(entries) } : undefined;
  }

  /** Op of an instruction, decoded if it was not yet; 0 = it cannot be. */
  #opAt({ rip, tableExec }: RegionRequest, at: number): number {
    const known = this.#code.opAt(at);
    if (known !== 0) return known;
    const page = this.#code.page(Math.floor(at / PAGE_SIZE));
    if (!page) return 0;
    const next = (): number => this.decoder.codePageAt(tableExec, rip + (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE);
    return this.decoder.decodeIn(page.codePage, at & (PAGE_SIZE - 1), next) ? this.#code.opAt(at) : 0;
  }

  /** None when every entry has a region already, and the module is not in use. */
  #publication(kept: KeptModule): KeptPublication[] {
    const { bodies, regions } = kept.description;
    const links = bodies.map((body, i) => kept.found[i]?.links ?? absentLinks(body));
    const list = regions.map(({ body, at, tier }): Region => {
      const { entries, origin } = kept.found[body] ?? NOT_FOUND;
      const { op, loopHeads } = entries.get(at) ?? { op: 0, loopHeads: [] };
      const seen = { ...origin, rip: origin.rip + at };
      return { op, links: links[body]!, instructions: bodies[body]!.instructions, tier, covers: [], loopHeads, seen };
    });
    const isNew = list.some(({ op }) => op !== 0 && !hasRegion(this.decoder.shared, op));
    if (!isNew && kept.serial === 0) return [];
    // V8 refuses code while another thread has set flags: the next page of the module tries again.
    kept.compiled ??= moduleWithCode(kept.wasm, kept.code.buffer);
    return [{ module: kept, regions: list, isNew }];
  }

  /** Keeps a module that was compiled from translations. Errors (a full disk) end it for good. */
  keep({ translations, bodies }: ReturnType<Translator['describe']>, serial: number, wasm: Uint8Array<ArrayBuffer>, module: WebAssembly.Module): void {
    if (this.#isBroken) return;
    try {
      const kept = this.#describe(translations);
      const id = kept && this.files.write({ description: kept.description, wasm, code: machineCodeOf(module), bodies }, kept.hashes);
      if (id !== undefined) this.#written.set(serial, id);
    } catch {
      this.#isBroken = true;
    }
  }

  /** What to keep of a module: undefined when its code has changed meanwhile. */
  /** A module that was found has been published. */
  published(module: KeptModule): void {
    this.#written.set(module.serial, module.id);
  }

  /** Regions of a module that were found here. */
  revived({ description }: KeptModule, regions: readonly Region[]): RevivedRegion[] {
    return description.regions.flatMap(({ body, at, loopHeads }, i) => {
      const region = regions[i]!;
      return region.op === 0 ? [] : [{ region, at, body, headsAt: loopHeads }];
    });
  }

  /** The module `by` has all that these have: they need not be kept when it is. */
  replace(serials: readonly number[], by: number): void {
    if (!this.#written.has(by)) return;
    for (const serial of serials) {
      const id = this.#written.get(serial);
      if (id === undefined) continue;
      this.#written.delete(serial);
      this.files.remove(id);
    }
  }

  /** Pages of files have a reference from the page cache beside those of mappings. Code that a program makes itself will hardly be the same another time. */
  #isOfFile({ codePage }: RegionPage): boolean {
    return this.decoder.frames.refCount(this.#code.frameOf(codePage)) > 1;
  }

  #describe(translations: readonly KeptTranslation[]): { description: KeptDescription; hashes: Set<string> } | undefined {
    const bodies = new Map<RegionLinks, KeptBody>();
    for (const { region: { links, instructions }, ops } of translations) {
      if (bodies.has(links)) continue;
      const pages = [...links.pages].map(([delta, page]) => [delta, this.#hash(page)] as const);
      bodies.set(links, { pages, ops, instructions });
    }
    const all = [...bodies.keys()];
    if (!all.every(({ pages }) => [...pages.values()].every((page) => this.#code.isPageCurrent(page) && this.#isOfFile(page)))) return undefined;
    const regions = translations.map(({ region: { links, tier }, at, loopHeads }) => ({ body: all.indexOf(links), at, tier, loopHeads }));
    const list = [...bodies.values()];
    return { description: { bodies: list, regions }, hashes: new Set(list.flatMap(({ pages }) => pages.map(([, hash]) => hash))) };
  }
}

function bestTier({ description }: KeptModule): number {
  return Math.max(...description.regions.map(({ tier }) => tier));
}

/** Of the size that the real ones will have. */
function absentLinks({ pages, ops }: KeptBody): RegionLinks {
  return { pages: new Map(pages.map(([delta]) => [delta, ABSENT])), ops: ops.map(() => 0) };
}
