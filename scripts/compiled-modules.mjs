// Keeps the machine code of a core's wasm modules beside them, for the Node that runs this: node compiled-modules.mjs
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileFully } from '../packages/cpu-worker/dist/interp/compile-optimised.js';
import { compiledPath, readCompiled, writeCompiled } from '../packages/cpu-worker/dist/interp/compiled-module.js';

const MODULES = ['decoder', 'interp', 'main', 'runtime'];
const wasmOf = (name) => new URL(`../packages/cpu-worker/dist/${name}.wasm`, import.meta.url);

/** In a process of its own: V8 ends those that it cannot serve. */
const succeeds = (step, name) => spawnSync(process.execPath, [fileURLToPath(import.meta.url), step, name], { stdio: 'ignore' }).status === 0;

const [, , step, name] = process.argv;
switch (step) {
  case 'write':
    writeCompiled(wasmOf(name), compileFully(readFileSync(wasmOf(name))));
    break;
  case 'read':
    process.exitCode = readCompiled(wasmOf(name)) ? 0 : 1;
    break;
  default:
    for (const each of MODULES) {
      rmSync(compiledPath(wasmOf(each)), { force: true });
      if (!succeeds('write', each) || !succeeds('read', each)) rmSync(compiledPath(wasmOf(each)), { force: true });
    }
}
