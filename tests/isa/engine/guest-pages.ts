/**
 * The guest address space of a case in the shared memory: frames and flat tables, filled as the
 * kernel would fill them (packages/abi/src/layout/memory-map.ts), without a kernel.
 */
import { ADDEND_BIAS, FLAT_TABLE_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import { CODE_ADDR, CODE_PAGES, DATA_ADDR, DATA_BYTES, RO_ADDR } from '../../support/oracle/layout.js';

/** PROT_READ | PROT_WRITE. */
const HIGH_PERMS = 3;

/** Entry of a tableExec: the frame is executable and not decoded yet. */
const EXECUTABLE = 1;

export class GuestPages {
  readonly tableRead: number;
  readonly tableWrite: number;
  readonly tableExec: number;
  readonly dataFrames: readonly number[];
  readonly codeFrames: readonly number[];
  readonly roFrame: number;
  /** The data pages as one contiguous run of linear memory. */
  readonly data: Uint8Array;
  readonly code: Uint8Array;
  readonly ro: Uint8Array;
  readonly #words: Uint32Array;

  constructor(frames: FramePool) {
    const { buffer } = frames.shared;
    this.#words = new Uint32Array(buffer);
    const run = (bytes: number): number => frames.allocChunk(bytes);
    this.tableRead = run(FLAT_TABLE_BYTES);
    this.tableWrite = run(FLAT_TABLE_BYTES);
    this.tableExec = run(FLAT_TABLE_BYTES);
    const data = run(DATA_BYTES);
    const code = run(CODE_PAGES * PAGE_SIZE);
    this.roFrame = run(PAGE_SIZE);
    this.dataFrames = pagesFrom(data, DATA_BYTES / PAGE_SIZE);
    this.codeFrames = pagesFrom(code, CODE_PAGES);
    this.data = new Uint8Array(buffer, data, DATA_BYTES);
    this.code = new Uint8Array(buffer, code, CODE_PAGES * PAGE_SIZE);
    this.ro = new Uint8Array(buffer, this.roFrame, PAGE_SIZE);
    this.dataFrames.forEach((frame, i) => this.#map(DATA_ADDR + i * PAGE_SIZE, frame, true));
    this.codeFrames.forEach((frame, i) => this.#map(CODE_ADDR + i * PAGE_SIZE, frame, false));
    this.#map(RO_ADDR, this.roFrame, false);
    this.resetExec();
  }

  /** Forgets the decoded code: every code page is executable and not decoded. */
  resetExec(): void {
    this.codeFrames.forEach((frame, i) => this.#setEntry(this.tableExec, CODE_ADDR + i * PAGE_SIZE, frame | EXECUTABLE));
  }

  /** Position in `code` of a guest address. */
  codeOffset(addr: number): number {
    return addr - CODE_ADDR;
  }

  /** Answers a fault above 4 GiB as the kernel does: page, frame and permissions in the TCB. */
  fillHigh(memory: DataView, tcb: number, page: number, frame: number): boolean {
    memory.setBigUint64(tcb + TCB.off.fillPage, BigInt(page), true);
    memory.setUint32(tcb + TCB.off.fillFrame, frame, true);
    memory.setUint32(tcb + TCB.off.fillPerms, HIGH_PERMS, true);
    return true;
  }

  #map(page: number, frame: number, writable: boolean): void {
    const entry = frame - page - ADDEND_BIAS;
    this.#setEntry(this.tableRead, page, entry);
    if (writable) this.#setEntry(this.tableWrite, page, entry);
  }

  #setEntry(table: number, page: number, entry: number): void {
    this.#words[(table >>> 2) + page / PAGE_SIZE] = entry >>> 0;
  }
}

function pagesFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i * PAGE_SIZE);
}
