/**
 * The guest address space of a case in the shared memory: frames and flat tables, filled as the
 * kernel would fill them (packages/abi/src/layout/memory-map.ts), without a kernel.
 */
import { ADDEND_BIAS, FLAT_TABLE_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { PfCode, TCB } from '@troupe/abi/layout/tcb.js';
import { PageRun } from '@troupe/abi/shared/page-run.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { Batch } from '../../support/oracle/batch.js';
import { CaseIn, CODE_ADDR, CODE_PAGES, DATA_ADDR, DATA_BYTES, HIGH_OFFSET, HIGH_TWIN_DISTANCE, RO_ADDR } from '../../support/oracle/layout.js';

const READ = 1;
const WRITE = 2;
const EXEC = 4;

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

  /** `codeChunk`: linear address of code pages that others use too; without it they are its own. */
  constructor(frames: FramePool, codeChunk?: number) {
    const { buffer } = frames.shared;
    this.#words = new Uint32Array(buffer);
    const run = (bytes: number): number => frames.allocChunk(bytes);
    this.tableRead = run(FLAT_TABLE_BYTES);
    this.tableWrite = run(FLAT_TABLE_BYTES);
    this.tableExec = run(FLAT_TABLE_BYTES);
    const data = run(DATA_BYTES);
    const code = codeChunk ?? run(CODE_PAGES * PAGE_SIZE);
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

  /** The data pages, whose frames lie in order. */
  get dataRun(): PageRun {
    const first = DATA_ADDR / PAGE_SIZE;
    return new PageRun(first, first + this.dataFrames.length, this.#words[(this.tableWrite >>> 2) + first]!);
  }

  /** Forgets the decoded code: every code page is executable and not decoded. */
  resetExec(): void {
    this.codeFrames.forEach((frame, i) => this.#setEntry(this.tableExec, CODE_ADDR + i * PAGE_SIZE, frame | EXECUTABLE));
  }

  /** Writes the code of a batch; no decoded code of these pages may exist. */
  placeCode(batch: Batch): void {
    this.code.set(batch.code);
    for (let i = 0; i < batch.count; i++) {
      const at = batch.at(i);
      const codeAt = at + CaseIn.off.code;
      const size = batch.view.getUint32(at + CaseIn.off.codeSize, true);
      this.code.set(batch.bytes.subarray(codeAt, codeAt + size), batch.view.getUint32(at + CaseIn.off.codeAddr, true) - CODE_ADDR);
    }
  }

  /**
   * Answers a fault above 4 GiB as the kernel does: page, frame and permissions in the TCB. False
   * when nothing is mapped there or the access is not allowed.
   */
  fillHigh(memory: DataView, tcb: number, address: number, errorCode: number): boolean {
    const found = this.#highFrame(address - HIGH_OFFSET);
    if (!found || (errorCode & PfCode.WRITE && !(found.perms & WRITE)) || (errorCode & PfCode.FETCH && !(found.perms & EXEC))) return false;
    memory.setBigUint64(tcb + TCB.off.fillPage, BigInt(address - (address % PAGE_SIZE)), true);
    memory.setUint32(tcb + TCB.off.fillFrame, found.frame, true);
    memory.setUint32(tcb + TCB.off.fillPerms, found.perms, true);
    return true;
  }

  #highFrame(low: number): { frame: number; perms: number } | undefined {
    const page = Math.floor(low / PAGE_SIZE);
    const data = page - DATA_ADDR / PAGE_SIZE;
    const twin = data - HIGH_TWIN_DISTANCE / PAGE_SIZE;
    const dataFrame = this.dataFrames[data] ?? this.dataFrames[twin];
    if (dataFrame !== undefined) return { frame: dataFrame, perms: READ | WRITE };
    const codeFrame = this.codeFrames[page - CODE_ADDR / PAGE_SIZE];
    return codeFrame === undefined ? undefined : { frame: codeFrame, perms: READ | EXEC };
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
