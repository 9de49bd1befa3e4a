import { lockWord, unlockWord } from '@troupe/abi/shared/spin-lock.js';
import { CODE_PAGE, OP } from '../interp/op-record.js';
import { BlockMap } from './block-map.js';
import { type JitArea, MAX_MODULES, RegionState } from './jit-area.js';
import { isBetterTier, MAX_REGIONS, REGION_HANDLER, type Region } from './region-abi.js';
import { hasPages, linkWords, type RegionLinks } from './region-links.js';
import { isCurrent, Retirement } from './region-retirement.js';

/** In the number list of a module: the region was not published. */
export const NO_REGION = 0xffff;

/** How regions come to be there. */
export interface PublishMode {
  readonly counter: 'regionsTranslated' | 'regionsKept' | 'regionsLinked';
  /** Others may have to make room. */
  readonly mayEvict: boolean;
}

export const TRANSLATED: PublishMode = { counter: 'regionsTranslated', mayEvict: true };
/** Nobody has asked for them: kept in earlier runs, or made before in modules of their own. */
export const KEPT: PublishMode = { counter: 'regionsKept', mayEvict: false };
export const LINKED: PublishMode = { counter: 'regionsLinked', mayEvict: false };

export interface StoreLimits {
  readonly regions: number;
  readonly modules: number;
}

/**
 * Publishes regions, from any thread.
 *
 *   Owns:   region descriptors, module records, block map (under JitHeader.lock); handler numbers of
 *           entry ops (compare-exchange only)
 *   Order:  publish: descriptor and module bytes first, the entry op's handler last. Retire: the entry
 *           op gets its own handler back, then JitHeader.retirements moves; numbers and bytes are used
 *           again only when every core in guest code has followed (CoreBlock.retirementsSeen), so a
 *           core that read a region's number always finds that region's descriptor and function.
 *
 * Precondition of everything that touches ops: the calling thread counts as a core in guest code
 * (CoreBlock.inGuest), so that code pages whose generation it has checked stay what they are.
 */
export class RegionStore {
  readonly #blocks: BlockMap;
  readonly #retirement: Retirement;
  #nextRegion = 0;

  constructor(
    readonly area: JitArea,
    onRetired: () => void = () => undefined,
    readonly limits: StoreLimits = { regions: MAX_REGIONS, modules: MAX_MODULES },
  ) {
    this.#blocks = new BlockMap(area);
    this.#retirement = new Retirement(area, this.#blocks, onRetired);
  }

  /**
   * Makes the regions of a module runnable; `regions[i]` is its export number i. Regions whose code
   * has changed meanwhile, or whose entry has a region of that tier already, are left out. Returns the serial of
   * the module, 0 when no region is live.
   */
  publish(regions: readonly Region[], wasm: Uint8Array, mode = TRANSLATED): number {
    return this.#locked(() => this.#publish(regions, wasm, mode));
  }

  /** Makes further regions of a published module runnable, of bodies that had no pages and ops (region-links.ts) then. False: the module is gone. */
  extend(serial: number, regions: readonly Region[], { counter }: PublishMode): boolean {
    return this.#locked(() => {
      const { area } = this;
      const { i32 } = area.shared;
      const slot = this.#slotOf(serial);
      if (slot < 0 || i32[area.moduleWord(slot, 'held')] === 0) return false;
      const live = this.#publishRegions(slot, regions);
      i32[area.moduleWord(slot, 'held')]! += live;
      area.count(counter, live);
      return true;
    });
  }

  #slotOf(serial: number): number {
    const { i32 } = this.area.shared;
    for (let slot = 0; slot < MAX_MODULES; slot++) if (i32[this.area.moduleWord(slot, 'serial')] === serial) return slot;
    return -1;
  }

  #locked<T>(work: () => T): T {
    const { i32 } = this.area.shared;
    lockWord(i32, this.area.word('lock'));
    try {
      return work();
    } finally {
      unlockWord(i32, this.area.word('lock'));
    }
  }

  /** Serials of the modules that are in use. */
  serials(): Set<number> {
    const { i32 } = this.area.shared;
    const serials = new Set<number>();
    for (let slot = 0; slot < MAX_MODULES; slot++) serials.add(i32[this.area.moduleWord(slot, 'serial')]!);
    return serials;
  }

  #publish(regions: readonly Region[], wasm: Uint8Array, { counter, mayEvict }: PublishMode): number {
    const { area } = this;
    const { i32 } = area.shared;
    this.#retirement.collect();
    const links = [...new Set(regions.map((region) => region.links))];
    const slot = this.#makeModule(regions.length, links, wasm, mayEvict);
    if (slot < 0) {
      area.count('regionsDiscarded', regions.length);
      return 0;
    }
    Atomics.add(i32, area.word('clock'), 1);
    const serial = i32[area.moduleWord(slot, 'serial')]!;
    const live = this.#publishRegions(slot, regions);
    i32[area.moduleWord(slot, 'held')] = live;
    area.count(counter, live);
    if (counter === 'regionsTranslated') area.count('regionsDiscarded', regions.length - live);
    if (live > 0) return serial;
    this.#retirement.freeModule(slot);
    return 0;
  }

  /** Publishes those that are not yet; how many. */
  #publishRegions(slot: number, regions: readonly Region[]): number {
    const { area } = this;
    const { u16, u32 } = area.shared;
    const addresses = linkAddresses(area, slot);
    const bodies = new Map([...new Set(regions.map(({ links }) => links))].map((links, i) => [links, addresses[i]!]));
    const numbers = u32[area.moduleWord(slot, 'address')]! >>> 1;
    this.#retirePredecessors(regions);
    let live = 0;
    regions.forEach((region, index) => {
      if (region.op === 0 || u16[numbers + index] !== NO_REGION) return;
      const linksAt = bodies.get(region.links)!;
      if (!hasPages(u32, linksAt)) u32.set(linkWords(region.links), linksAt >>> 2);
      if (this.#publishRegion(slot, region, index, linksAt)) live++;
    });
    return live;
  }

  /** Slot of a new module record with the links and the module's bytes; -1 = no room, also after an eviction. */
  #makeModule(regionCount: number, links: readonly RegionLinks[], wasm: Uint8Array, mayEvict: boolean): number {
    const words = links.map(linkWords);
    const linkBytes = (words.reduce((sum, { length }) => sum + length + 1, 1) * 4 + 7) & ~7;
    const sizeBytes = headBytes(regionCount) + linkBytes + wasm.length;
    const address = this.#makeRoom(regionCount, sizeBytes, mayEvict);
    if (address === 0) return -1;
    const slot = this.#freeSlot();
    const { area } = this;
    const { i32, u32, u16, u8 } = area.shared;
    u32[area.moduleWord(slot, 'address')] = address;
    u32[area.moduleWord(slot, 'sizeBytes')] = sizeBytes;
    u32[area.moduleWord(slot, 'wasm')] = address + sizeBytes - wasm.length;
    u32[area.moduleWord(slot, 'wasmBytes')] = wasm.length;
    u32[area.moduleWord(slot, 'regionCount')] = regionCount;
    u16.fill(NO_REGION, address >>> 1, (address >>> 1) + regionCount);
    this.#placeLinks(address + headBytes(regionCount), words);
    u8.set(wasm, address + sizeBytes - wasm.length);
    i32[area.moduleWord(slot, 'held')] = 0;
    i32[area.moduleWord(slot, 'serial')] = Atomics.add(i32, area.word('serial'), 1) + 1;
    i32[area.word('modulesInUse')]!++;
    area.count('modules', 1);
    area.count('codeBytes', wasm.length);
    return slot;
  }

  #placeLinks(address: number, bodies: readonly (readonly number[])[]): void {
    const { u32 } = this.area.shared;
    let at = (address >>> 2) + 1 + bodies.length;
    u32[address >>> 2] = bodies.length;
    bodies.forEach((words, i) => {
      u32[(address >>> 2) + 1 + i] = at * 4;
      u32.set(words, at);
      at += words.length;
    });
  }

  /** Memory for a module, after an eviction if need be; 0 = none. */
  #makeRoom(regionCount: number, sizeBytes: number, mayEvict: boolean): number {
    const address = this.#room(regionCount, sizeBytes);
    if (address !== 0 || !mayEvict) return address;
    this.#retirement.evict();
    // What other cores still have to drop is there for a later publication.
    this.#retirement.collect();
    return this.#room(regionCount, sizeBytes);
  }

  /** Memory for a module when there are numbers for its regions and a record for it, else 0. */
  #room(regionCount: number, sizeBytes: number): number {
    const { i32 } = this.area.shared;
    if (i32[this.area.word('modulesInUse')]! >= this.limits.modules) return 0;
    if (i32[this.area.word('regionsInUse')]! + regionCount > this.limits.regions) return 0;
    return this.#blocks.alloc(sizeBytes);
  }

  #freeSlot(): number {
    const { i32 } = this.area.shared;
    for (let slot = 0; slot < MAX_MODULES; slot++) if (i32[this.area.moduleWord(slot, 'serial')] === 0) return slot;
    return -1;
  }

  #freeRegion(): number {
    for (let step = 0; step < MAX_REGIONS; step++) {
      const id = (this.#nextRegion + step) % MAX_REGIONS;
      if (this.area.state(id) !== RegionState.FREE) continue;
      this.#nextRegion = (id + 1) % MAX_REGIONS;
      return id;
    }
    return -1;
  }

  #publishRegion(slot: number, region: Region, index: number, linksAt: number): boolean {
    const { area } = this;
    const { i32, u32, u16, u8 } = area.shared;
    if (!this.#areCurrent(region.links)) return false;
    const entryPage = [...region.links.pages.values()].findIndex(({ codePage }) => this.#isEntryOf(codePage, region.op));
    const opHalf = (region.op + OP.handler) >>> 1;
    if (entryPage < 0) return false;
    const original = Atomics.load(u16, opHalf);
    if (original >= REGION_HANDLER) return false;
    const id = this.#freeRegion();
    u32[area.regionWord(id, 'op')] = region.op;
    u16[area.regionHalf(id, 'original')] = original;
    u16[area.regionHalf(id, 'index')] = index;
    u16[area.regionHalf(id, 'module')] = slot;
    u8[area.regionByte(id, 'entryPage')] = entryPage;
    u8[area.regionByte(id, 'tier')] = region.tier;
    u32[area.regionWord(id, 'links')] = linksAt;
    i32[area.regionWord(id, 'lastUse')] = i32[area.word('clock')]!;
    i32[area.regionWord(id, 'misfits')] = 0;
    const number = (u32[area.moduleWord(slot, 'address')]! >>> 1) + index;
    u16[number] = id;
    Atomics.store(i32, area.regionWord(id, 'state'), RegionState.LIVE);
    const isPublished = Atomics.compareExchange(u16, opHalf, original, REGION_HANDLER + id) === original;
    if (isPublished) i32[area.word('regionsInUse')]!++;
    else {
      Atomics.store(i32, area.regionWord(id, 'state'), RegionState.FREE);
      u16[number] = NO_REGION;
    }
    return isPublished;
  }

  /** Makes place for regions of a better tier. */
  #retirePredecessors(regions: readonly Region[]): void {
    const { area } = this;
    const replaced = new Set<number>();
    for (const { op, tier, links } of regions) {
      const id = op === 0 ? -1 : Atomics.load(area.shared.u16, (op + OP.handler) >>> 1) - REGION_HANDLER;
      const isReplaced = id >= 0 && area.state(id) === RegionState.LIVE && isBetterTier(tier, area.tier(id));
      if (isReplaced && this.#areCurrent(links)) replaced.add(id);
    }
    if (replaced.size > 0) this.#retirement.replace(replaced);
  }

  #areCurrent({ pages }: RegionLinks): boolean {
    return [...pages.values()].every(({ codePage, generation }) => isCurrent(this.area, codePage, generation));
  }

  /** Whether the op is the one the code page names for its offset. */
  #isEntryOf(codePage: number, op: number): boolean {
    const { u16, u32 } = this.area.shared;
    const offset = u16[(op + OP.place) >>> 1]! & 0xfff;
    return u32[((codePage + CODE_PAGE.index) >>> 2) + offset] === op;
  }
}

/** Bytes of the number list at the start of a module's memory. */
export function headBytes(regionCount: number): number {
  return (regionCount * 2 + 7) & ~7;
}

/** Addresses of the links of a module's bodies, in order. */
export function linkAddresses(area: JitArea, slot: number): Uint32Array {
  const { u32 } = area.shared;
  const at = (u32[area.moduleWord(slot, 'address')]! + headBytes(u32[area.moduleWord(slot, 'regionCount')]!)) >>> 2;
  return u32.slice(at + 1, at + 1 + u32[at]!);
}
