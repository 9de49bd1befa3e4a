import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { withFlags } from './compile-optimised.js';

/**
 * Machine code of a wasm module, kept beside it since the build (docs/adr/0032-machine-code-beside-modules.md).
 *
 * V8 can take machine code of its own version, flags and processor back, and looks whether it is that; it does
 * not see damage, nor code of another module. So the file holds the module, which must be the one that is
 * wanted, and the code twice, which must be the same. What is missing or refused is compiled as ever.
 *
 *   0 u32 magic   4 u32 bytes of the module   8 u32 bytes of the code   12 module, code, code
 */
const MAGIC = 0x314d4354;
const HEADER_BYTES = 12;

interface Intrinsics {
  serialize(module: WebAssembly.Module): ArrayBuffer;
  deserialize(code: ArrayBuffer, wasm: Uint8Array): WebAssembly.Module | undefined;
}

/** V8 has them for its own tests; they are no part of JavaScript. */
function intrinsics(): Intrinsics {
  return withFlags([{ set: '--allow-natives-syntax', reset: '--no-allow-natives-syntax' }], () => ({
    serialize: new Function('module', 'return %SerializeWasmModule(module)') as Intrinsics['serialize'],
    deserialize: new Function('code', 'wasm', 'return %DeserializeWasmModule(code, wasm)') as Intrinsics['deserialize'],
  }));
}

/** Without V8's trap handler code must test its accesses; what was kept relies on the handler. */
function hasTrapHandler(): boolean {
  return ![...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) => option.includes('trap-handler'));
}

/** The file with the machine code of a module, for this V8. */
export function compiledPath(wasm: URL): URL {
  return new URL(`${wasm.href}.${process.versions.v8}-${process.arch}.compiled`);
}

/** Keeps the machine code of a module that was compiled from the file. */
export function writeCompiled(wasm: URL, module: WebAssembly.Module): void {
  const bytes = readFileSync(wasm);
  const code = Buffer.from(intrinsics().serialize(module));
  const header = Buffer.alloc(HEADER_BYTES);
  [MAGIC, bytes.length, code.length].forEach((word, i) => header.writeUInt32LE(word, i * 4));
  const path = compiledPath(wasm);
  const temporary = new URL(`${path.href}.${process.pid}.tmp`);
  writeFileSync(temporary, Buffer.concat([header, bytes, code, code]));
  renameSync(temporary, path);
}

/** The module with the machine code that was kept; undefined when there is none, or V8 does not want it. */
export function readCompiled(wasm: URL): WebAssembly.Module | undefined {
  try {
    if (!hasTrapHandler()) return undefined;
    const file = readFileSync(compiledPath(wasm));
    const [magic, wasmBytes, codeBytes] = [0, 4, 8].map((at) => file.readUInt32LE(at)) as [number, number, number];
    const [codeAt, copyAt] = [HEADER_BYTES + wasmBytes, HEADER_BYTES + wasmBytes + codeBytes];
    if (magic !== MAGIC || file.length !== copyAt + codeBytes) return undefined;
    const code = file.subarray(codeAt, copyAt);
    const bytes = readFileSync(wasm);
    if (!bytes.equals(file.subarray(HEADER_BYTES, codeAt)) || !code.equals(file.subarray(copyAt))) return undefined;
    return intrinsics().deserialize(new Uint8Array(code).buffer, new Uint8Array(bytes));
  } catch {
    return undefined;
  }
}
