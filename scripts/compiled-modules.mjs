// Keeps the machine code of the interpreter's main loop beside it, for the Node that runs this: node compiled-modules.mjs
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileFully } from '../packages/cpu-worker/dist/interp/compile-optimised.js';
import { compiledPath, readCompiled, writeCompiled } from '../packages/cpu-worker/dist/interp/compiled-module.js';

const wasm = new URL('../packages/cpu-worker/dist/main.wasm', import.meta.url);

/** In a process of its own: V8 ends those that it cannot serve. */
const succeeds = (step) => spawnSync(process.execPath, [fileURLToPath(import.meta.url), step], { stdio: 'ignore' }).status === 0;

switch (process.argv[2]) {
  case 'write':
    writeCompiled(wasm, compileFully(readFileSync(wasm)));
    break;
  case 'read':
    process.exitCode = readCompiled(wasm) ? 0 : 1;
    break;
  default:
    rmSync(compiledPath(wasm), { force: true });
    if (!succeeds('write') || !succeeds('read')) rmSync(compiledPath(wasm), { force: true });
}
