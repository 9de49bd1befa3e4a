import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { replaceFile } from '@troupe/abi/replace-file.js';
import { withUsualFlags } from '@troupe/abi/start-flags.js';
import { HINTS, withFlags, type FlagChange } from './compile-optimised.js';

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
const PIECE_BYTES = 65_536;
const MAX_ATTEMPTS = 20;

interface Intrinsics {
  serialize(module: WebAssembly.Module): ArrayBuffer;
  deserialize(code: ArrayBuffer, wasm: Uint8Array): WebAssembly.Module | undefined;
}

const NATIVES: FlagChange = { set: '--allow-natives-syntax', reset: '--no-allow-natives-syntax' };

/** V8 has them for its own tests; they are no part of JavaScript. */
function makeIntrinsics(): Intrinsics {
  return {
    serialize: new Function('module', 'return %SerializeWasmModule(module)') as Intrinsics['serialize'],
    deserialize: new Function('code', 'wasm', 'return %DeserializeWasmModule(code, wasm)') as Intrinsics['deserialize'],
  };
}

/**
 * Functions are compiled when they are called, and again when V8 has flushed them: their syntax must be allowed then,
 * too. Flags are those of the process: another thread that does the same may take them away meanwhile.
 */
function withIntrinsics<T>(work: (intrinsics: Intrinsics) => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return withUsualFlags(() => withFlags([NATIVES, ...HINTS], () => work(makeIntrinsics())));
    } catch (error) {
      if (!(error instanceof SyntaxError) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** Without V8's trap handler code must test its accesses; what was kept relies on the handler. */
function hasTrapHandler(): boolean {
  return ![...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) => option.includes('trap-handler'));
}

/** The file with the machine code of a module, for this V8. */
export function compiledPath(wasm: URL): URL {
  return new URL(`${wasm.href}.${process.versions.v8}-${process.arch}.compiled`);
}

/** Machine code of a module whose functions are all compiled. */
export function machineCodeOf(module: WebAssembly.Module): Uint8Array<ArrayBuffer> {
  return new Uint8Array(withIntrinsics(({ serialize }) => serialize(module)));
}

/** The module with machine code that was kept; undefined when V8 does not want it. Damage is not seen: it is for the caller to know that code and module are what was kept. */
export function moduleWithCode(wasm: Uint8Array, code: ArrayBuffer): WebAssembly.Module | undefined {
  return withIntrinsics(({ deserialize }) => deserialize(code, wasm));
}

/** Whether this V8 keeps machine code: the build has tried with this module. */
export function keepsMachineCode(wasm: URL): boolean {
  return hasTrapHandler() && existsSync(compiledPath(wasm));
}

/** Keeps the machine code of a module that was compiled from the file. */
export function writeCompiled(wasm: URL, module: WebAssembly.Module): void {
  const bytes = readFileSync(wasm);
  const code = Buffer.from(machineCodeOf(module));
  const header = Buffer.alloc(HEADER_BYTES);
  [MAGIC, bytes.length, code.length].forEach((word, i) => header.writeUInt32LE(word, i * 4));
  replaceFile(fileURLToPath(compiledPath(wasm)), Buffer.concat([header, bytes, code, code]));
}

/** What is next in the file, in memory of its own. */
function readNext(fd: number, byteCount: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteCount);
  if (readSync(fd, bytes) !== byteCount) throw new Error('cut off');
  return bytes;
}

/** Whether these bytes are next in the file; in small pieces, as fresh memory costs more than reading. */
function isNext(fd: number, bytes: Uint8Array): boolean {
  const piece = Buffer.allocUnsafe(Math.min(bytes.length, PIECE_BYTES));
  for (let at = 0; at < bytes.length; at += piece.length) {
    const expected = bytes.subarray(at, at + piece.length);
    if (readSync(fd, piece, 0, expected.length, null) !== expected.length || piece.compare(expected, 0, expected.length, 0, expected.length) !== 0) return false;
  }
  return true;
}

/** The code of the module that the file is for; undefined when it is damaged or not all there. */
function readCode(fd: number, wasm: Uint8Array): ArrayBuffer | undefined {
  const header = Buffer.from(readNext(fd, HEADER_BYTES).buffer);
  const [magic, wasmBytes, codeBytes] = [0, 4, 8].map((at) => header.readUInt32LE(at)) as [number, number, number];
  const isWhole = magic === MAGIC && wasmBytes === wasm.length && fstatSync(fd).size === HEADER_BYTES + wasmBytes + 2 * codeBytes;
  if (!isWhole || !isNext(fd, wasm)) return undefined;
  const code = readNext(fd, codeBytes);
  return isNext(fd, code) ? code.buffer : undefined;
}

/** The module with the machine code that was kept; undefined when there is none, or V8 does not want it: for good, or because another thread has set flags meanwhile. */
export function readCompiled(wasm: URL): WebAssembly.Module | undefined {
  if (!hasTrapHandler()) return undefined;
  let fd = -1;
  try {
    fd = openSync(compiledPath(wasm), 'r');
    const bytes = readFileSync(wasm);
    const code = readCode(fd, bytes);
    return code && moduleWithCode(bytes, code);
  } catch {
    return undefined;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** A module of the build, with its machine code where that was kept. */
export function loadModule(wasm: URL): WebAssembly.Module {
  return readCompiled(wasm) ?? new WebAssembly.Module(readFileSync(wasm));
}
