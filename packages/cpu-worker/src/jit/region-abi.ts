import type { ExpressionBuilder } from '../ir/expression-builder.js';
import type { I32 } from '../ir/types.js';
import type { OpLink, RegionLinks } from './region-links.js';
import type { Signature } from '../ir/wasm-module.js';

/**
 * Contract between translated regions, the interpreter's driver and the engine.
 *
 * A region is a wasm function `(tcb, rip, depth, link) → RegionExit`, translated from guest code that starts
 * at one entry. `link` means nothing to it: a direct call does not know whether it leads to a region of its
 * module or to `env.direct`. All registers are in the TCB before it returns or calls.
 * It belongs to the frames its code is in, not to an address space: guest addresses come in through
 * `rip`, and at its start a region checks that each page it covers still has the code page and
 * generation it was translated from.
 *
 *   entry      `op.handler = REGION_HANDLER + id` in the decoded op of the entry; the op's own handler
 *              number is kept in the region's descriptor
 *   table      slot `id` of the table `env.regions`; a slot that is empty on this core holds a stub
 *              that returns STALE
 *   count      TCB.ran = (instructions run − slice) * OP_BYTES: negative while the slice lasts
 *
 *   numbers    stand for other regions later, but never while a core that has seen the old one stays in
 *              guest code: read them anew from the op or the jump cache, do not build them into code
 *
 * Region modules do not import the table: V8 keeps every instance that does for as long as the
 * table (measured on Node 20 and 22), so that memory would grow for ever; on Node 20 each also has a
 * copy of the table (8192 slots: 440 µs and 200 kB for an instance, without 10 µs), and `set` costs
 * 10 ns more for each. They go on in other regions through functions of the interpreter's module:
 * `env.direct (tcb, rip, depth, link)` and, by the jump cache, `env.indirect (tcb, rip, depth)`, both with
 * all state but `rip` in the TCB; they end in tail calls, and can be tail-called. Regions look at the slice and at the
 * depth themselves; a negative depth: calls are nested too deeply.
 *
 * A module holds no address of decoded code, so that it can be kept for later runs (kept-regions.ts). Those
 * stand in shared memory, in the *links* of each body: its pages, then the ops that it names (region-links.ts).
 *
 * Imports of a region module: env.memory, env.coreBlock (an i32 global), env.l0, env.l1, … (i32 globals: the
 * address of the links of each body), env.direct, env.indirect, env.cold (tcb, op) → Status of the op's cold
 * handler (TCB.pcBase must be right), env.fits (tcb, origin, links) → 1 when the pages under the execute table
 * are those of the links, env.misfit (tcb, rip, depth, links), which goes on when they are not, env.poll (tcb, depth, isSampled) → 1
 * when a region whose slice is used up must leave (interp/region-poll.ts), and functions of the run-time library under `runtime`.
 * Exports: `r0`, `r1`, … in order.
 */
export const REGION_SIGNATURE: Signature = { params: ['i32', 'i64', 'i32', 'i32'], results: ['i32'] };

export const RegionExit = {
  /** Go on at TCB.rip. */
  JUMP: 0,
  /** The same after a guest `ret`: a region that made the call goes on when TCB.rip is its return address. */
  RETURN: 1,
  /** The instruction at TCB.rip must be run by the interpreter, not through a region. */
  SLOW: 2,
  /** The slice is used up; TCB.rip is next. */
  POLL: 3,
  /** A `syscall` was run; TCB.rip is behind it. */
  SYSCALL: 4,
  /** The region at TCB.rip does not fit its code, or is not installed on this core; it did nothing but store TCB.rip. */
  STALE: 5,
} as const;

/** First handler number that stands for a region; the rest of the 16 bits is its id. */
export const REGION_HANDLER = 0x8000;
export const MAX_REGIONS = 8192;

/** Guest calls that may nest as wasm calls. */
export const CALL_DEPTH = 200;
/** `depth` from the driver: calls that may nest times 2, plus 1: the flags are wanted after a return. */
export const ENTRY_DEPTH = CALL_DEPTH * 2 + 1;

/**
 * Jump cache of a core: `JUMP_CACHE_ENTRIES` pairs of u32 (guest address, table slot) for computed
 * jumps. A stale pair does no harm: the region checks its own entry.
 */
export const JUMP_CACHE_ENTRIES = 1024;
export const JUMP_CACHE_BYTES = JUMP_CACHE_ENTRIES * 8;

/** Address of the entry of a guest address (its low half) in the cache at `cache`. */
export function jumpCacheEntry(b: ExpressionBuilder, cache: I32, rip: I32): I32 {
  const index = b.and(b.xor(rip, b.shrU(rip, b.i32(9))), b.i32(JUMP_CACHE_ENTRIES - 1));
  return b.add(cache, b.shl(index, b.i32(3)));
}

/** How the module of a region is compiled. */
export const Tier = {
  /** With V8's quick register allocator, where there is one: half of the time, code that runs up to 1.8 times as long. */
  QUICK: 0,
  FULL: 1,
  /** Code of QUICK and of FULL regions again, with the full allocator, in one module with all others: they call each other directly. */
  LINKED_QUICK: 2,
  LINKED_FULL: 3,
} as const;
export type Tier = (typeof Tier)[keyof typeof Tier];

/** The region may be made again, as a larger one. */
export function isFirstTier(tier: Tier): boolean {
  return (tier & 1) === 0;
}

export function isLinkedTier(tier: Tier): boolean {
  return (tier & 2) !== 0;
}

export function linkedTier(tier: Tier): Tier {
  return (tier | 2) as Tier;
}

export function isBetterTier(tier: Tier, than: Tier): boolean {
  return isFirstTier(tier) === isFirstTier(than) ? tier > than : isFirstTier(than);
}

/** Where a region is wanted. */
export interface RegionRequest {
  /** Guest address of the entry, below 4 GiB. */
  readonly rip: number;
  /** Linear address of the execute table it was seen under. */
  readonly tableExec: number;
}

/** A region's place in its code, to be kept for later runs. Addresses as in GuestInstruction. */
export interface KeptTranslation {
  readonly region: Region;
  readonly at: number;
  readonly ops: readonly OpLink[];
  readonly loopHeads: readonly number[];
}

/** A page of code that a region covers. */
export interface RegionPage {
  /** Linear address of the code page (decode/code-cache.ts) and its generation. */
  readonly codePage: number;
  readonly generation: number;
}

/** A translated region, to be put into a module. */
export interface Region {
  /** The same object for all regions of one body. */
  readonly links: RegionLinks;
  /** Linear address of the decoded op of the entry. */
  readonly op: number;
  /** Of its body. */
  readonly instructions: number;
  readonly tier: Tier;
  /** Ops of code that can be entered at many places: a region that starts within would be the same code once more. */
  readonly covers: readonly number[];
  /** Ops at heads of loops. */
  readonly loopHeads: readonly number[];
  /** Where it was translated, or found again: guest address of the entry, and the execute table. */
  readonly seen: RegionRequest;
}

/** Of all bodies, each once. */
export function instructionsOf(regions: readonly Region[]): number {
  const bodies = new Map(regions.map(({ links, instructions }) => [links, instructions]));
  return [...bodies.values()].reduce((sum, instructions) => sum + instructions, 0);
}
