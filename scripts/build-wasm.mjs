/**
 * Builds the wasm modules of packages/cpu-worker after tsc:
 *   dist/runtime.wasm, dist/decoder.wasm  run-time library and decoder (AssemblyScript, scripts/build-assembly.mjs)
 *   dist/interp.wasm   interpreter, generated from the instruction rows: driver and cold handlers
 *   dist/main.wasm     its main loop, compiled when programs run long enough
 */
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { replaceFile } from '../packages/abi/dist/replace-file.js';
import { buildAssembly } from './build-assembly.mjs';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages/cpu-worker/dist');

function replaceModule(name, bytes) {
  new WebAssembly.Module(bytes);
  replaceFile(join(dist, name), bytes);
}

async function buildInterpreter() {
  const { emitInterpreter, emitMainLoop } = await import(pathToFileURL(join(dist, 'interp/emit.js')).href);
  replaceModule('interp.wasm', emitInterpreter());
  replaceModule('main.wasm', emitMainLoop());
}

await buildAssembly();
await buildInterpreter();
