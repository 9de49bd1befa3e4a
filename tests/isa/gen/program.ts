/**
 * Random programs: blocks of instructions with forward branches, bounded loops, calls and indirect
 * jumps, spread over the code pages. They reach what single instructions do not: long decoded runs,
 * linked jumps, fused pairs, jumps between pages, code that runs many times.
 *
 * rbx = base of all memory operands, r15 = loops left, r14 = scratch of indirect jumps, rsp = stack;
 * the other registers are random.
 */
import { Batch } from '../../support/oracle/batch.js';
import { CODE_ADDR, CODE_PAGES, DATA_ADDR, DATA_BYTES } from '../../support/oracle/layout.js';
import { isVendorSpecific } from '../vendor-differences.js';
import { CaseWriter } from './case-writer.js';
import { Encoding, encode, encodeRegisters, NO_REG } from './encoding.js';
import { dataPages } from './generator.js';
import { Random } from './random.js';
import { writeState } from './state.js';
import type { OperandSpec, Template } from './template.js';
import { putValues } from './values.js';

const RBX = 3;
const RSP = 4;
const R14 = 14;
const R15 = 15;
const RESERVED = new Set([RBX, RSP, R15]);
const BASE_ADDR = DATA_ADDR + 0x800;
const STACK_ADDR = DATA_ADDR + 0x1f00;
const MAX_LOOPS = 60;
const BLOCKS = 8;
const FUNCTIONS = 2;
const STATES_PER_PROGRAM = 32;
const PROGRAM_BYTES = 2048;
const DENSE_REGISTERS = 4;
const PROGRAMS_PER_BATCH = 31;
export const PROGRAM_CASES = STATES_PER_PROGRAM * PROGRAMS_PER_BATCH;

/** Undefined flags that programs may leave: nothing reads AF. After others an instruction follows that writes all flags. */
const LEFT_UNDEFINED = /^a?$/;
const ADD_AL = 0x04;
/** Rows of which no program is made: control flow, implicit memory, inexact or host-specific results. */
const NOT_IN_PROGRAMS = /^(push|pop|call|ret|leave|enter|j|loop|int|iret|in$|out$|i?div|maskmov|xlat|f|emms|movs[bwdq]$|cmps[bwdq]$|scas|lods|stos|ins|outs|std|cld|hlt|ud|pcmp[ei]str|wr|rd|lahf|bt[src]?$|ldmxcsr|clflush|mov.*dq2q)/;

export function programPool(templates: readonly Template[]): Template[] {
  return templates.filter((t) => t.rm !== undefined && !t.moffs && t.relBytes === 0 && t.repeat <= 0 && !t.row.ends && !t.row.toleranceUlp && !isVendorSpecific(t.row) && !NOT_IN_PROGRAMS.test(t.row.mnemonic) && t.operands.every((o) => o.file !== 'mm' && o.file !== 'sreg' && o.file !== 'st'));
}

function registerNumber(e: Encoding, o: OperandSpec): number {
  const number = o.role === 'reg' ? e.reg : o.role === 'rm' ? e.rm : e.opcodeReg;
  return o.sizeBits === 8 && e.rex === 0 && number >= 4 && number < 8 ? number - 4 : number;
}

/** The encoding writes a register that holds the program together. */
function isHarmful(e: Encoding, t: Template): boolean {
  if (e.lock && !(t.row.lock && e.isMemory)) return true;
  return t.operands.some((o) => o.file === 'gpr' && o.role !== 'fixed' && !(o.role === 'rm' && e.isMemory) && /w/.test(o.access) && RESERVED.has(registerNumber(e, o)));
}

/** It names others than the first xmm registers. */
function isSpread(e: Encoding, t: Template): boolean {
  return t.operands.some((o) => o.file === 'xmm' && o.role !== 'fixed' && !(o.role === 'rm' && e.isMemory) && registerNumber(e, o) >= DENSE_REGISTERS);
}

interface Fixup {
  /** Position of a 32-bit displacement, counted from its end. */
  readonly at: number;
  readonly block: number;
}

/** Code of one program, assembled into a fixed area. */
class Assembler {
  readonly bytes = new Uint8Array(PROGRAM_BYTES).fill(0xcc);
  size = 0;
  /** By block, where jumps may enter it: its start first, then the instructions within. */
  readonly entries: number[][] = [];
  readonly #fixups: Fixup[] = [];

  put(...bytes: number[]): void {
    this.bytes.set(bytes, this.size);
    this.size += bytes.length;
  }

  startBlock(): void {
    this.entries.push([this.size]);
  }

  /** Jumps may come here as well, to the middle of the block. */
  addEntry(): void {
    this.entries.at(-1)!.push(this.size);
  }

  /** A 32-bit displacement to a block. */
  putTarget(block: number): void {
    this.#fixups.push({ at: this.size, block });
    this.put(0, 0, 0, 0);
  }

  /** Fills in the displacements; some lead to the middle of their block. */
  resolve(random: Random): void {
    const view = new DataView(this.bytes.buffer);
    for (const { at, block } of this.#fixups) {
      const entries = this.entries[block]!;
      const target = random.percent(30) ? random.pick(entries) : entries[0]!;
      view.setInt32(at, target - (at + 4), true);
    }
  }
}

export class ProgramGenerator {
  readonly #e = new Encoding();
  readonly #random = new Random(0);

  constructor(
    readonly seed: number,
    readonly pool: readonly Template[],
    /** `floats`: of few registers and data that are floats, so that what one instruction shows of them matters to others. */
    readonly style: 'any' | 'floats' = 'any',
  ) {}

  /** Batch `index`: PROGRAMS_PER_BATCH programs, each with STATES_PER_PROGRAM initial states. */
  batch(index: number): Batch {
    const random = this.#random;
    random.seed(this.seed, index);
    const batch = new Batch(PROGRAM_CASES);
    const data = dataPages(random);
    if (this.style === 'floats') putValues(new DataView(data.buffer), 0, DATA_BYTES, random.pick(['f32', 'f64'] as const), random);
    batch.data.set(data.subarray(0, DATA_BYTES));
    batch.ro.set(data.subarray(DATA_BYTES));
    for (let program = 0; program < PROGRAMS_PER_BATCH; program++) {
      const start = CODE_ADDR + program * PROGRAM_BYTES + random.below(64);
      if (start + PROGRAM_BYTES > CODE_ADDR + CODE_PAGES * 4096) throw new RangeError('programs do not fit');
      batch.code.set(this.#program(start), start - CODE_ADDR);
      for (let state = 0; state < STATES_PER_PROGRAM; state++) this.#state(batch, start);
    }
    return batch;
  }

  #state(batch: Batch, start: number): void {
    const random = this.#random;
    const w = new CaseWriter(batch, random, this.#e);
    w.begin();
    w.place(start, random.percent(3));
    this.#e.reset();
    writeState(w, random.pick(this.pool), random.pick(this.style === 'floats' ? (['f32', 'f64'] as const) : (['int', 'f32', 'f64', 'byte'] as const)));
    w.setGpr(RBX, BigInt(BASE_ADDR));
    w.setGpr(RSP, BigInt(STACK_ADDR));
    w.setGpr(R15, BigInt(random.below(MAX_LOOPS)));
    w.finish();
  }

  #program(start: number): Uint8Array {
    const a = new Assembler();
    for (let block = 0; block < BLOCKS; block++) {
      a.startBlock();
      this.#instructions(a, start, 2 + this.#random.below(6));
      this.#terminator(a, block);
    }
    a.put(0xcc);
    for (let i = 0; i < FUNCTIONS; i++) {
      a.startBlock();
      this.#instructions(a, start, 1 + this.#random.below(4));
      a.put(0xc3);
    }
    a.resolve(this.#random);
    return a.bytes;
  }

  #instructions(a: Assembler, start: number, count: number): void {
    const { random, e } = { random: this.#random, e: this.#e };
    for (let made = 0; made < count; ) {
      const t = random.pick(this.pool);
      if (t.rmMemory && (!t.rmRegister || random.percent(40))) this.#memoryForm(t, start + a.size);
      else encodeRegisters(e, t, random);
      if (isHarmful(e, t) || e.address32 || e.segment || (this.style === 'floats' && isSpread(e, t))) continue;
      a.addEntry();
      a.put(...e.bytes.subarray(0, e.size));
      if (!LEFT_UNDEFINED.test(t.row.flags?.undef ?? '')) a.put(ADD_AL, random.u32() & 0xff);
      made++;
    }
  }

  /** A memory operand in the data pages: [rbx + disp], rip-relative, or absolute. */
  #memoryForm(t: Template, ip: number): void {
    const { random, e } = { random: this.#random, e: this.#e };
    e.fixedBase = random.percent(70) ? RBX : NO_REG;
    do encode(e, t, random);
    while (!e.isMemory || e.memory.index !== NO_REG || (e.memory.base !== NO_REG && (e.memory.base !== RBX || e.memory.dispBytes !== 4)));
    e.fixedBase = NO_REG;
    const bytes = Math.max(1, t.rm!.memBits >> 3);
    let target = DATA_ADDR + random.below(0x1800 - bytes);
    if (t.rm!.aligned || random.percent(50)) target -= target % Math.min(16, bytes);
    const from = e.memory.ripRelative ? ip + e.size : e.memory.base === RBX ? BASE_ADDR : 0;
    e.patch(e.memory.dispAt, 4, BigInt.asUintN(32, BigInt(target - from)));
  }

  /** Ends a block: falls through, or branches forward, back (counted), through a register, or to a function. */
  #terminator(a: Assembler, block: number): void {
    const random = this.#random;
    const later = block + 1 + random.below(BLOCKS - block - 1);
    const draw = random.below(100);
    if (block === BLOCKS - 1) return;
    if (draw < 35) {
      // Sometimes behind a compare, with which it is fused.
      if (random.percent(50)) a.put(0x48, random.pick([0x39, 0x85]), 0xc0 | random.below(64));
      a.addEntry();
      a.put(0x0f, 0x80 | random.below(16));
      a.putTarget(later);
    } else if (draw < 60) {
      // test r15, r15 ; jz +8 ; dec r15 ; jmp back
      a.put(0x4d, 0x85, 0xff, 0x74, 8, 0x49, 0xff, 0xcf, 0xe9);
      a.putTarget(random.below(block + 1));
    } else if (draw < 72) {
      a.put(0xe8);
      a.putTarget(BLOCKS + random.below(FUNCTIONS));
    } else if (draw < 82) {
      this.#indirect(a, later, random.percent(50));
    } else if (draw < 92) {
      a.put(0xe9);
      a.putTarget(block + 1);
      a.size += random.below(80);
    }
  }

  /** lea r14, [target] ; jmp r14, or call r14 to a function. */
  #indirect(a: Assembler, later: number, isCall: boolean): void {
    a.put(0x4c, 0x8d, 0x05 | ((R14 & 7) << 3));
    a.putTarget(isCall ? BLOCKS + this.#random.below(FUNCTIONS) : later);
    a.put(0x41, 0xff, isCall ? 0xd6 : 0xe6);
  }
}
