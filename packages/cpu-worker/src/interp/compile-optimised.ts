import { setFlagsFromString } from 'node:v8';

/**
 * V8 14 (Node 26) ends the process when functions without baseline code call each other: there the code
 * starts as baseline code, and V8 optimises what runs long.
 */
const NEEDS_BASELINE = Number.parseInt(process.versions.v8, 10) >= 14;

/**
 * Optimised code only, all functions at once, no check for interrupts at each turn of a loop (loops
 * return every few thousand instructions anyway). All flags go back to their defaults: V8 refuses code
 * caches (abi/src/script-cache.ts) made under other flags.
 */
const FLAGS = [...(NEEDS_BASELINE ? [] : ['liftoff']), 'wasm-lazy-compilation', 'wasm-stack-checks'];

/** A further flag of V8 for one compilation. */
export interface FlagChange {
  readonly set: string;
  readonly reset: string;
}

/** Compiles with the optimising compiler. The flags are those of the process: other threads may compile likewise meanwhile. */
export function compileOptimised(wasm: Uint8Array, change?: FlagChange): WebAssembly.Module {
  for (const flag of FLAGS) setFlagsFromString(`--no-${flag}`);
  if (change) setFlagsFromString(change.set);
  try {
    return new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);
  } finally {
    for (const flag of FLAGS) setFlagsFromString(`--${flag}`);
    if (change) setFlagsFromString(change.reset);
  }
}
