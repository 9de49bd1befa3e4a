/** The decoder's wasm module (assembly/decoder) and its exports. Addresses are those of its memory. */
import { loadModule } from '../interp/compiled-module.js';

export interface WasmDecoder {
  /** Decodes the bytes from `start`, reading below `end`: a DecodeResult. */
  decode(start: number, end: number): number;
  /** Writes the instruction decoded last as an INSTRUCTION record (instruction.ts). */
  storeInstruction(address: number): void;
  /** Decodes the instruction at an offset of a code page: a DecodeResult, or RunStatus.NEEDS_NEXT. */
  decodeOne(page: number, offset: number, next: number, staging: number): number;
  /** Decodes one instruction into the staging memory, with exact flags: a RunStatus. */
  stageOne(page: number, offset: number, next: number, staging: number): number;
  /** Of the instruction decoded last: opcode | prefix (F2, F3) << 8 | address32 << 16 when it is a repeated string instruction, else 0. */
  repeatedString(): number;
  /** Decodes a run into a locked code page: the number of new ops or a RunStatus. */
  decodeRun(page: number, offset: number, next: number, staging: number): number;
  /** Goes on after RunStatus.NEEDS_ROOM. */
  placeRun(): number;
  /** Computes flags that are overwritten unread, too. */
  setPrecise(isPrecise: number): void;
  /** Bytes that a core needs for runs under construction. */
  stagingBytes(): number;
}

/** The code page of the next page is not known yet; 0 = it cannot be executed. */
export const UNKNOWN_PAGE = -1;

let compiled: WebAssembly.Module | undefined;

/** The module, once per thread. */
export function loadDecoder(): WebAssembly.Module {
  return (compiled ??= loadModule(new URL('../decoder.wasm', import.meta.url)));
}

/** `undefinedAt`: called with the range of bytes that begin no known instruction. */
export function createWasmDecoder(memory: WebAssembly.Memory, undefinedAt: (start: number, end: number) => void): WasmDecoder {
  return new WebAssembly.Instance(loadDecoder(), { env: { memory, undefinedAt } }).exports as unknown as WasmDecoder;
}
