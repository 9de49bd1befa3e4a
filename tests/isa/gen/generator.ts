/**
 * Fills batches with cases of one row. Deterministic: case `index` depends on (seed, row name, index)
 * only, so that a single case can be replayed.
 */
import { Batch } from '../../support/oracle/batch.js';
import { CODE_ADDR, CODE_PAGES, DATA_BYTES, MAX_BATCH_CASES, RO_BYTES } from '../../support/oracle/layout.js';
import { CaseWriter } from './case-writer.js';
import { Encoding, encode } from './encoding.js';
import { Random } from './random.js';
import { shapeAfter, shapeBefore } from './shapes.js';
import { putChain, putSuffix } from './suffix.js';
import { valueKind, writeState } from './state.js';
import type { Template } from './template.js';
import { putValues } from './values.js';

const SLOT_BYTES = 64;
const SLOTS_PER_PAGE = 4096 / SLOT_BYTES;
/** Slot 0 of a page takes the second half of a page-crossing instruction; the last page only that. */
const USABLE_SLOTS = (CODE_PAGES - 1) * (SLOTS_PER_PAGE - 1);

export const BATCH_CASES = USABLE_SLOTS;

function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Cases that run above 4 GiB. */
const HIGH_CODE_PERCENT = 3;

const DATA_STREAM = 0x64617461;

/** Special and random values, with runs of equal bytes for string compares. */
export function dataPages(random: Random): Uint8Array {
  const bytes = new Uint8Array(DATA_BYTES + RO_BYTES);
  putValues(new DataView(bytes.buffer), 0, bytes.length, 'int', random);
  for (let at = 256; at < DATA_BYTES; at += 1024) bytes.fill(random.pick([0, 0x11, 0xff]), at, at + 300);
  return bytes;
}

/** Code of cases that have the same. */
interface SharedCode {
  readonly bytes: Uint8Array;
  readonly instructionBytes: number;
  readonly codeAddr: number;
  readonly isHigh: boolean;
  /** Where a memory operand is that no register says. */
  readonly target: bigint;
}

export class Generator {
  readonly #random: Random;
  readonly #e = new Encoding();
  #data: Uint8Array | undefined;
  #shared: ({ readonly name: string } & SharedCode) | undefined;

  constructor(
    readonly seed: number,
    /** Cases in a row that have the same code. */
    readonly inputs = 1,
  ) {
    this.#random = new Random(seed);
  }

  /** Cases of a batch. */
  get batchCases(): number {
    return this.inputs === 1 ? BATCH_CASES : MAX_BATCH_CASES;
  }

  /** Cases `from` … `from + count - 1` of a row; `count` at most batchCases. */
  batch(t: Template, from: number, count: number): Batch {
    const batch = this.#emptyBatch(count);
    for (let i = 0; i < count; i++) this.#add(batch, t, from + i);
    return batch;
  }

  /** The data pages depend on the seed only. */
  #emptyBatch(capacity: number): Batch {
    const batch = new Batch(capacity);
    if (!this.#data) {
      this.#random.seed(this.seed, DATA_STREAM);
      this.#data = dataPages(this.#random);
    }
    batch.data.set(this.#data.subarray(0, DATA_BYTES));
    batch.ro.set(this.#data.subarray(DATA_BYTES));
    return batch;
  }

  #add(batch: Batch, t: Template, index: number): void {
    if (this.inputs === 1) this.#addCase(new CaseWriter(batch, this.#random, this.#e), t, index, index);
    else this.#addInput(batch, t, index);
  }

  /** A case with the code of its group, that of the group's first case. */
  #addInput(batch: Batch, t: Template, index: number): void {
    const group = Math.floor(index / this.inputs);
    const name = `${t.name} ${group}`;
    if (this.#shared?.name !== name) this.#shared = { name, ...this.#codeOf(t, group) };
    const code = this.#shared;
    const w = new CaseWriter(batch, this.#random, this.#e);
    this.#seed(t, index);
    w.begin();
    w.instructionBytes = code.instructionBytes;
    w.place(code.codeAddr, code.isHigh);
    w.target = this.#e.isAbsolute ? code.target : 0n;
    this.#writeState(w, t);
    this.#e.bytes.set(code.bytes);
    w.finish();
  }

  /** Segment bases change from case to case, an address in the code does not: no code with both. */
  #codeOf(t: Template, group: number): SharedCode {
    for (let attempt = 0; ; attempt++) {
      const w = new CaseWriter(new Batch(1), this.#random, this.#e);
      this.#addCase(w, t, group * this.inputs + attempt, group);
      if (this.#e.isAbsolute && this.#e.segment !== 0) continue;
      this.#e.isFixed = true;
      return { bytes: this.#e.bytes.slice(), instructionBytes: w.instructionBytes, codeAddr: w.codeAddr - w.highOffset, isHigh: w.highOffset !== 0, target: w.target };
    }
  }

  #seed(t: Template, index: number): void {
    this.#random.seed(this.seed ^ nameHash(t.name), index);
  }

  #addCase(w: CaseWriter, t: Template, index: number, position: number): void {
    this.#seed(t, index);
    w.begin();
    w.instructionBytes = this.#encode(t);
    w.place(this.#codeAddress(position % USABLE_SLOTS), this.#random.percent(HIGH_CODE_PERCENT));
    this.#writeState(w, t);
    w.finish();
  }

  /** Returns the length of the instruction under test. */
  #encode(t: Template): number {
    const [e, random] = [this.#e, this.#random];
    encode(e, t, random);
    const { size } = e;
    if (t.readBack) putSuffix(e, t.readBack, random);
    if (t.chain) putChain(e, t.chain, random);
    return size;
  }

  #writeState(w: CaseWriter, t: Template): void {
    const kind = valueKind(t, w);
    writeState(w, t, kind);
    shapeBefore(w, t);
    if (this.#e.isMemory) w.placeMemory(t);
    else if (t.moffs) w.placeMoffs(t);
    if (t.relBytes) w.placeRel();
    shapeAfter(w, t, kind);
  }

  /** Each position has a code slot of its own; in the last slot of a page the code lies across the page end. */
  #codeAddress(position: number): number {
    const page = Math.floor(position / (SLOTS_PER_PAGE - 1));
    const slot = 1 + (position % (SLOTS_PER_PAGE - 1));
    const start = CODE_ADDR + page * 4096 + slot * SLOT_BYTES;
    if (slot === SLOTS_PER_PAGE - 1) return start + SLOT_BYTES - this.#random.below(this.#e.size + 2);
    return start + 16 + this.#random.below(16);
  }
}
