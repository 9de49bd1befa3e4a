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
/** The quick stage: a register allocator that takes a fifth of the time (V8 11; later versions have only one). */
const QUICK_FLAG = 'turbo-force-mid-tier-regalloc';
const hasQuickAllocator = process.versions.v8.startsWith('11.');
const state = new Int32Array(memory.buffer);

/**
 * Optimised code only, all functions at once, no check for interrupts at each turn of the loop (it
 * returns every few thousand instructions anyway). Node 20, 22 and later know these flags; they go
 * back to their defaults.
 */
const FLAGS = ['liftoff', 'wasm-lazy-compilation', 'wasm-stack-checks'];

function compile(): WebAssembly.Module {
  for (const flag of FLAGS) setFlagsFromString(`--no-${flag}`);
  if (isQuick && hasQuickAllocator) setFlagsFromString(`--${QUICK_FLAG}`);
  try {
    return new WebAssembly.Module(stageBytes(readFileSync(new URL(wasm)), isQuick));
  } finally {
    for (const flag of FLAGS) setFlagsFromString(`--${flag}`);
    if (isQuick && hasQuickAllocator) setFlagsFromString(`--no-${QUICK_FLAG}`);
  }
}

const held = compile();
Atomics.store(state, stateWord, compiled);
Atomics.wait(state, stateWord, compiled, HOLD_MS);
// The module must be alive until here: the cache holds it weakly.
if (WebAssembly.Module.exports(held).length === 0) process.exitCode = 1;
