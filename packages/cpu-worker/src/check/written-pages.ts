import { ADDEND_BIAS, FLAT_TABLE_BYTES, LOW_PAGES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';

/** Pages that may be written at a time: each is copied for each run that is checked. */
const MAX_PAGES = 16;

/** A page that may be written, what stood in it, and what the run made of that. */
interface WrittenPage {
  readonly number: number;
  readonly frame: number;
  readonly before: Buffer;
  readonly after: Buffer;
}

/**
 * The pages that checked code may write: a write table of their own, in which nothing else is. What is written can
 * be undone, and compared with what is written when the same code runs again. The oldest page goes
 * when there are too many.
 */
export class WrittenPages {
  /** Linear address of the write table. */
  readonly table: number;
  /** Copies of typed arrays are slow when their memory is shared. */
  readonly #memory: Buffer;
  #tableWrite = 0;
  readonly #pages = new Map<number, WrittenPage>();
  /** Pages that the run changed. */
  readonly #changed: WrittenPage[] = [];
  /** Pages added since the run. */
  readonly #fresh: number[] = [];

  constructor(readonly shared: SharedMemory, frames: FramePool) {
    this.#memory = Buffer.from(shared.buffer);
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
    for (const page of this.#pages.values()) this.#copy(page);
  }

  #drop(number: number): void {
    this.#pages.delete(number);
    this.shared.u32[(this.table >>> 2) + number] = 0;
  }

  /** The oldest one that the run has not changed. */
  #dropOne(): boolean {
    const page = [...this.#pages.values()].find((known) => !this.#changed.includes(known));
    if (page) this.#drop(page.number);
    return page !== undefined;
  }

  #copy({ frame, before }: WrittenPage): void {
    this.#memory.copy(before, 0, frame, frame + PAGE_SIZE);
  }

  #is({ frame }: WrittenPage, bytes: Buffer): boolean {
    return this.#memory.compare(bytes, 0, PAGE_SIZE, frame, frame + PAGE_SIZE) === 0;
  }

  /** Lets the page of an address be written; false: it may not, or may be already. */
  add(address: bigint): boolean {
    const number = Number(address >> 12n);
    const { u32 } = this.shared;
    if (number < 0 || number >= LOW_PAGES || this.#pages.has(number)) return false;
    const entry = u32[(this.#tableWrite >>> 2) + number]!;
    if (entry === 0) return false;
    if (this.#pages.size === MAX_PAGES && !this.#dropOne()) return false;
    const frame = (entry + number * PAGE_SIZE + ADDEND_BIAS) >>> 0;
    const page = { number, frame, before: Buffer.alloc(PAGE_SIZE), after: Buffer.alloc(PAGE_SIZE) };
    this.#copy(page);
    this.#pages.set(number, page);
    this.#fresh.push(number);
    u32[(this.table >>> 2) + number] = entry;
    return true;
  }

  /** After the run: keeps what was written and undoes it. */
  undo(): void {
    this.#changed.length = this.#fresh.length = 0;
    for (const page of this.#pages.values()) {
      if (this.#is(page, page.before)) continue;
      this.#memory.copy(page.after, 0, page.frame, page.frame + PAGE_SIZE);
      this.#changed.push(page);
      page.before.copy(this.#memory, page.frame);
    }
  }

  /** Undoes what was interpreted, so that all is as before the run. */
  undoAgain(): void {
    for (const { before, frame } of this.#pages.values()) before.copy(this.#memory, frame);
    for (const number of this.#fresh.splice(0)) this.#drop(number);
  }

  get isAsAfterRun(): boolean {
    for (const page of this.#pages.values()) if (!this.#is(page, this.#wanted(page))) return false;
    return true;
  }

  #wanted(page: WrittenPage): Buffer {
    return this.#changed.includes(page) ? page.after : page.before;
  }

  /** Bytes in which memory is not what it was after the run: address, byte of the run, byte now. */
  *differences(): Generator<readonly [number, number, number]> {
    for (const page of this.#pages.values()) {
      const wanted = this.#wanted(page);
      for (let i = 0; i < PAGE_SIZE; i++) if (this.#memory[page.frame + i] !== wanted[i]) yield [page.number * PAGE_SIZE + i, wanted[i]!, this.#memory[page.frame + i]!];
    }
  }
}
