/**
 * Thread that compiles the interpreter's main loop (main-tier.ts) and keeps it until a core has it.
 */
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { compileFully, compileOptimised, markQuick, QUICK_ALLOCATOR } from './compile-optimised.js';
import { MainState, type CompilerData } from './main-state.js';

/** Longest wait for a core to take the module. */
const HOLD_MS = 60_000;

const { memory, wasm, stateWord, compiled } = workerData as CompilerData;
const isQuick = compiled === MainState.QUICK_COMPILED;
const state = new Int32Array(memory.buffer);

const bytes = readFileSync(new URL(wasm));
const held = isQuick ? compileOptimised(markQuick(bytes), QUICK_ALLOCATOR) : compileFully(bytes);
Atomics.store(state, stateWord, compiled);
Atomics.wait(state, stateWord, compiled, HOLD_MS);
// The module must be alive until here: the cache holds it weakly.
if (WebAssembly.Module.exports(held).length === 0) process.exitCode = 1;
