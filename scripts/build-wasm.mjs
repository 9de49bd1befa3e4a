/**
 * Builds the wasm modules of packages/cpu-worker after tsc:
 *   dist/runtime.wasm, dist/decoder.wasm  run-time library and decoder (AssemblyScript, scripts/build-assembly.mjs)
 *   dist/interp.wasm   interpreter, generated from the instruction rows: driver and cold handlers
 *   dist/main.wasm     its main loop, compiled when programs run long enough
 */
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildAssembly } from './build-assembly.mjs';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages/cpu-worker/dist');

function replaceFile(name, bytes) {
  new WebAssembly.Module(bytes);
  const temporary = join(dist, `${name}.${process.pid}.tmp`);
  writeFileSync(temporary, bytes);
  renameSync(temporary, join(dist, name));
}

async function buildInterpreter() {
  const { emitInterpreter, emitMainLoop } = await import(pathToFileURL(join(dist, 'interp/emit.js')).href);
  replaceFile('interp.wasm', emitInterpreter());
  replaceFile('main.wasm', emitMainLoop());
}

await buildAssembly();
await buildInterpreter();
