import { coreBlockAddr } from '@troupe/abi/layout/header.js';
import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { PfCode, Reg, TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { Special } from '../interp/forms.js';
import type { Form } from '../interp/forms.js';
import { OP, OP_BYTES } from '../interp/op-record.js';
import { HIGH_CACHE, HIGH_CACHE_ENTRIES, HIGH_ENTRY_BYTES, HIGH_VICTIM_ENTRIES, HIGH_VICTIMS, NON_CANONICAL } from '../interp/slow-memory.js';
import { interpretedHandler } from '../jit/jit-area.js';
import { CodeCache } from './code-cache.js';
import { Decoder } from './decoder.js';
import { FlagLookahead } from './flag-lookahead.js';
import { chooseVariants, type StagedInstruction } from './fuse.js';
import { DecodeResult } from './instruction.js';
import { OpWriter } from './op-writer.js';
import { isOnStack, usesStackSegment } from './stack-segment.js';
import { overlongForm, undefinedForm } from './undefined-form.js';

/** Instructions decoded ahead at most. */
const RUN_LIMIT = 96;

/** Decodes straight-line runs of guest code into the code cache, on the core that needs them. */
export class RunDecoder {
  readonly cache: CodeCache;
  readonly decoder = new Decoder();
  readonly #writer: OpWriter;
  readonly #lookahead: FlagLookahead;
  /** Encodings met that no row covers, by their first bytes. */
  readonly unsupported = new Map<string, number>();
  decodedOps = 0;
  /** Op records of the run under construction, before they are placed. */
  readonly #staging: number;
  readonly #window = new Uint8Array(32);

  constructor(
    readonly shared: SharedMemory,
    readonly frames: FramePool,
    readonly coreId: number,
    /** Every flag is right at every fault (fuse.ts). */
    readonly preciseFlags: boolean,
  ) {
    this.#lookahead = new FlagLookahead(shared.u8);
    this.cache = new CodeCache(shared, frames);
    this.#writer = new OpWriter(shared);
    this.#staging = frames.allocChunk((RUN_LIMIT + 4) * 2 * OP_BYTES);
  }

  /** Makes code at TCB.rip runnable. False: an exception was recorded instead. */
  decodeAt(tcb: number): boolean {
    const rip = this.#rip(tcb);
    const page = this.#codePage(tcb, rip);
    if (page === 0) return this.#fetchFault(tcb, rip);
    const offset = rip % PAGE_SIZE;
    this.cache.lock(page);
    try {
      return this.#decodeRun(tcb, rip - offset, page, offset);
    } finally {
      this.cache.unlock(page);
    }
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
    const { i32, u32 } = this.shared;
    if (address >= 0x1_0000_0000) {
      const frame = this.#highFrame(address);
      return frame === 0 ? 0 : this.cache.pageOf(frame);
    }
    const table = u32[(tcb + TCB.off.tableExec) >>> 2]!;
    if (table === 0) return 0;
    const slot = (table >>> 2) + Math.floor(address / PAGE_SIZE);
    for (;;) {
      const entry = Atomics.load(i32, slot);
      if ((entry & 1) === 0) return entry >>> 0;
      const page = this.cache.pageOf((entry & ~1) >>> 0);
      if (page === 0 || Atomics.compareExchange(i32, slot, entry, page | 0) === entry) return page;
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
    const address = i64[addressWord]!;
    // Kernel half: the segment base may have made a non-canonical offset canonical, which is a #GP all the same.
    const isKernelHalf = u32[vectorWord] === Vector.PF && address < 0n;
    if (!isKernelHalf && (u32[vectorWord] !== Vector.GP || address !== NON_CANONICAL)) return;
    if (!isKernelHalf) i64[addressWord] = 0n;
    const rip = this.#rip(tcb);
    const page = this.#codePage(tcb, rip);
    if (page === 0) return;
    const offset = rip % PAGE_SIZE;
    if (this.#decodeOne(tcb, rip - offset, page, offset) !== DecodeResult.OK) return;
    const { insn } = this.decoder;
    if (isKernelHalf) this.#checkOffset(tcb, address);
    else if (usesStackSegment(insn, this.shared, tcb)) u32[vectorWord] = Vector.SS;
  }

  #checkOffset(tcb: number, address: bigint): void {
    const { u32, i64, u64 } = this.shared;
    const { segment, isMem, form } = this.decoder.insn;
    if (segment === 0 || isOnStack(this.decoder.insn, this.shared, tcb, address)) return;
    const offset = address - i64[(tcb + (segment === 1 ? TCB.off.fsBase : TCB.off.gsBase)) / 8]!;
    // Of the two operands of a string instruction only the source has the segment.
    if (!isMem && (/^(stos|scas)/.test(form!.row.mnemonic) || offset !== i64[(tcb + TCB.off.gpr) / 8 + Reg.RSI])) return;
    if (BigInt.asIntN(48, offset) === BigInt.asIntN(64, offset)) return;
    u32[(tcb + TCB.off.trapVector) >>> 2] = Vector.GP;
    u32[(tcb + TCB.off.trapErrorCode) >>> 2] = 0;
    u64[(tcb + TCB.off.trapAddr) / 8] = 0n;
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

  #decodeRun(tcb: number, pageVa: number, page: number, start: number): boolean {
    const writer = this.#writer;
    const existing = this.cache.opAt(page, start);
    if (existing !== 0 && !this.#isStaleGuard(tcb, existing, pageVa)) return true;
    let at = start;
    let ops = 0;
    let ended = false;
    const run: StagedInstruction[] = [];
    for (let count = 0; count < RUN_LIMIT && at < PAGE_SIZE; count++) {
      if (at !== start && this.cache.opAt(page, at) !== 0) break;
      const result = this.#decodeOne(tcb, pageVa, page, at);
      if (result === DecodeResult.TRUNCATED || result === DecodeResult.TOO_LONG) {
        if (at !== start) break;
        if (result === DecodeResult.TRUNCATED) return this.#fetchFault(tcb, pageVa + PAGE_SIZE);
      }
      if (result === DecodeResult.TOO_LONG) this.#replace(overlongForm());
      else if (result !== DecodeResult.OK) this.#undefined(page, at);
      const { insn } = this.decoder;
      if (at + insn.lenBytes > PAGE_SIZE) {
        const next = this.#codePage(tcb, pageVa + PAGE_SIZE);
        if (next !== 0) writer.writeGuard(this.#staging + ops++ * OP_BYTES, at, next, this.cache.generation(next));
      }
      writer.write(this.#staging + ops * OP_BYTES, insn, at);
      run.push({ form: insn.form!, op: this.#staging + ops++ * OP_BYTES, offset: at });
      at += insn.lenBytes;
      ended = insn.form!.row.ends ?? false;
      if (ended) break;
    }
    if (!ended) writer.writeChain(this.#staging + ops++ * OP_BYTES, at, at < PAGE_SIZE ? this.cache.opAt(page, at) : 0);
    this.#chooseVariants(page, run);
    return this.#place(page, ops, run);
  }

  /** Moves the run from staging into the page, resolves jumps within the page, then publishes. */
  #place(page: number, ops: number, run: readonly StagedInstruction[]): boolean {
    const { cache } = this;
    const address = cache.reserve(page, ops);
    if (address === 0) throw new Error('out of memory for decoded code');
    this.shared.u8.copyWithin(address, this.#staging, this.#staging + ops * OP_BYTES);
    this.decodedOps += ops;
    for (const { op, offset } of run) cache.setOpAt(page, offset, this.#entryOp(op, offset) - this.#staging + address);
    return true;
  }

  #chooseVariants(page: number, run: readonly StagedInstruction[]): void {
    const frame = this.#frameOf(page);
    const deadAt = this.preciseFlags ? () => false : (offset: number) => this.#lookahead.deadAt(frame, offset);
    chooseVariants(this.shared, run, deadAt, this.preciseFlags);
  }

  /** A straddling instruction is entered through its guard. */
  #entryOp(op: number, offset: number): number {
    const { u16 } = this.shared;
    const before = op - OP_BYTES;
    const isGuarded = before >= this.#staging && u16[(before + OP.handler) >>> 1] === Special.GUARD && u16[(before + OP.place) >>> 1] === offset;
    return isGuarded ? before : op;
  }

  #isStaleGuard(tcb: number, op: number, pageVa: number): boolean {
    const { u16, u32 } = this.shared;
    if (interpretedHandler(this.shared, u16[(op + OP.handler) >>> 1]!) !== Special.GUARD) return false;
    const next = this.#codePage(tcb, pageVa + PAGE_SIZE);
    return u32[(op + OP.imm) >>> 2] !== next || next === 0 || this.cache.generation(next) !== u32[(op + OP.imm1) >>> 2];
  }

  #frameOf(page: number): number {
    return this.shared.u32[page >>> 2]!;
  }

  /** Decodes the instruction at `at`; bytes of the next page come through a window when it is executable. */
  #decodeOne(tcb: number, pageVa: number, page: number, at: number): number {
    const frame = this.#frameOf(page);
    const { u8 } = this.shared;
    if (at <= PAGE_SIZE - 15) return this.decoder.decode(u8, frame + at, frame + PAGE_SIZE);
    const here = PAGE_SIZE - at;
    const result = this.decoder.decode(u8, frame + at, frame + PAGE_SIZE);
    if (result !== DecodeResult.TRUNCATED) return result;
    const next = this.#codePage(tcb, pageVa + PAGE_SIZE);
    if (next === 0) return DecodeResult.TRUNCATED;
    const nextFrame = this.#frameOf(next);
    this.#window.set(u8.subarray(frame + at, frame + PAGE_SIZE), 0);
    this.#window.set(u8.subarray(nextFrame, nextFrame + 16), here);
    return this.decoder.decode(this.#window, 0, here + 16);
  }

  /** The instruction becomes a #UD that the kernel reports as unsupported. */
  #undefined(page: number, at: number): void {
    const frame = this.#frameOf(page);
    const bytes = this.shared.u8.slice(frame + at, frame + Math.min(PAGE_SIZE, at + 6));
    const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    this.unsupported.set(text, (this.unsupported.get(text) ?? 0) + 1);
    this.#replace(undefinedForm());
  }

  #replace(form: Form): void {
    const { insn } = this.decoder;
    insn.form = form;
    insn.lenBytes = 1;
  }
}
