import { VECTOR_TABLES } from '@troupe/abi/layout/memory-map.js';
import { FORMS, type Form } from '../interp/forms.js';
import { DecodeResult, Instruction } from './instruction.js';
import { createWasmDecoder, type WasmDecoder } from './wasm-decoder.js';

/** An instruction with its form at hand. */
export class FormedInstruction extends Instruction {
  form: Form | undefined;
}

const MAX_BYTES = 15;
const PAGE_BYTES = 65536;
/** Below the decoder's tables. */
const BYTES_AT = 0x1000;
const RECORD_AT = 0x1100;

interface Scratch {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly wasm: WasmDecoder;
}

let scratch: Scratch | undefined;

/** A decoder with a memory of its own, one per thread. */
function scratchDecoder(): Scratch {
  if (scratch) return scratch;
  const memory = new WebAssembly.Memory({ initial: VECTOR_TABLES / PAGE_BYTES, maximum: VECTOR_TABLES / PAGE_BYTES, shared: true });
  return (scratch = { u8: new Uint8Array(memory.buffer), i32: new Int32Array(memory.buffer), wasm: createWasmDecoder(memory, () => undefined) });
}

/** Decodes single instructions anywhere: translator, disassembly, tests. Cores decode runs (run-decoder.ts). */
export class Decoder {
  readonly insn = new FormedInstruction();
  readonly #scratch = scratchDecoder();

  /** Decodes one instruction of `bytes` at `start`, reading below `end`: a DecodeResult; the result is in `insn`. */
  decode(bytes: Uint8Array, start: number, end: number): number {
    const { u8, i32, wasm } = this.#scratch;
    const length = Math.min(end - start, MAX_BYTES);
    for (let i = 0; i < length; i++) u8[BYTES_AT + i] = bytes[start + i]!;
    const result = wasm.decode(BYTES_AT, BYTES_AT + length);
    wasm.storeInstruction(RECORD_AT);
    this.insn.read(i32, RECORD_AT);
    this.insn.form = result === DecodeResult.OK ? FORMS[this.insn.formNumber] : undefined;
    return result;
  }
}
