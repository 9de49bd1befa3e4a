import { COMPILER_CORE, CoreBlock, coreBlockAddr } from '@troupe/abi/layout/header.js';
import { CODE_PAGE, OP } from '../interp/op-record.js';
import type { BlockMap } from './block-map.js';
import { MAX_MODULES, RegionState, type JitArea } from './jit-area.js';
import { MAX_REGIONS, REGION_HANDLER } from './region-abi.js';
import { pageWordAt } from './region-links.js';

/** Share of the modules that go when room is needed and nothing is stale. */
const EVICTED_SHARE = 1 / 8;

/** True while the code page has that generation: it has not been invalidated since. */
export function isCurrent(area: JitArea, codePage: number, generation: number): boolean {
  return generation !== 0 && Atomics.load(area.shared.i32, (codePage + CODE_PAGE.generation) >>> 2) === (generation | 0);
}

/** True while every page of a region is what it was translated from. */
export function fitsItsPages(area: JitArea, id: number): boolean {
  const { u32 } = area.shared;
  const links = u32[area.regionWord(id, 'links')]!;
  for (let i = 0; i < u32[links >>> 2]!; i++) {
    const at = pageWordAt(links, i);
    if (!isCurrent(area, u32[at]!, u32[at + 1]!)) return false;
  }
  return true;
}

/** Gives the entry op its own handler back; the op is there as long as its page is. */
export function restoreEntry(area: JitArea, id: number): void {
  const { u32, u16, u8 } = area.shared;
  const at = pageWordAt(u32[area.regionWord(id, 'links')]!, u8[area.regionByte(id, 'entryPage')]!);
  if (!isCurrent(area, u32[at]!, u32[at + 1]!)) return;
  Atomics.compareExchange(u16, (u32[area.regionWord(id, 'op')]! + OP.handler) >>> 1, REGION_HANDLER + id, u16[area.regionHalf(id, 'original')]!);
}

/**
 * A core found that the region does not fit its pages any more: its entry is interpreted again. The
 * next publication retires it.
 */
export function markStale(area: JitArea, id: number): void {
  const { i32 } = area.shared;
  if (Atomics.compareExchange(i32, area.regionWord(id, 'state'), RegionState.LIVE, RegionState.STALE) !== RegionState.LIVE) return;
  restoreEntry(area, id);
  Atomics.add(i32, area.word('marked'), 1);
  area.count('regionsStale', 1);
}

/** Takes regions and modules back. Precondition of all methods: JitHeader.lock is held. */
export class Retirement {
  constructor(
    readonly area: JitArea,
    readonly blocks: BlockMap,
    /** Told after JitHeader.retirements has moved, when the calling thread is a core itself. */
    readonly onRetired: () => void,
  ) {}

  /** Retires what cores have marked, and frees what all cores have dropped. */
  collect(): void {
    const { i32 } = this.area.shared;
    if (Atomics.exchange(i32, this.area.word('marked'), 0) > 0) this.#retireWhere((id) => this.area.state(id) === RegionState.STALE);
    if (i32[this.area.word('inLimbo')]! > 0) this.#freeLimbo();
  }

  /** Retires regions that better ones take the place of. */
  replace(replaced: ReadonlySet<number>): void {
    this.area.count('regionsUpgraded', this.#retireWhere((id) => replaced.has(id)));
  }

  /** Makes room: regions whose code has changed; without such, those of the modules used least recently. */
  evict(): void {
    const { area } = this;
    if (this.#retireWhere((id) => area.state(id) === RegionState.STALE || !fitsItsPages(area, id)) > 0) return;
    const oldest = this.#oldestModules();
    const count = this.#retireWhere((id) => oldest.has(area.shared.u16[area.regionHalf(id, 'module')]!));
    area.count('regionsEvicted', count);
  }

  #retireWhere(chosen: (id: number) => boolean): number {
    const { area } = this;
    const { i32 } = area.shared;
    const limbo = i32[area.word('retirements')]! + 1;
    let count = 0;
    for (let id = 0; id < MAX_REGIONS; id++) {
      const state = area.state(id);
      if ((state !== RegionState.LIVE && state !== RegionState.STALE) || !chosen(id)) continue;
      this.#retire(id, limbo);
      count++;
    }
    if (count === 0) return 0;
    Atomics.store(i32, area.word('retirements'), limbo);
    this.onRetired();
    return count;
  }

  #retire(id: number, limbo: number): void {
    const { area } = this;
    const { i32, u16 } = area.shared;
    restoreEntry(area, id);
    Atomics.store(i32, area.regionWord(id, 'state'), RegionState.LIMBO);
    i32[area.regionWord(id, 'limbo')] = limbo;
    i32[area.word('inLimbo')]!++;
    const module = u16[area.regionHalf(id, 'module')]!;
    const held = area.moduleWord(module, 'held');
    if (--i32[held]! > 0) return;
    i32[area.moduleWord(module, 'limbo')] = limbo;
    i32[area.word('inLimbo')]!++;
  }

  /** Modules by their most recent use, the oldest share of them. */
  #oldestModules(): Set<number> {
    const { area } = this;
    const { i32, u16 } = area.shared;
    const now = i32[area.word('clock')]!;
    const ages = new Map<number, number>();
    for (let id = 0; id < MAX_REGIONS; id++) {
      if (area.state(id) !== RegionState.LIVE) continue;
      const module = u16[area.regionHalf(id, 'module')]!;
      const age = (now - i32[area.regionWord(id, 'lastUse')]!) | 0;
      ages.set(module, Math.min(ages.get(module) ?? age, age));
    }
    const sorted = [...ages].sort((a, b) => b[1] - a[1]);
    return new Set(sorted.slice(0, Math.ceil(sorted.length * EVICTED_SHARE)).map(([module]) => module));
  }

  #freeLimbo(): void {
    const { area } = this;
    const { i32 } = area.shared;
    const followed = this.#followedByAll();
    const isDropped = (limbo: number): boolean => ((followed - limbo) | 0) >= 0;
    for (let id = 0; id < MAX_REGIONS; id++) {
      if (area.state(id) !== RegionState.LIMBO || !isDropped(i32[area.regionWord(id, 'limbo')]!)) continue;
      Atomics.store(i32, area.regionWord(id, 'state'), RegionState.FREE);
      i32[area.word('regionsInUse')]!--;
      i32[area.word('inLimbo')]!--;
    }
    for (let slot = 0; slot < MAX_MODULES; slot++) {
      const isWaiting = i32[area.moduleWord(slot, 'serial')] !== 0 && i32[area.moduleWord(slot, 'held')] === 0;
      if (!isWaiting || !isDropped(i32[area.moduleWord(slot, 'limbo')]!)) continue;
      i32[area.word('inLimbo')]!--;
      this.freeModule(slot);
    }
  }

  /** Precondition: no core can be reading its bytes. */
  freeModule(slot: number): void {
    const { area } = this;
    const { i32, u32 } = area.shared;
    this.blocks.free(u32[area.moduleWord(slot, 'address')]!, u32[area.moduleWord(slot, 'sizeBytes')]!);
    i32[area.moduleWord(slot, 'serial')] = 0;
    i32[area.word('modulesInUse')]!--;
  }

  /** The last retirement that every core in guest code has followed; the others follow before they enter it. */
  #followedByAll(): number {
    const { i32 } = this.area.shared;
    const retirements = Atomics.load(i32, this.area.word('retirements'));
    let least = retirements;
    for (let core = 0; core < COMPILER_CORE; core++) {
      const at = coreBlockAddr(core) >>> 2;
      if (Atomics.load(i32, at + CoreBlock.off.inGuest / 4) === 0) continue;
      const seen = Atomics.load(i32, at + CoreBlock.off.retirementsSeen / 4);
      if (((seen - least) | 0) < 0) least = seen;
    }
    return least;
  }
}
