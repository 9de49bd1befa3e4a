/**
 * Thread that compiles the interpreter's main loop (main-tier.ts) and keeps it until a core has it.
 */
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { compileOptimised, type FlagChange } from './compile-optimised.js';
import { MainState, stageBytes, type CompilerData } from './main-state.js';

/** Longest wait for a core to take the module. */
const HOLD_MS = 60_000;

const { memory, wasm, stateWord, compiled } = workerData as CompilerData;
const isQuick = compiled === MainState.QUICK_COMPILED;
/**
 * V8 11 (Node 20) gives functions as large as the loop to a quick register allocator that costs a third
 * of their speed; the quick stage has it for all, in a fifth of the time. Later versions have only one.
 */
const ALLOCATOR: FlagChange = isQuick
  ? { set: '--turbo-force-mid-tier-regalloc', reset: '--no-turbo-force-mid-tier-regalloc' }
  : { set: '--no-turbo-use-mid-tier-regalloc-for-huge-functions', reset: '--turbo-use-mid-tier-regalloc-for-huge-functions' };
const hasQuickAllocator = process.versions.v8.startsWith('11.');
const state = new Int32Array(memory.buffer);

const held = compileOptimised(stageBytes(readFileSync(new URL(wasm)), isQuick), hasQuickAllocator ? ALLOCATOR : undefined);
Atomics.store(state, stateWord, compiled);
Atomics.wait(state, stateWord, compiled, HOLD_MS);
// The module must be alive until here: the cache holds it weakly.
if (WebAssembly.Module.exports(held).length === 0) process.exitCode = 1;
