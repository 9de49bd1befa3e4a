import { CoreBlock, CoreCounter, coreBlockAddr } from '@troupe/abi/layout/header.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import { RegionState, type JitArea } from './jit-area.js';
import { JUMP_CACHE_BYTES, MAX_REGIONS } from './region-abi.js';
import { linkAddresses, NO_REGION } from './region-store.js';

/** What the interpreter's module gives to regions and takes from here. */
export interface RegionLinkage {
  /** Table of the regions' functions; empty at first. */
  readonly regions: WebAssembly.Table;
  /** Stands in every slot that holds no region. */
  readonly missing: CallableFunction;
  /** Imports of a region module. */
  readonly imports: WebAssembly.Imports;
}

interface Instance {
  readonly exports: WebAssembly.Exports;
  /** Regions in the table. */
  installed: number;
}

/**
 * The regions one core has installed: functions in its table, modules compiled from the bytes in the
 * shared memory when one of their regions is first wanted. The compiler thread keeps each module
 * alive, so that V8 finds its machine code by the bytes.
 *
 *   Owns:   the core's table of regions, its jump cache (with the driver), CoreBlock.retirementsSeen
 *   Order:  `follow` before guest code runs: what was retired is dropped, then retirementsSeen moves
 */
export class CoreRegions {
  /** Serial of the module whose function is in the slot, 0 = none. */
  readonly #installed = new Int32Array(MAX_REGIONS);
  /** Modules with regions installed, by serial: more regions of a module may be published later. */
  readonly #instances = new Map<number, Instance>();
  readonly #block: number;
  readonly #jumpCache: number;

  constructor(readonly area: JitArea, frames: FramePool, coreId: number, readonly linkage: RegionLinkage) {
    this.#block = coreBlockAddr(coreId);
    const { u32 } = area.shared;
    const word = (this.#block + CoreBlock.off.jumpCache) >>> 2;
    if (u32[word] === 0) u32[word] = frames.allocChunk(JUMP_CACHE_BYTES);
    this.#jumpCache = u32[word]!;
    this.linkage.regions.grow(MAX_REGIONS, this.linkage.missing);
    this.#clearJumps();
    this.follow();
  }

  #clearJumps(): void {
    this.area.shared.u8.fill(0, this.#jumpCache, this.#jumpCache + JUMP_CACHE_BYTES);
  }

  /** Drops what was retired since the last time. */
  follow(): void {
    const { i32 } = this.area.shared;
    const seen = (this.#block + CoreBlock.off.retirementsSeen) >>> 2;
    const retirements = Atomics.load(i32, this.area.word('retirements'));
    if (i32[seen] === retirements) return;
    for (let id = 0; id < MAX_REGIONS; id++) {
      if (this.#installed[id] === 0 || this.#isCurrent(id)) continue;
      this.#release(this.#installed[id]!);
      this.#installed[id] = 0;
      this.linkage.regions.set(id, this.linkage.missing);
    }
    this.#clearJumps();
    Atomics.store(i32, seen, retirements);
  }

  #release(serial: number): void {
    const instance = this.#instances.get(serial);
    if (instance && --instance.installed === 0) this.#instances.delete(serial);
  }

  /** Forgets all modules: regions are installed anew when they are wanted. */
  drop(): void {
    this.#installed.fill(0);
    this.#instances.clear();
    for (let id = 0; id < MAX_REGIONS; id++) this.linkage.regions.set(id, this.linkage.missing);
  }

  #isCurrent(id: number): boolean {
    const state = this.area.state(id);
    return (state === RegionState.LIVE || state === RegionState.STALE) && this.area.serialOf(id) === this.#installed[id];
  }

  isInstalled(id: number): boolean {
    return this.#installed[id] !== 0;
  }

  /** Installs the module of a region; false when the region is not live any more. Precondition: this core is in guest code. */
  install(id: number): boolean {
    const { area } = this;
    if (area.state(id) !== RegionState.LIVE) return false;
    const { i32, u32, u16 } = area.shared;
    const slot = u16[area.regionHalf(id, 'module')]!;
    const serial = i32[area.moduleWord(slot, 'serial')]!;
    let instance = this.#instances.get(serial);
    if (!instance) this.#instances.set(serial, (instance = { exports: this.#instantiate(slot), installed: 0 }));
    const numbers = u32[area.moduleWord(slot, 'address')]! >>> 1;
    const count = u32[area.moduleWord(slot, 'regionCount')]!;
    for (let index = 0; index < count; index++) {
      const number = u16[numbers + index]!;
      if (number === NO_REGION || area.state(number) !== RegionState.LIVE || area.serialOf(number) !== serial || this.#installed[number] === serial) continue;
      instance.installed++;
      this.linkage.regions.set(number, instance.exports[`r${index}`] as CallableFunction);
      this.#installed[number] = serial;
    }
    return true;
  }

  #instantiate(slot: number): WebAssembly.Exports {
    const { area } = this;
    const { u32, u64, u8 } = area.shared;
    const wasm = u32[area.moduleWord(slot, 'wasm')]!;
    const bytes = new Uint8Array(u32[area.moduleWord(slot, 'wasmBytes')]!);
    bytes.set(u8.subarray(wasm, wasm + bytes.length));
    const links = Object.fromEntries([...linkAddresses(area, slot)].map((address, i) => [`l${i}`, address]));
    const { env, runtime } = this.linkage.imports as { env: WebAssembly.ModuleImports; runtime: WebAssembly.ModuleImports };
    u64[(this.#block + CoreBlock.off.counters) / 8 + CoreCounter.indexOf('moduleInstalls')]! += 1n;
    return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { ...env, ...links }, runtime }).exports;
  }
}
