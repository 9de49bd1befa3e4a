/**
 * Thread that compiles the interpreter's main loop (main-tier.ts) and keeps it until a core has it.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { workerData } from 'node:worker_threads';
import { MainState, stageBytes, type CompilerData } from './main-state.js';

/** Longest wait for a core to take the module. */
const HOLD_MS = 60_000;

const { memory, wasm, stateWord, compiled } = workerData as CompilerData;
const isQuick = compiled === MainState.QUICK_COMPILED;
/**
 * V8 11 (Node 20) gives functions as large as the loop to a quick register allocator that costs a third
 * of their speed; the quick stage has it for all, in a fifth of the time. Later versions have only one.
 */
const ALLOCATOR: readonly [set: string, reset: string] = isQuick
  ? ['--turbo-force-mid-tier-regalloc', '--no-turbo-force-mid-tier-regalloc']
  : ['--no-turbo-use-mid-tier-regalloc-for-huge-functions', '--turbo-use-mid-tier-regalloc-for-huge-functions'];
const hasQuickAllocator = process.versions.v8.startsWith('11.');
const state = new Int32Array(memory.buffer);

/**
 * Optimised code only, all functions at once, no check for interrupts at each turn of the loop (it
 * returns every few thousand instructions anyway). Node 20, 22 and later know these flags. All go back
 * to their defaults: V8 refuses code caches (abi/src/script-cache.ts) made under other flags.
 */
const FLAGS = ['liftoff', 'wasm-lazy-compilation', 'wasm-stack-checks'];

function compile(): WebAssembly.Module {
  for (const flag of FLAGS) setFlagsFromString(`--no-${flag}`);
  if (hasQuickAllocator) setFlagsFromString(ALLOCATOR[0]);
  try {
    return new WebAssembly.Module(stageBytes(readFileSync(new URL(wasm)), isQuick));
  } finally {
    for (const flag of FLAGS) setFlagsFromString(`--${flag}`);
    if (hasQuickAllocator) setFlagsFromString(ALLOCATOR[1]);
  }
}

const held = compile();
Atomics.store(state, stateWord, compiled);
Atomics.wait(state, stateWord, compiled, HOLD_MS);
// The module must be alive until here: the cache holds it weakly.
if (WebAssembly.Module.exports(held).length === 0) process.exitCode = 1;
