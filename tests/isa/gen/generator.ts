/**
 * Fills batches with cases of one row. Deterministic: case `index` depends on (seed, row name, index)
 * only, so that a single case can be replayed.
 */
import { Batch } from '../../support/oracle/batch.js';
import { CODE_ADDR, CODE_PAGES, DATA_BYTES, RO_BYTES } from '../../support/oracle/layout.js';
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

export class Generator {
  readonly #random: Random;
  readonly #e = new Encoding();
  #data: Uint8Array | undefined;

  constructor(readonly seed: number) {
    this.#random = new Random(seed);
  }

  /** Cases `from` … `from + count - 1` of a row; `count` at most BATCH_CASES. */
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
    const random = this.#random;
    random.seed(this.seed ^ nameHash(t.name), index);
    const w = new CaseWriter(batch, random, this.#e);
    w.begin();
    encode(this.#e, t, random);
    const firstSize = this.#e.size;
    if (t.readBack) putSuffix(this.#e, t.readBack, random);
    if (t.chain) putChain(this.#e, t.chain, random);
    w.instructionBytes = firstSize;
    w.place(this.#codeAddress(index % USABLE_SLOTS), random.percent(HIGH_CODE_PERCENT));
    const kind = valueKind(t, w);
    writeState(w, t, kind);
    shapeBefore(w, t);
    if (this.#e.isMemory) w.placeMemory(t);
    else if (t.moffs) w.placeMoffs(t);
    if (t.relBytes) w.placeRel();
    shapeAfter(w, t, kind);
    w.finish();
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
