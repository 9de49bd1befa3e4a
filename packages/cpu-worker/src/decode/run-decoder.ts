import { coreBlockAddr } from '@troupe/abi/layout/header.js';
import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { PfCode, TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { HIGH_CACHE, HIGH_CACHE_ENTRIES, HIGH_ENTRY_BYTES, HIGH_VICTIM_ENTRIES, HIGH_VICTIMS, NON_CANONICAL } from '../interp/slow-memory.js';
import { CodeCache } from './code-cache.js';
import { DecodeResult, Instruction } from './instruction.js';
import { RunStatus } from './run-status.js';
import { usesStackSegment } from './stack-segment.js';
import { createWasmDecoder, UNKNOWN_PAGE, type WasmDecoder } from './wasm-decoder.js';

/** Bytes of an unknown instruction that are kept. */
const SHOWN_BYTES = 6;

/** Decodes straight-line runs of guest code into the code cache, on the core that needs them. */
export class RunDecoder {
  readonly cache: CodeCache;
  /** Encodings met that no row covers, by their first bytes. */
  readonly unsupported = new Map<string, number>();
  decodedOps = 0;
  /** Told about pages that had no code page before: an address in it, and the execute table. */
  onNewPage: ((address: number, tableExec: number) => void) | undefined;
  readonly #wasm: WasmDecoder;
  /** Memory of the run under construction. */
  readonly #staging: number;
  readonly #insn = new Instruction();

  constructor(
    readonly shared: SharedMemory,
    readonly frames: FramePool,
    readonly coreId: number,
    /** Every flag is right at every fault (assembly/decoder/variants.ts). */
    readonly preciseFlags: boolean,
  ) {
    this.cache = new CodeCache(shared, frames);
    this.#wasm = createWasmDecoder(shared.memory, (start, end) => this.#undefined(start >>> 0, end >>> 0));
    this.#wasm.setPrecise(preciseFlags ? 1 : 0);
    this.#staging = frames.allocChunk(this.#wasm.stagingBytes());
  }

  /** Makes code at TCB.rip runnable. False: an exception was recorded instead. */
  decodeAt(tcb: number): boolean {
    const rip = this.#rip(tcb);
    const page = this.#codePage(tcb, rip);
    if (page === 0) return this.#fetchFault(tcb, rip);
    const offset = rip % PAGE_SIZE;
    const next = rip - offset + PAGE_SIZE;
    return this.decodeIn(page, offset, () => this.#codePage(tcb, next)) || this.#fetchFault(tcb, next);
  }

  /** Decodes the instruction at TCB.rip alone, with exact flags, outside the code cache. Its op record, or 0: an exception was recorded. */
  stageOne(tcb: number): number {
    const rip = this.#rip(tcb);
    const page = this.#codePage(tcb, rip);
    if (page === 0) return Number(this.#fetchFault(tcb, rip));
    const offset = rip % PAGE_SIZE;
    const next = rip - offset + PAGE_SIZE;
    let status = this.#wasm.stageOne(page, offset, UNKNOWN_PAGE, this.#staging);
    if (status === RunStatus.NEEDS_NEXT) status = this.#wasm.stageOne(page, offset, this.#codePage(tcb, next), this.#staging);
    return status === RunStatus.FETCH_FAULT ? Number(this.#fetchFault(tcb, next)) : this.#staging;
  }

  /** Of the instruction staged last (WasmDecoder.repeatedString). */
  get repeatedString(): number {
    return this.#wasm.repeatedString();
  }

  /** User addresses are exact in a number; a non-canonical or kernel address gives a huge one and faults. */
  #rip(tcb: number): number {
    const { u32 } = this.shared;
    const at = (tcb + TCB.off.rip) >>> 2;
    return u32[at]! + u32[at + 1]! * 0x1_0000_0000;
  }

  #fetchFault(tcb: number, address: number): boolean {
    const { i32, u32, u64 } = this.shared;
    // A target in the kernel half is not exact in a number: then it is rip itself.
    const exact = address < 0x8000_0000_0000 ? BigInt(address) : u64[(tcb + TCB.off.rip) / 8]!;
    const canonical = BigInt.asIntN(48, exact) === BigInt.asIntN(64, exact);
    i32[(tcb + TCB.off.trap) >>> 2] = Trap.EXCEPTION;
    u32[(tcb + TCB.off.trapVector) >>> 2] = canonical ? Vector.PF : Vector.GP;
    u32[(tcb + TCB.off.trapErrorCode) >>> 2] = canonical ? PfCode.FETCH | PfCode.USER : 0;
    u64[(tcb + TCB.off.trapAddr) / 8] = canonical ? exact : 0n;
    return false;
  }

  /** Code page of the page `address` is in; 0 = not executable. */
  #codePage(tcb: number, address: number): number {
    if (address < 0x1_0000_0000) return this.codePageAt(this.shared.u32[(tcb + TCB.off.tableExec) >>> 2]!, address);
    const frame = this.#highFrame(address);
    return frame === 0 ? 0 : this.cache.pageOf(frame);
  }

  /** The same for an address below 4 GiB, by its execute table. */
  codePageAt(tableExec: number, address: number): number {
    const { i32 } = this.shared;
    if (tableExec === 0 || address >= 0x1_0000_0000) return 0;
    const slot = (tableExec >>> 2) + Math.floor(address / PAGE_SIZE);
    for (;;) {
      const entry = Atomics.load(i32, slot);
      if ((entry & 1) === 0) return entry >>> 0;
      const { created } = this.cache;
      const page = this.cache.pageOf((entry & ~1) >>> 0);
      if (page !== 0 && Atomics.compareExchange(i32, slot, entry, page | 0) !== entry) continue;
      if (this.cache.created !== created) this.onNewPage?.(address, tableExec);
      return page;
    }
  }

  /** Makes code at an offset of a code page runnable; `next` finds the code page behind it, 0 = none. False: it cannot be. */
  decodeIn(page: number, offset: number, next: () => number): boolean {
    this.cache.lock(page);
    try {
      return this.#decodeRun(page, offset, next);
    } finally {
      this.cache.unlock(page);
    }
  }

  /**
   * A #GP for a non-canonical address is a #SS when the access was through the stack segment
   * (SDM Vol. 3A 6.15 interrupt 12): the instruction at rip tells.
   */
  refineFault(tcb: number): void {
    const { u32, i64 } = this.shared;
    const vectorWord = (tcb + TCB.off.trapVector) >>> 2;
    const addressWord = (tcb + TCB.off.trapAddr) / 8;
    if (u32[vectorWord] !== Vector.GP || i64[addressWord] !== NON_CANONICAL) return;
    i64[addressWord] = 0n;
    const rip = this.#rip(tcb);
    const page = this.#codePage(tcb, rip);
    if (page === 0) return;
    const offset = rip % PAGE_SIZE;
    if (this.#decodeOne(tcb, rip - offset, page, offset) !== DecodeResult.OK) return;
    if (usesStackSegment(this.#insn, this.shared, tcb)) u32[vectorWord] = Vector.SS;
  }

  #highFrame(address: number): number {
    const pageNumber = Math.floor(address / PAGE_SIZE);
    const block = coreBlockAddr(this.coreId);
    const direct = this.#entryFrame(block + HIGH_CACHE + (pageNumber % HIGH_CACHE_ENTRIES) * HIGH_ENTRY_BYTES, pageNumber);
    if (direct !== 0) return direct;
    for (let i = 0; i < HIGH_VICTIM_ENTRIES; i++) {
      const frame = this.#entryFrame(block + HIGH_VICTIMS + i * HIGH_ENTRY_BYTES, pageNumber);
      if (frame !== 0) return frame;
    }
    return 0;
  }

  /** Frame of a high-address cache entry when it is of that page and executable, else 0. */
  #entryFrame(entry: number, pageNumber: number): number {
    const { u32 } = this.shared;
    const at = entry >>> 2;
    const isPage = u32[at]! + u32[at + 1]! * 0x1_0000_0000 === pageNumber * PAGE_SIZE;
    return isPage && (u32[at + 3]! & 4) !== 0 ? u32[at + 2]! : 0;
  }

  #decodeRun(page: number, start: number, next: () => number): boolean {
    let status = this.#wasm.decodeRun(page, start, UNKNOWN_PAGE, this.#staging);
    if (status === RunStatus.NEEDS_NEXT) status = this.#wasm.decodeRun(page, start, next(), this.#staging);
    if (status === RunStatus.FETCH_FAULT) return false;
    if (status === RunStatus.NEEDS_ROOM) {
      if (!this.cache.addRoom(page)) throw new Error('out of memory for decoded code');
      status = this.#wasm.placeRun();
    }
    this.decodedOps += status;
    return true;
  }

  /** Decodes the instruction at `at` of a page into #insn; bytes of the next page count when it is executable. */
  #decodeOne(tcb: number, pageVa: number, page: number, at: number): number {
    let result = this.#wasm.decodeOne(page, at, UNKNOWN_PAGE, this.#staging);
    if (result === RunStatus.NEEDS_NEXT) result = this.#wasm.decodeOne(page, at, this.#codePage(tcb, pageVa + PAGE_SIZE), this.#staging);
    this.#wasm.storeInstruction(this.#staging);
    this.#insn.read(this.shared.i32, this.#staging);
    return result;
  }

  /** Counts bytes that no row covers; they run as a #UD. */
  #undefined(start: number, end: number): void {
    const bytes = this.shared.u8.slice(start, Math.min(end, start + SHOWN_BYTES));
    const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    this.unsupported.set(text, (this.unsupported.get(text) ?? 0) + 1);
  }
}
