import { lockWord, unlockWord } from '@troupe/abi/shared/spin-lock.js';
import { CODE_PAGE, OP } from '../interp/op-record.js';
import { BlockMap } from './block-map.js';
import { type JitArea, MAX_MODULES, RegionState } from './jit-area.js';
import { MAX_REGIONS, REGION_HANDLER, type Region, type RegionPage, type Tier } from './region-abi.js';
import { isCurrent, Retirement } from './region-retirement.js';

/** In the number list of a module: the region was not published. */
export const NO_REGION = 0xffff;

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
  publish(regions: readonly Region[], wasm: Uint8Array): number {
    const { i32 } = this.area.shared;
    lockWord(i32, this.area.word('lock'));
    try {
      return this.#publish(regions, wasm);
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

  #publish(regions: readonly Region[], wasm: Uint8Array): number {
    const { area } = this;
    const { i32 } = area.shared;
    this.#retirement.collect();
    const slot = this.#makeModule(regions, wasm);
    if (slot < 0) {
      area.count('regionsDiscarded', regions.length);
      return 0;
    }
    Atomics.add(i32, area.word('clock'), 1);
    const held = area.moduleWord(slot, 'held');
    const serial = i32[area.moduleWord(slot, 'serial')]!;
    let pagesAt = this.#pagesOf(slot);
    regions.forEach((region, index) => {
      if (this.#publishRegion(slot, region, index, pagesAt)) i32[held]!++;
      pagesAt += region.pages.length * 8;
    });
    const live = i32[held]!;
    area.count('regionsTranslated', live);
    area.count('regionsDiscarded', regions.length - live);
    if (live > 0) return serial;
    this.#retirement.freeModule(slot);
    return 0;
  }

  /** Slot of a new module record with the module's bytes; -1 = no room, also after an eviction. */
  #makeModule(regions: readonly Region[], wasm: Uint8Array): number {
    const sizeBytes = headBytes(regions.length) + regions.reduce((sum, { pages }) => sum + pages.length * 8, 0) + wasm.length;
    let address = this.#room(regions.length, sizeBytes);
    if (address === 0) {
      this.#retirement.evict();
      // What other cores still have to drop is there for a later publication.
      this.#retirement.collect();
      address = this.#room(regions.length, sizeBytes);
      if (address === 0) return -1;
    }
    const slot = this.#freeSlot();
    const { area } = this;
    const { i32, u32, u16, u8 } = area.shared;
    u32[area.moduleWord(slot, 'address')] = address;
    u32[area.moduleWord(slot, 'sizeBytes')] = sizeBytes;
    u32[area.moduleWord(slot, 'wasm')] = address + sizeBytes - wasm.length;
    u32[area.moduleWord(slot, 'wasmBytes')] = wasm.length;
    u32[area.moduleWord(slot, 'regionCount')] = regions.length;
    u16.fill(NO_REGION, address >>> 1, (address >>> 1) + regions.length);
    u8.set(wasm, address + sizeBytes - wasm.length);
    i32[area.moduleWord(slot, 'held')] = 0;
    i32[area.moduleWord(slot, 'serial')] = Atomics.add(i32, area.word('serial'), 1) + 1;
    i32[area.word('modulesInUse')]!++;
    area.count('modules', 1);
    area.count('codeBytes', wasm.length);
    return slot;
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

  #pagesOf(slot: number): number {
    const { u32 } = this.area.shared;
    return u32[this.area.moduleWord(slot, 'address')]! + headBytes(u32[this.area.moduleWord(slot, 'regionCount')]!);
  }

  #publishRegion(slot: number, region: Region, index: number, pagesAt: number): boolean {
    const { area } = this;
    const { i32, u32, u16, u8 } = area.shared;
    if (!region.pages.every(({ codePage, generation }) => isCurrent(area, codePage, generation))) return false;
    const entryPage = region.pages.find(({ codePage }) => this.#isEntryOf(codePage, region.op));
    const opHalf = (region.op + OP.handler) >>> 1;
    if (!entryPage) return false;
    this.#replace(Atomics.load(u16, opHalf) - REGION_HANDLER, region.tier);
    const original = Atomics.load(u16, opHalf);
    if (original >= REGION_HANDLER) return false;
    const id = this.#freeRegion();
    this.#placePages(pagesAt, [entryPage, ...region.pages.filter((page) => page !== entryPage)]);
    u32[area.regionWord(id, 'op')] = region.op;
    u16[area.regionHalf(id, 'original')] = original;
    u16[area.regionHalf(id, 'index')] = index;
    u16[area.regionHalf(id, 'module')] = slot;
    u8[area.regionByte(id, 'pageCount')] = region.pages.length;
    u8[area.regionByte(id, 'tier')] = region.tier;
    u32[area.regionWord(id, 'pages')] = pagesAt;
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

  /** Makes place for a region of a higher tier. */
  #replace(id: number, tier: Tier): void {
    const { area } = this;
    if (id >= 0 && area.state(id) === RegionState.LIVE && area.tier(id) < tier) this.#retirement.replace(id);
  }

  /** Whether the op is the one the code page names for its offset. */
  #isEntryOf(codePage: number, op: number): boolean {
    const { u16, u32 } = this.area.shared;
    const offset = u16[(op + OP.place) >>> 1]! & 0xfff;
    return u32[((codePage + CODE_PAGE.index) >>> 2) + offset] === op;
  }

  #placePages(at: number, pages: readonly RegionPage[]): void {
    const { u32 } = this.area.shared;
    pages.forEach(({ codePage, generation }, i) => {
      u32[(at >>> 2) + 2 * i] = codePage;
      u32[(at >>> 2) + 2 * i + 1] = generation;
    });
  }
}

/** Bytes of the number list at the start of a module's memory. */
export function headBytes(regionCount: number): number {
  return (regionCount * 2 + 7) & ~7;
}
