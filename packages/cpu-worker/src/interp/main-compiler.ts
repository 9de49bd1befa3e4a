/**
 * Thread that compiles the interpreter's main loop (main-tier.ts) and keeps it until a core has it.
 */
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { compileOptimised, hasQuickAllocator, markQuick, QUICK_ALLOCATOR } from './compile-optimised.js';
import { MainState, type CompilerData } from './main-state.js';

/** Longest wait for a core to take the module. */
const HOLD_MS = 60_000;

const { memory, wasm, stateWord, compiled } = workerData as CompilerData;
const isQuick = compiled === MainState.QUICK_COMPILED;
/**
 * V8 11 (Node 20) gives functions as large as the loop to a quick register allocator that costs a third
 * of their speed; the quick stage has it for all, in a fifth of the time. Later versions have only one.
 */
const FULL_ALLOCATOR = { set: '--no-turbo-use-mid-tier-regalloc-for-huge-functions', reset: '--turbo-use-mid-tier-regalloc-for-huge-functions' };
const state = new Int32Array(memory.buffer);

const bytes = readFileSync(new URL(wasm));
const held = isQuick ? compileOptimised(markQuick(bytes), QUICK_ALLOCATOR) : compileOptimised(bytes, hasQuickAllocator ? FULL_ALLOCATOR : undefined);
Atomics.store(state, stateWord, compiled);
Atomics.wait(state, stateWord, compiled, HOLD_MS);
// The module must be alive until here: the cache holds it weakly.
if (WebAssembly.Module.exports(held).length === 0) process.exitCode = 1;
