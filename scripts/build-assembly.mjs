/**
 * Builds the AssemblyScript modules of packages/cpu-worker:
 *   assembly          -> dist/runtime.wasm   run-time library
 *   assembly/decoder  -> dist/decoder.wasm   decoder
 * Layouts and tables come from the TypeScript packages, so that there is one definition of each.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';
import { decoderSource } from './decoder-source.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packageDir = 'packages/cpu-worker';
const generatedDir = join(root, packageDir, 'dist/assembly');

async function abi(module) {
  return import(pathToFileURL(join(root, 'packages/abi/dist', module)).href);
}

/** Writes a file, unless it has these contents, so that a concurrent reader sees the old or the new ones. */
function writeGenerated(name, contents) {
  mkdirSync(generatedDir, { recursive: true });
  const path = join(generatedDir, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === contents) return path;
  writeFileSync(`${path}.${process.pid}.tmp`, contents);
  renameSync(`${path}.${process.pid}.tmp`, path);
  return path;
}

/** Byte offsets of the TCB fields the run-time library uses. */
async function layoutSource() {
  const { TCB } = await abi('layout/tcb.js');
  const fields = ['ccRes', 'ccAux', 'mxcsr', 'fcw', 'fsw', 'ftw', 'fop', 'fip', 'fdp', 'st', 'xmm'];
  return `${fields.map((field) => `export const TCB_${field.toUpperCase()}: usize = ${TCB.off[field]};`).join('\n')}\n`;
}

function isCurrent(output, sources) {
  const built = statSync(join(root, output), { throwIfNoEntry: false });
  return built !== undefined && sources.every((file) => statSync(file).mtimeMs < built.mtimeMs);
}

/** Static data of a module lies in [start, end) of the shared memory, of which it needs `pages`. */
async function compile({ folder, output, generated, pages, start, end, force }) {
  const dir = join(root, packageDir, folder);
  const sources = readdirSync(dir).filter((name) => name.endsWith('.ts')).map((name) => join(dir, name));
  if (!force && isCurrent(output, [...sources, generated, fileURLToPath(import.meta.url)])) return;
  const { MAX_MEMORY_BYTES } = await abi('layout/memory-map.js');
  const fresh = `${output}.${process.pid}.tmp`;
  // v128 parameters are passed between wasm modules only (AS112 warns of other callers).
  const { error, stderr } = await asc.main([
    `${packageDir}/${folder}/index.ts`, '--outFile', fresh, '--baseDir', root, '--disableWarning', 'AS112', '--runtime', 'stub', '-O3', '--converge', '--noAssert',
    '--importMemory', '--sharedMemory', '--initialMemory', String(pages), '--maximumMemory', String(MAX_MEMORY_BYTES / 65536),
    '--memoryBase', String(start), '--enable', 'threads,simd',
  ]);
  if (error) throw new Error(`${stderr.toString()}\n${error.message}`);
  checkStaticData(new WebAssembly.Module(readFileSync(join(root, fresh))), output, end);
  renameSync(join(root, fresh), join(root, output));
}

/** The static data must end in its place: its end is the exported global `__heap_base`. */
function checkStaticData(module, output, limit) {
  const memory = new WebAssembly.Memory({ initial: 65535, maximum: 65535, shared: true });
  const stub = () => undefined;
  const end = new WebAssembly.Instance(module, { env: { memory, abort: stub, undefinedAt: stub } }).exports.staticEnd();
  if (end > limit) throw new RangeError(`static data of ${output} ends at ${end}, limit ${limit}`);
}

/** Compiles the modules that are older than their sources. */
export async function buildAssembly({ force = false } = {}) {
  const { DECODER_STATIC, MAX_MEMORY_BYTES, RUNTIME_STATIC, VECTOR_TABLES } = await abi('layout/memory-map.js');
  await compile({
    folder: 'assembly', output: `${packageDir}/dist/runtime.wasm`, generated: writeGenerated('tcb-layout.ts', await layoutSource()),
    pages: MAX_MEMORY_BYTES / 65536, start: RUNTIME_STATIC, end: DECODER_STATIC, force,
  });
  await compile({
    folder: 'assembly/decoder', output: `${packageDir}/dist/decoder.wasm`, generated: writeGenerated('decode-tables.ts', await decoderSource(root)),
    pages: VECTOR_TABLES / 65536, start: DECODER_STATIC, end: VECTOR_TABLES, force,
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAssembly({ force: process.argv.includes('--force') });
