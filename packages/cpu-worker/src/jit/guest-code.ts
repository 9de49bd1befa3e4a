import { ADDEND_BIAS, FLAT_TABLE_BYTES, LOW_PAGES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { Decoder } from '../decode/decoder.js';
import { planOf } from '../decode/form-plan.js';
import { DecodeResult } from '../decode/instruction.js';
import { Special, type Form } from '../interp/forms.js';
import { CODE_PAGE, OP, OP_BYTES, WINDOW_SHIFT } from '../interp/op-record.js';
import type { RegionPage, RegionRequest } from './region-abi.js';

/** GuestInstruction.base of an address relative to rip. */
export const RIP_BASE = 16;

/** An instruction of a region. `at` counts from the start of the page of the region's entry. */
export interface GuestInstruction {
  readonly at: number;
  readonly lenBytes: number;
  readonly form: Form;
  /** As in decode/instruction.ts. */
  readonly regs: readonly number[];
  readonly base: number;
  readonly index: number;
  readonly scaleLog2: number;
  readonly disp: number;
  readonly segment: number;
  readonly address32: boolean;
  readonly immLow: number;
  readonly immHigh: number;
  readonly imm1: number;
  /** Target of a relative jump, counted like `at`; NaN when there is none. */
  readonly target: number;
  /** Linear address of the decoded op. */
  readonly op: number;
  /** Where its operand was: WindowKind, NO_WINDOW, or 0 when it was not seen. */
  readonly window: number;
}

interface CodePageView extends RegionPage {
  readonly frame: number;
}

/** Reads the code around a region's entry through the code pages that an execute table names. */
export class GuestCode {
  readonly #decoder = new Decoder();
  readonly #pages = new Map<number, CodePageView | undefined>();
  readonly #window = new Uint8Array(32);
  #tableExec = 0;
  #firstPage = 0;

  constructor(readonly shared: SharedMemory) {}

  begin(request: RegionRequest): void {
    this.#pages.clear();
    this.#tableExec = request.tableExec;
    this.#firstPage = Math.floor(request.rip / PAGE_SIZE);
  }

  /** Decoded page `delta` pages behind the entry's. */
  page(delta: number): CodePageView | undefined {
    if (!this.#pages.has(delta)) this.#pages.set(delta, this.#find(delta));
    return this.#pages.get(delta);
  }

  #find(delta: number): CodePageView | undefined {
    const { i32, u32 } = this.shared;
    const number = this.#firstPage + delta;
    if (number < 0 || number >= LOW_PAGES) return undefined;
    const entry = Atomics.load(i32, (this.#tableExec >>> 2) + number) >>> 0;
    if (entry === 0 || (entry & 1) !== 0) return undefined;
    const generation = Atomics.load(i32, (entry + CODE_PAGE.generation) >>> 2) >>> 0;
    return generation === 0 ? undefined : { codePage: entry, generation, frame: u32[(entry + CODE_PAGE.frame) >>> 2]! };
  }

  /** False when a page was withdrawn since `begin`: what was read may be no code any more. */
  isCurrent(deltas: Iterable<number>): boolean {
    for (const delta of deltas) {
      const page = this.#pages.get(delta);
      if (!page || !this.isPageCurrent(page)) return false;
    }
    return true;
  }

  isPageCurrent({ codePage, generation }: RegionPage): boolean {
    return Atomics.load(this.shared.i32, (codePage + CODE_PAGE.generation) >>> 2) >>> 0 === generation;
  }

  frameOf(codePage: number): number {
    return this.shared.u32[(codePage + CODE_PAGE.frame) >>> 2]!;
  }

  /** The bytes that a code page is the code of. */
  bytesOf(codePage: number): Uint8Array {
    const frame = this.frameOf(codePage);
    return this.shared.u8.slice(frame, frame + PAGE_SIZE);
  }

  /** Op address of the instruction at `at`; 0 = not decoded, so never run. */
  opAt(at: number): number {
    const page = this.page(Math.floor(at / PAGE_SIZE));
    return page ? Atomics.load(this.shared.i32, ((page.codePage + CODE_PAGE.index) >>> 2) + (at & (PAGE_SIZE - 1))) >>> 0 : 0;
  }

  /** Decoded instructions of a page, by its distance from the entry's. */
  *decodedIn(page: number): Generator<GuestInstruction> {
    for (let at = page * PAGE_SIZE; at < (page + 1) * PAGE_SIZE; at++) {
      const insn = this.opAt(at) === 0 ? undefined : this.decode(at);
      if (insn) yield insn;
    }
  }

  /** The instruction at `at`, or undefined when its bytes are not there or no instruction. */
  decode(at: number): GuestInstruction | undefined {
    const page = this.page(Math.floor(at / PAGE_SIZE));
    if (!page) return undefined;
    const offset = at & (PAGE_SIZE - 1);
    let result = this.#decoder.decode(this.shared.u8, page.frame + offset, page.frame + PAGE_SIZE);
    if (result === DecodeResult.TRUNCATED) result = this.#decodeAcross(page, offset, Math.floor(at / PAGE_SIZE) + 1);
    return result === DecodeResult.OK ? this.#copy(at) : undefined;
  }

  #decodeAcross(page: CodePageView, offset: number, nextDelta: number): number {
    const next = this.page(nextDelta);
    if (!next) return DecodeResult.TRUNCATED;
    const here = PAGE_SIZE - offset;
    this.#window.set(this.shared.u8.subarray(page.frame + offset, page.frame + PAGE_SIZE), 0);
    this.#window.set(this.shared.u8.subarray(next.frame, next.frame + 16), here);
    return this.#decoder.decode(this.#window, 0, here + 16);
  }

  /** Op of the instruction itself: one that runs into the next page has a guard before it. */
  plainOp(at: number): number {
    const op = this.opAt(at);
    return op !== 0 && this.shared.u16[(op + OP.handler) >>> 1] === Special.GUARD ? op + OP_BYTES : op;
  }

  /**
   * Where a jump through memory at a known address (the linker's table) leads now, counted like `at`; undefined
   * when that is not known, or no decoded code.
   */
  targetInMemory({ at, lenBytes, disp, base, index }: GuestInstruction): number | undefined {
    if (base !== RIP_BASE || index >= 0) return undefined;
    const target = this.#pointerAt(this.addressOf(at + lenBytes + disp));
    const targetAt = this.atOf(target);
    return target !== 0 && this.opAt(targetAt) !== 0 ? targetAt : undefined;
  }

  /** The word of 8 bytes at a guest address if it is a guest address below 4 GiB, else 0. */
  #pointerAt(address: number): number {
    return this.wordAt(address + 4) === 0 ? this.wordAt(address)! : 0;
  }

  /** The aligned word of 4 bytes at a guest address below 4 GiB; undefined when there is no memory. */
  wordAt(address: number): number | undefined {
    const { u32 } = this.shared;
    if (address < 0 || address >= LOW_PAGES * PAGE_SIZE || address % 4 !== 0) return undefined;
    const entry = Atomics.load(u32, ((this.#tableExec - 2 * FLAT_TABLE_BYTES) >>> 2) + Math.floor(address / PAGE_SIZE));
    return entry === 0 ? undefined : u32[((address + entry + ADDEND_BIAS) % 2 ** 32) / 4]!;
  }

  /** Guest address of what is at `at`. */
  addressOf(at: number): number {
    return this.#firstPage * PAGE_SIZE + at;
  }

  /** Counted from the start of the entry's page. */
  atOf(address: number): number {
    return address - this.#firstPage * PAGE_SIZE;
  }

  #copy(at: number): GuestInstruction {
    const { insn } = this.#decoder;
    const form = insn.form!;
    const op = this.plainOp(at);
    return {
      at, lenBytes: insn.lenBytes, form, regs: insn.regs.slice(0, planOf(form).registers.length),
      base: insn.base, index: insn.index, scaleLog2: insn.scaleLog2, disp: insn.disp, segment: insn.segment, address32: insn.address32,
      immLow: insn.immLow, immHigh: insn.immHigh, imm1: insn.imm1,
      target: planOf(form).isRelative ? at + insn.lenBytes + insn.rel : NaN,
      op, window: op === 0 ? 0 : this.shared.u8[op + OP.wrap32]! >> WINDOW_SHIFT,
    };
  }
}
