/**
 * Contents of fxsave, fnsave and fnstenv images. They hold words that differ between processors
 * (FIP, FDP, FOP, the MXCSR mask), so instructions behind the save load what must agree.
 */
import { expect } from 'chai';
import { Batch } from '../support/oracle/batch.js';
import { HostOracle, oracleUnavailable } from '../support/oracle/host.js';
import { CaseOut, CODE_ADDR, DATA_ADDR, DATA_BYTES, MAX_CODE_BYTES } from '../support/oracle/layout.js';
import { type CompareRule, compareCase } from './compare.js';
import { runBatch } from './engine/emulator.js';
import { InterpEmulator } from './engine/interp-emulator.js';
import { CaseWriter } from './gen/case-writer.js';
import { Encoding } from './gen/encoding.js';
import { dataPages } from './gen/generator.js';
import { Random } from './gen/random.js';
import { writeState } from './gen/state.js';
import type { Template } from './gen/template.js';
import { Outcome } from './outcome.js';
import { testableRows } from './rows.js';

const CASES = 400;
const SLOT_BYTES = 64;
const RDI = 7;
const RULE: CompareRule = { flagMask: -1, toleranceUlp: 0, memoryExtentOnly: true, faultInImage: false, vendorDifferences: [] };

interface Image {
  readonly mnemonic: string;
  /** The save to [rdi]. */
  readonly save: string;
  /** Offsets of 32-bit words to load into eax, ecx and edx. */
  readonly words: readonly [number, number, number];
  /** Offset, distance and number of the register fields; 16 bytes are loaded of two of them. */
  readonly registers: readonly [first: number, stepBytes: number, count: number];
}

const IMAGES: readonly Image[] = [
  { mnemonic: 'fxsave64', save: '480fae07', words: [0, 2, 24], registers: [32, 16, 24] },
  { mnemonic: 'fxsave', save: '0fae07', words: [0, 2, 24], registers: [32, 16, 24] },
  { mnemonic: 'fnsave', save: 'dd37', words: [0, 4, 8], registers: [28, 10, 7] },
  { mnemonic: 'fnstenv', save: 'd937', words: [0, 4, 8], registers: [0, 4, 1] },
];

/** mov eax / ecx / edx, [rdi + disp8] ; movdqu xmm0 / xmm1, [rdi + disp32] */
function code(image: Image, random: Random): Buffer {
  const parts = [Buffer.from(image.save, 'hex')];
  image.words.forEach((offset, i) => parts.push(Buffer.from([0x8b, 0x47 | (i << 3), offset])));
  const [first, step, count] = image.registers;
  if (count > 1) {
    for (const reg of [0, 1]) {
      const load = Buffer.from([0xf3, 0x0f, 0x6f, 0x87 | (reg << 3), 0, 0, 0, 0]);
      load.writeInt32LE(first + step * random.below(count), 4);
      parts.push(load);
    }
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length > MAX_CODE_BYTES) throw new RangeError(`${image.mnemonic}: ${bytes.length} bytes`);
  return bytes;
}

function makeBatch(image: Image, row: Template, random: Random): Batch {
  const batch = new Batch(CASES);
  batch.data.set(dataPages(random).subarray(0, DATA_BYTES));
  for (let i = 0; i < CASES; i++) {
    const e = new Encoding();
    const w = new CaseWriter(batch, random, e);
    w.begin();
    w.place(CODE_ADDR + SLOT_BYTES * i, false);
    for (const byte of code(image, random)) e.put(byte);
    writeState(w, row, random.pick(['f64', 'int'] as const));
    w.setGpr(RDI, BigInt(DATA_ADDR + 16 * random.below(400)));
    w.finish();
  }
  return batch;
}

const unavailable = oracleUnavailable();

describe(`x87 and SSE state images${unavailable ? ` (skipped: ${unavailable})` : ''}`, function () {
  this.timeout(20_000);
  let oracle: HostOracle;
  let emulator: InterpEmulator;

  before(async function () {
    if (unavailable) return this.skip();
    oracle = new HostOracle();
    emulator = await InterpEmulator.create();
  });

  after(() => oracle?.close());

  for (const image of IMAGES) {
    it(image.mnemonic, async () => {
      const row = testableRows().single.find((t) => t.row.mnemonic === image.mnemonic)!;
      const batch = makeBatch(image, row, new Random(0x1f));
      const reply = await oracle.run(batch);
      const emulated = new DataView(runBatch(emulator, batch, CaseOut.sizeBytes).buffer);
      const host = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
      const differences: string[] = [];
      for (let i = 0; i < CASES; i++) differences.push(...compareCase(RULE, new Outcome(batch, i, host, emulated)).map(({ text }) => `case ${i}: ${text}`));
      expect(differences).to.deep.equal([]);
    });
  }
});
