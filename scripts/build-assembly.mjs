/**
 * Builds the AssemblyScript run-time library: packages/cpu-worker/assembly -> packages/cpu-worker/dist/runtime.wasm.
 * Offsets of the task control block are taken from packages/abi, so that there is one definition of it.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packageDir = join(root, 'packages/cpu-worker');
const source = 'packages/cpu-worker/assembly/index.ts';
const output = 'packages/cpu-worker/dist/runtime.wasm';

async function abi(module) {
  return import(pathToFileURL(join(root, 'packages/abi/dist', module)).href);
}

/** Writes a file so that a concurrent reader sees the old or the new contents. */
function replaceFile(path, contents) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

/** Writes dist/assembly/tcb-layout.ts: byte offsets of the TCB fields the library uses. */
async function writeLayout() {
  const { TCB } = await abi('layout/tcb.js');
  const fields = ['ccRes', 'ccAux', 'mxcsr', 'fcw', 'fsw', 'ftw', 'fop', 'fip', 'fdp', 'st', 'xmm'];
  const lines = fields.map((field) => `export const TCB_${field.toUpperCase()}: usize = ${TCB.off[field]};`);
  mkdirSync(join(packageDir, 'dist/assembly'), { recursive: true });
  replaceFile(join(packageDir, 'dist/assembly/tcb-layout.ts'), `${lines.join('\n')}\n`);
}

function isCurrent() {
  const built = statSync(join(root, output), { throwIfNoEntry: false });
  if (!built) return false;
  const sources = readdirSync(join(packageDir, 'assembly')).map((name) => join(packageDir, 'assembly', name));
  sources.push(join(root, 'packages/abi/dist/layout/tcb.js'), fileURLToPath(import.meta.url));
  return sources.every((file) => statSync(file).mtimeMs < built.mtimeMs);
}

/** Compiles the library unless it is newer than its sources. */
export async function buildAssembly({ force = false } = {}) {
  if (!force && isCurrent()) return;
  const { RUNTIME_STATIC, RUNTIME_STATIC_END, MAX_MEMORY_BYTES } = await abi('layout/memory-map.js');
  await writeLayout();
  const pages = String(MAX_MEMORY_BYTES / 65536);
  const fresh = `${output}.${process.pid}.tmp`;
  // v128 parameters are passed between wasm modules only (AS112 warns of other callers).
  const { error, stderr } = await asc.main([
    source, '--outFile', fresh, '--baseDir', root, '--disableWarning', 'AS112', '--runtime', 'stub', '-O3', '--converge', '--noAssert',
    '--importMemory', '--sharedMemory', '--initialMemory', pages, '--maximumMemory', pages,
    '--memoryBase', String(RUNTIME_STATIC), '--enable', 'threads,simd',
  ]);
  if (error) throw new Error(`${stderr.toString()}\n${error.message}`);
  checkStaticData(new WebAssembly.Module(readFileSync(join(root, fresh))), RUNTIME_STATIC_END);
  renameSync(join(root, fresh), join(root, output));
}

/** The static data must end below RUNTIME_STATIC_END: its end is the exported global `__heap_base`. */
function checkStaticData(module, limit) {
  const memory = new WebAssembly.Memory({ initial: 65535, maximum: 65535, shared: true });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const end = instance.exports.staticEnd();
  if (end > limit) throw new RangeError(`static data of the run-time library ends at ${end}, limit ${limit}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAssembly({ force: process.argv.includes('--force') });
