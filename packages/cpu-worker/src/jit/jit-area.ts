import { headerWord } from '@troupe/abi/layout/header.js';
import { struct } from '@troupe/abi/layout/struct.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { lockWord, unlockWord } from '@troupe/abi/shared/spin-lock.js';
import { MAX_REGIONS, REGION_HANDLER, type Tier } from './region-abi.js';

/**
 * What cores and compiler share about translated code: one chunk of shared memory, made by the first
 * core that wants it and kept. Its address is KernelHeader.jitArea.
 *
 *   header · region descriptors · module records · heat counters · request ring · block map
 */
export const JitHeader = struct('JitHeader', {
  /** Spin lock of descriptors, module records and the block map (region-store.ts). */
  lock: 'i32',
  /** Incremented after regions were retired: each core then drops them before it runs guest code again. */
  retirements: 'i32',
  /** Last module serial; 0 is none. */
  serial: 'i32',
  /** Time for `RegionDescriptor.lastUse`: incremented at each publication. */
  clock: 'i32',
  /** Request ring (request-ring.ts): lock, next slot to fill, next to read. */
  requestLock: 'i32',
  requestHead: 'i32',
  requestTail: 'i32',
  /** Thread that compiles (compiler-thread.ts): number of the one in charge, 0 = none; and its heart beat, ms. */
  compiler: 'i32',
  heartbeatMs: 'i32',
  /** Descriptors and module records that are not free; those in limbo; regions cores have marked STALE. */
  regionsInUse: 'i32',
  modulesInUse: 'i32',
  inLimbo: 'i32',
  marked: 'i32',
  /** Heat at which a region is asked for, and at which one of Tier.QUICK is made again. */
  hotAt: 'i32',
  hotterAt: 'i32',
  /** Linear address of the blocks module bytes are in; next block to look at (region-store.ts). */
  blocks: 'i32',
  nextBlock: 'i32',
  counters: ['u64', 16],
}, 256);

/** Counters of translated code that belong to no core; printed by --stat. */
export const JitCounter = ['regionsTranslated', 'regionsRefused', 'regionsDiscarded', 'regionInstructionsTranslated', 'translateMicroseconds', 'compileMicroseconds', 'modules', 'codeBytes', 'regionsEvicted', 'regionsStale', 'regionsUpgraded', 'compileErrors', 'regionsKept', 'modulesKept', 'regionsLinked', 'wokenAtExec'] as const;
export type JitCounterName = (typeof JitCounter)[number];

export const RegionState = {
  FREE: 0,
  /** Its entry op may carry its number. */
  LIVE: 1,
  /** The code it was translated from is gone; waits for retirement. */
  STALE: 2,
  /** Retired; the number is given again when every core has dropped it. */
  LIMBO: 3,
} as const;

/** A region. Written under JitHeader.lock, but for `state` LIVE → STALE (CAS), `lastUse` and `misfits` (cores). */
export const RegionDescriptor = struct('RegionDescriptor', {
  state: 'i32',
  /** Linear address of the entry op, and the handler number the op had before. */
  op: 'u32',
  original: 'u16',
  /** Export number in the module. */
  index: 'u16',
  /** Slot of the module record. */
  module: 'u16',
  /** Which of the pages of its links the entry is in. */
  entryPage: 'u8',
  tier: 'u8',
  /** Linear address of its links (region-links.ts). */
  links: 'u32',
  /** JitHeader.clock when a core last entered it. */
  lastUse: 'i32',
  /** Times it did not fit the address space it was called in. */
  misfits: 'i32',
  /** Retirement with which cores drop it. */
  limbo: 'i32',
}, 32);

/** A wasm module of regions. Written under JitHeader.lock. */
export const ModuleRecord = struct('ModuleRecord', {
  /** 0 = free. Never given twice. */
  serial: 'i32',
  /** Region numbers (u16 each, export order), number and addresses of its bodies' links, these, then the module; size of all that. */
  address: 'u32',
  sizeBytes: 'u32',
  /** The module itself. */
  wasm: 'u32',
  wasmBytes: 'u32',
  regionCount: 'u32',
  /** Regions that are LIVE or STALE; 0: the module waits for the retirement `limbo`. */
  held: 'i32',
  limbo: 'i32',
}, 32);

export const MAX_MODULES = 1024;
/** Module bytes are kept in blocks of this size. */
export const BLOCK_BYTES = 4096;
export const BLOCK_COUNT = 8192;

/** Heat counters: by hash of the op address; u32 op, u32 heat. */
export const HEAT_ENTRIES = 4096;
export const HEAT_ENTRY_BYTES = 8;
export const REQUEST_SLOTS = 2048;

/**
 * 192 samples of the driver's poll, near 0.8 million instructions in one place. An instruction must run
 * about 10,000 times before its translation has paid (adr/0029). TROUPE_JIT_HEAT sets another value (tests).
 */
const HOT_AT = 3072;
/** Samples of regions come every 16,384 instructions: from the first request on 19 million in one place. */
const HOTTER = 8;
/** Counts are compared by their low 16 bits. */
const MAX_HEAT = 0xf000;

function hotAt(): number {
  const wanted = Number(process.env['TROUPE_JIT_HEAT']);
  return wanted >= 1 && wanted < 0x8000 ? Math.floor(wanted) : HOT_AT;
}

export const AREA = {
  regions: JitHeader.sizeBytes,
  modules: JitHeader.sizeBytes + MAX_REGIONS * RegionDescriptor.sizeBytes,
  heat: JitHeader.sizeBytes + MAX_REGIONS * RegionDescriptor.sizeBytes + MAX_MODULES * ModuleRecord.sizeBytes,
  requests: JitHeader.sizeBytes + MAX_REGIONS * RegionDescriptor.sizeBytes + MAX_MODULES * ModuleRecord.sizeBytes + HEAT_ENTRIES * HEAT_ENTRY_BYTES,
  blockMap: JitHeader.sizeBytes + MAX_REGIONS * RegionDescriptor.sizeBytes + MAX_MODULES * ModuleRecord.sizeBytes + HEAT_ENTRIES * HEAT_ENTRY_BYTES + REQUEST_SLOTS * 8,
} as const;
const AREA_BYTES = AREA.blockMap + BLOCK_COUNT;

const AREA_WORD = headerWord('jitArea');
const CODE_LOCK = headerWord('codeLock');

/** Accessors of the area. */
export class JitArea {
  private constructor(readonly shared: SharedMemory, readonly base: number) {}

  /** The area of the memory, made when there is none; undefined = out of memory. */
  static of(shared: SharedMemory, frames: FramePool): JitArea | undefined {
    const { i32 } = shared;
    let base = Atomics.load(i32, AREA_WORD) >>> 0;
    if (base === 0) {
      lockWord(i32, CODE_LOCK);
      base = Atomics.load(i32, AREA_WORD) >>> 0;
      if (base === 0) {
        base = frames.allocChunk(AREA_BYTES, true);
        const blocks = base === 0 ? 0 : frames.allocChunk(BLOCK_COUNT * BLOCK_BYTES);
        if (blocks === 0) base = 0;
        else {
          i32[(base + JitHeader.off.hotAt) >>> 2] = hotAt();
          i32[(base + JitHeader.off.hotterAt) >>> 2] = Math.min(hotAt() * HOTTER, MAX_HEAT);
          i32[(base + JitHeader.off.blocks) >>> 2] = blocks | 0;
          Atomics.store(i32, AREA_WORD, base | 0);
        }
      }
      unlockWord(i32, CODE_LOCK);
    }
    return base === 0 ? undefined : new JitArea(shared, base);
  }

  /** The area when some core has made it. */
  static existing(shared: SharedMemory): JitArea | undefined {
    const base = Atomics.load(shared.i32, AREA_WORD) >>> 0;
    return base === 0 ? undefined : new JitArea(shared, base);
  }

  /** i32 index of a header field. */
  word(field: keyof typeof JitHeader.off): number {
    return (this.base + JitHeader.off[field]) >>> 2;
  }

  /** i32 index of a 32-bit field of a region. */
  regionWord(id: number, field: keyof typeof RegionDescriptor.off): number {
    return (this.base + AREA.regions + id * RegionDescriptor.sizeBytes + RegionDescriptor.off[field]) >>> 2;
  }

  /** u16 index of a 16-bit field of a region. */
  regionHalf(id: number, field: 'original' | 'index' | 'module'): number {
    return (this.base + AREA.regions + id * RegionDescriptor.sizeBytes + RegionDescriptor.off[field]) >>> 1;
  }

  /** u8 index of an 8-bit field of a region. */
  regionByte(id: number, field: 'entryPage' | 'tier'): number {
    return this.base + AREA.regions + id * RegionDescriptor.sizeBytes + RegionDescriptor.off[field];
  }

  /** i32 index of a field of a module record. */
  moduleWord(slot: number, field: keyof typeof ModuleRecord.off): number {
    return (this.base + AREA.modules + slot * ModuleRecord.sizeBytes + ModuleRecord.off[field]) >>> 2;
  }

  state(id: number): number {
    return Atomics.load(this.shared.i32, this.regionWord(id, 'state'));
  }

  tier(id: number): Tier {
    return this.shared.u8[this.regionByte(id, 'tier')]! as Tier;
  }

  /** Serial of the module a region is in. */
  serialOf(id: number): number {
    return this.shared.i32[this.moduleWord(this.shared.u16[this.regionHalf(id, 'module')]!, 'serial')]!;
  }

  count(name: JitCounterName, by: number): void {
    Atomics.add(this.shared.i64, (this.base + JitHeader.off.counters) / 8 + JitCounter.indexOf(name), BigInt(Math.round(by)));
  }

  counter(name: JitCounterName): number {
    return Number(Atomics.load(this.shared.i64, (this.base + JitHeader.off.counters) / 8 + JitCounter.indexOf(name)));
  }

  counters(): Record<JitCounterName, number> {
    return Object.fromEntries(JitCounter.map((name) => [name, this.counter(name)])) as Record<JitCounterName, number>;
  }
}

/** The handler an op has in the interpreter, given what stands in it. */
export function interpretedHandler(shared: SharedMemory, handler: number): number {
  if (handler < REGION_HANDLER) return handler;
  return shared.u16[JitArea.existing(shared)!.regionHalf(handler - REGION_HANDLER, 'original')]!;
}
