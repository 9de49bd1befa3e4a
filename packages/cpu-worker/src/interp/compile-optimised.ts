import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/**
 * V8 14 (Node 26) ends the process when functions without baseline code call each other: there the code
 * starts as baseline code, and V8 optimises what runs long.
 */
const NEEDS_BASELINE = Number.parseInt(process.versions.v8, 10) >= 14;
/** From V8 14 on branch hints are read anyway. */
const READS_HINTS = NEEDS_BASELINE;

/** V8 12 (Node 22) takes an experimental feature for a reason to set a further flag, and does not put that back. */
const RESETS_EXPERIMENTAL = process.versions.v8.startsWith('12.') ? ' --no-experimental' : '';
/** V8 13 (Node 24) gives machine code that was made with hints back only while they are on. */
export const HINTS: readonly FlagChange[] = READS_HINTS ? [] : [{ set: '--experimental-wasm-branch-hinting', reset: `--no-experimental-wasm-branch-hinting${RESETS_EXPERIMENTAL}` }];

/**
 * Optimised code only, all functions at once, no check for interrupts at each turn of a loop (loops
 * return every few thousand instructions anyway). Half of the processors at most: guest code needs them
 * too, and the parts of a module that are compiled side by side cost more than one after the other. All flags go back to their defaults: V8 refuses code
 * caches (abi/src/script-cache.ts) made under other flags.
 */
const FLAGS: readonly FlagChange[] = [
  { set: `--wasm-num-compilation-tasks=${Math.max(1, availableParallelism() >> 1)}`, reset: '--wasm-num-compilation-tasks=128' },
  // Without the baseline compiler V8 takes tiering off as well, and does not put it on again with it.
  ...(NEEDS_BASELINE ? [] : [without('wasm-dynamic-tiering'), without('wasm-tier-up'), without('liftoff')]),
  ...HINTS,
  without('wasm-lazy-compilation'), without('wasm-stack-checks'),
];

/** Of Node 20. */
export const isV8Eleven = process.versions.v8.startsWith('11.');

/** V8 11 (Node 20) has a second register allocator, which takes a fifth of the time for large functions. Later versions have only one. */
export const hasQuickAllocator = isV8Eleven;
export const QUICK_ALLOCATOR: FlagChange | undefined = hasQuickAllocator ? { set: '--turbo-force-mid-tier-regalloc', reset: '--no-turbo-force-mid-tier-regalloc' } : undefined;

/** An empty custom section: keeps bytes compiled with the quick allocator apart from others in V8's cache. */
const QUICK_MARK = [0, 2, 1, 0x71];

/** Bytes of a module that are compiled with the quick allocator. */
export function markQuick(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(wasm.length + QUICK_MARK.length);
  bytes.set(wasm);
  bytes.set(QUICK_MARK, wasm.length);
  return bytes;
}

/** A flag of V8 for one piece of work. */
export interface FlagChange {
  readonly set: string;
  readonly reset: string;
}

function without(flag: string): FlagChange {
  return { set: `--no-${flag}`, reset: `--${flag}` };
}

/** The flags are those of the process: other threads may do likewise meanwhile. */
export function withFlags<T>(changes: readonly FlagChange[], work: () => T): T {
  for (const { set } of changes) setFlagsFromString(set);
  try {
    return work();
  } finally {
    for (const { reset } of [...changes].reverse()) setFlagsFromString(reset);
  }
}

/** Compiles with the optimising compiler. */
export function compileOptimised(wasm: Uint8Array, change?: FlagChange): WebAssembly.Module {
  return withFlags(change ? [...FLAGS, change] : FLAGS, () => new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>));
}

/**
 * V8 11 (Node 20) gives functions as large as the interpreter's main loop to a quick register allocator that costs
 * a third of their speed. Later versions have only one.
 */
const FULL_ALLOCATOR: FlagChange | undefined = hasQuickAllocator ? { set: '--no-turbo-use-mid-tier-regalloc-for-huge-functions', reset: '--turbo-use-mid-tier-regalloc-for-huge-functions' } : undefined;

/** Compiles as well as V8 can, whatever it costs. */
export function compileFully(wasm: Uint8Array): WebAssembly.Module {
  return compileOptimised(wasm, FULL_ALLOCATOR);
}
