// What the translator makes of small functions: their instructions, the IR of each and the wasm of all, as --trace-insn prints
// it. Each file has comment lines, the function's bytes, and the expected text. UPDATE_GOLDEN=1 writes what comes out now.
import { createMemory, FramePool, viewMemory } from '@troupe/abi';
import { ADDEND_BIAS, FLAT_TABLE_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { RunDecoder } from '@troupe/cpu-worker/decode/run-decoder.js';
import { Decoder } from '@troupe/cpu-worker/decode/decoder.js';
import { CODE_PAGE } from '@troupe/cpu-worker/interp/op-record.js';
import { RegionCompiler } from '@troupe/cpu-worker/jit/region-compiler.js';
import { InsnTracer } from '@troupe/cpu-worker/trace/insn-tracer.js';
import { TRACE_PARTS, type TracePart } from '@troupe/cpu-worker/trace/trace-request.js';
import { expect } from 'chai';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/paths.js';

const FOLDER = join(ROOT, 'tests/golden');
const RIP = 0x40_0000;
const MEMORY_BYTES = 64 * 1024 * 1024;

/** A machine with one page, which code is put into. */
class TranslatorMachine {
  readonly #shared = viewMemory(createMemory());
  readonly #frames = FramePool.initialise(this.#shared, MEMORY_BYTES);
  readonly #decoder = new RunDecoder(this.#shared, this.#frames, 0, false);
  readonly #tableExec: number;

  constructor() {
    const tables = this.#frames.allocChunk(3 * FLAT_TABLE_BYTES, true);
    this.#tableExec = tables + 2 * FLAT_TABLE_BYTES;
  }

  /** Text of the region that starts with the code. */
  translate(code: Uint8Array, parts: readonly TracePart[] = TRACE_PARTS): string {
    const { u8, u32 } = this.#shared;
    const frame = this.#frames.alloc();
    u8.set(code, frame);
    const page = RIP / PAGE_SIZE;
    u32[((this.#tableExec - 2 * FLAT_TABLE_BYTES) >>> 2) + page] = frame - RIP - ADDEND_BIAS;
    const codePage = this.#decoder.cache.pageOf(frame);
    u32[(this.#tableExec >>> 2) + page] = codePage;
    this.#decode(code, codePage);
    let text = '';
    const tracer = new InsnTracer({ parts: new Set(parts), address: RIP }, (region) => (text += region));
    new RegionCompiler(this.#shared, tracer).translate({ rip: RIP, tableExec: this.#tableExec });
    return text;
  }

  /** As if all of it had run. */
  #decode(code: Uint8Array, codePage: number): void {
    const decoder = new Decoder();
    for (let at = 0; at < code.length; at += decoder.insn.lenBytes) {
      decoder.decode(code, at, code.length);
      if (this.#shared.u32[((codePage + CODE_PAGE.index) >>> 2) + at] === 0) this.#decoder.decodeIn(codePage, at, () => 0);
    }
  }
}

describe('translated code', () => {
  const machine = new TranslatorMachine();

  it('is shown as far as asked for', () => {
    const code = Buffer.from('31c0c3', 'hex');
    expect(machine.translate(code, ['guest'])).to.equal('region at 0x400000 (full)\n0x400000  xor eax, eax\n0x400002  ret\n');
    expect(machine.translate(code, ['wasm'])).to.match(/^region at 0x400000 \(full\)\nwasm\n {2}local\.get/);
    expect(machine.translate(code, ['ir'])).to.match(/^region at 0x400000 \(full\)\n {2}between\n {4}count := /);
  });

  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))) {
    it(`of ${file.slice(0, -4)} is as before`, () => {
      const [head, expected] = readFileSync(join(FOLDER, file), 'utf8').split('\n\n', 2) as [string, string | undefined];
      const lines = head.trimEnd().split('\n');
      const text = machine.translate(Buffer.from(lines.filter((line) => !line.startsWith('#')).join('').replaceAll(' ', ''), 'hex'));
      expect(text).to.match(/^region at 0x400000 \(full\)\n/);
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(FOLDER, file), `${lines.join('\n')}\n\n${text}`);
      else expect(text).to.equal(expected);
    });
  }
});
