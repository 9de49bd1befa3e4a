import { ADDEND_BIAS, FLAT_TABLE_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';

/** Pages that may be written at a time: each is copied for each run that is checked. */
const MAX_PAGES = 24;
const LOW_PAGES = FLAT_TABLE_BYTES / 4;

/** A page that may be written, and what stood in it. */
interface WrittenPage {
  readonly number: number;
  readonly frame: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/**
 * The pages that checked code may write: a write table of their own, in which nothing else is. What is written can
 * be undone, and compared with what is written when the same code runs again. The page written first goes when
 * there are too many.
 */
export class WrittenPages {
  /** Linear address of the write table. */
  readonly table: number;
  #tableWrite = 0;
  readonly #pages = new Map<number, WrittenPage>();

  constructor(readonly shared: SharedMemory, frames: FramePool) {
    this.table = frames.allocChunk(FLAT_TABLE_BYTES, true);
    if (this.table === 0) throw new Error('out of memory for the write table of checked code');
  }

  /** Before a run: pages that may not be written any more go, and all are copied. */
  begin(tcb: number): void {
    const { u32 } = this.shared;
    const tableWrite = u32[(tcb + TCB.off.tableWrite) >>> 2]!;
    for (const { number } of [...this.#pages.values()]) {
      const isSame = tableWrite === this.#tableWrite && u32[(tableWrite >>> 2) + number] === u32[(this.table >>> 2) + number];
      if (!isSame) this.#drop(number);
    }
    this.#tableWrite = tableWrite;
    for (const page of this.#pages.values()) page.before.set(this.#bytes(page));
  }

  #drop(number: number): void {
    this.#pages.delete(number);
    this.shared.u32[(this.table >>> 2) + number] = 0;
  }

  #bytes({ frame }: WrittenPage): Uint8Array {
    return this.shared.u8.subarray(frame, frame + PAGE_SIZE);
  }

  /** Lets the page of an address be written; false: it may not, or may be already. */
  add(address: bigint): boolean {
    const number = Number(address >> 12n);
    const { u32 } = this.shared;
    if (number < 0 || number >= LOW_PAGES || this.#pages.has(number)) return false;
    const entry = u32[(this.#tableWrite >>> 2) + number]!;
    if (entry === 0) return false;
    if (this.#pages.size === MAX_PAGES) this.#drop(this.#pages.keys().next().value!);
    const frame = (entry + number * PAGE_SIZE + ADDEND_BIAS) >>> 0;
    const page = { number, frame, before: new Uint8Array(PAGE_SIZE), after: new Uint8Array(PAGE_SIZE) };
    page.before.set(this.#bytes(page));
    this.#pages.set(number, page);
    u32[(this.table >>> 2) + number] = entry;
    return true;
  }

  /** After the run: keeps what was written and undoes it. */
  undo(): void {
    for (const page of this.#pages.values()) {
      const bytes = this.#bytes(page);
      page.after.set(bytes);
      if (!isSame(bytes, page.before)) bytes.set(page.before);
    }
  }

  /** Undoes the second run. */
  undoAgain(): void {
    for (const page of this.#pages.values()) this.#bytes(page).set(page.before);
  }

  get isAsAfterRun(): boolean {
    for (const page of this.#pages.values()) if (!isSame(this.#bytes(page), page.after)) return false;
    return true;
  }

  /** Bytes in which memory is not what it was after the run: address, byte of the run, byte now. */
  *differences(): Generator<readonly [number, number, number]> {
    for (const page of this.#pages.values()) {
      const bytes = this.#bytes(page);
      for (let i = 0; i < PAGE_SIZE; i++) if (bytes[i] !== page.after[i]) yield [page.number * PAGE_SIZE + i, page.after[i]!, bytes[i]!];
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
