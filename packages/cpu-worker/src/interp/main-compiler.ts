/**
 * Thread that compiles the interpreter's main loop (main-tier.ts) and keeps it until a core has it.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { workerData } from 'node:worker_threads';
import { MainState, type CompilerData } from './main-tier.js';

/** Longest wait for a core to take the module. */
const HOLD_MS = 60_000;

const { memory, wasm, stateWord } = workerData as CompilerData;
const state = new Int32Array(memory.buffer);

/** No unoptimised code, all functions at once; the flags go back as they were. */
function compile(): WebAssembly.Module {
  setFlagsFromString('--no-liftoff');
  setFlagsFromString('--no-wasm-lazy-compilation');
  try {
    return new WebAssembly.Module(readFileSync(new URL(wasm)));
  } finally {
    setFlagsFromString('--liftoff');
    setFlagsFromString('--wasm-lazy-compilation');
  }
}

const held = compile();
Atomics.store(state, stateWord, MainState.COMPILED);
Atomics.wait(state, stateWord, MainState.COMPILED, HOLD_MS);
// The module must be alive until here: the cache holds it weakly.
if (WebAssembly.Module.exports(held).length === 0) process.exitCode = 1;
