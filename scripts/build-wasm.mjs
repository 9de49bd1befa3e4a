/**
 * Builds the wasm modules of packages/cpu-worker after tsc:
 *   dist/runtime.wasm  run-time library (AssemblyScript, scripts/build-assembly.mjs)
 *   dist/interp.wasm   interpreter, generated from the instruction rows
 */
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildAssembly } from './build-assembly.mjs';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages/cpu-worker/dist');

async function buildInterpreter() {
  const { emitInterpreter } = await import(pathToFileURL(join(dist, 'interp/emit.js')).href);
  const bytes = emitInterpreter();
  new WebAssembly.Module(bytes);
  const temporary = join(dist, `interp.${process.pid}.tmp`);
  writeFileSync(temporary, bytes);
  renameSync(temporary, join(dist, 'interp.wasm'));
}

await buildAssembly();
await buildInterpreter();
