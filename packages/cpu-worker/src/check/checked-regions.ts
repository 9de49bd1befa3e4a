import { CoreBlock, coreBlockAddr, CoreCounter, type CoreCounterName } from '@troupe/abi/layout/header.js';
import { MemoryWindow, WindowKind, windowOffset } from '@troupe/abi/layout/memory-windows.js';
import { PfCode, TCB, Vector } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import type { RunDecoder } from '../decode/run-decoder.js';
import { OP_BYTES } from '../interp/op-record.js';
import { HIGH_CACHE, HIGH_CACHE_ENTRIES, HIGH_ENTRY_BYTES, HIGH_VICTIM_ENTRIES, HIGH_VICTIMS } from '../interp/slow-memory.js';
import { Status } from '../interp/status.js';
import { ENTRY_DEPTH, RegionExit } from '../jit/region-abi.js';
import { GuestState } from './guest-state.js';
import type { InstructionFacts } from './instruction-facts.js';
import { InterpretedPath } from './interpreted-path.js';
import { reportText } from './report.js';
import { WrittenPages } from './written-pages.js';

/** Instructions of a run of regions, more or less: loops end when they are used up. */
const SLICE = 1000;
/** A block counts as a whole where a region leaves in its midst, so a run may have fewer instructions than it counted. */
const SLACK = 100;
/** What changes from time to time (the page that vdso functions read) must not differ each time. */
const ATTEMPTS = 3;
/** Flags that differ at an exit must be overwritten within so many instructions. */
const MAX_FLAG_STEPS = 200;
/** Reports of one core: the first ones tell. */
const MAX_REPORTS = 20;
/** Below the stack pointer: what calls push. */
const PUSHED_BYTES = 256n;

/** What is to be done after a run. */
export const CheckedExit = { GO_ON: 0, INTERPRET: 1, SYSCALL: 2, EXCEPTION: 3 } as const;

export type RegionFunction = (tcb: number, rip: bigint, depth: number, link: number) => number;

/** What the checks need of a core's engine. */
export interface CheckHost {
  readonly shared: SharedMemory;
  readonly frames: FramePool;
  readonly coreId: number;
  readonly decoder: RunDecoder;
  readonly handlers: WebAssembly.Table;
  readonly facts: InstructionFacts;
  readonly report: (text: string) => void;
}

/**
 * Translated code against the interpreter (TROUPE_JIT=check, or check-eager). A run of regions, as the driver starts
 * them, with the calls and jumps among them and a short slice, is undone; then the interpreter runs the same
 * instructions one by one, with flags exact, until it is where the regions left off. Registers, flags and the pages
 * written must be the same. What the interpreter computed goes on; a difference is reported.
 *
 *   Memory   the regions get a write table that holds few pages, all copied before (written-pages.ts): a first store
 *            to another page leaves the region as a page fault does, and adds that page
 *   Flags    regions leave flags out that are overwritten unread: one that differs is looked at until an instruction
 *            writes it; one that reads it is a difference
 *
 * Not covered: code above 4 GiB and stores there (interpreted as ever), other threads of the program on another core
 * (their stores to the same page in the meantime are lost: run with one core), what the kernel writes to such a page in the
 * meantime, runs with rdtsc and cpuid, regions of the second tier in the background (time slices, which find them, are
 * not the driver's), faults and signals, which leave regions with the instruction not begun.
 */
export class CheckedRegions {
  readonly #pages: WrittenPages;
  readonly #path: InterpretedPath;
  readonly #before: GuestState;
  readonly #after: GuestState;
  readonly #interpreted: GuestState;
  readonly #block: number;
  readonly #high: readonly (readonly [number, Uint8Array])[];
  readonly #reported = new Set<bigint>();

  constructor(readonly host: CheckHost) {
    const { shared, frames, coreId } = host;
    this.#pages = new WrittenPages(shared, frames);
    this.#path = new InterpretedPath(host);
    [this.#before, this.#after, this.#interpreted] = [new GuestState(shared), new GuestState(shared), new GuestState(shared)];
    this.#block = coreBlockAddr(coreId);
    this.#high = [[this.#block + HIGH_CACHE, new Uint8Array(HIGH_CACHE_ENTRIES * HIGH_ENTRY_BYTES)], [this.#block + HIGH_VICTIMS, new Uint8Array(HIGH_VICTIM_ENTRIES * HIGH_ENTRY_BYTES)]];
  }

  /** Runs the region at TCB.rip, and what it leads to. Returns a CheckedExit. */
  run(tcb: number, region: RegionFunction): number {
    const { u32 } = this.host.shared;
    const table = (tcb + TCB.off.tableWrite) >>> 2;
    const real = u32[table]!;
    this.#pages.begin(tcb);
    this.#hideHigh();
    u32[table] = this.#pages.table;
    try {
      return this.#run(tcb, region);
    } finally {
      u32[table] = real;
      for (const [at, bytes] of this.#high) this.host.shared.u8.set(bytes, at);
    }
  }

  /** Accesses above 4 GiB leave the regions: their stores could not be undone. */
  #hideHigh(): void {
    const { u8 } = this.host.shared;
    for (const [at, bytes] of this.#high) {
      bytes.set(u8.subarray(at, at + bytes.length));
      u8.fill(0, at, at + bytes.length);
    }
  }

  #run(tcb: number, region: RegionFunction): number {
    this.#before.take(tcb);
    const { rsp } = this.#before;
    for (const address of [rsp, rsp - PUSHED_BYTES]) this.#pages.add(address);
    let exit = 0;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const steps = this.#runRegion(tcb, region, (how) => (exit = how));
      if (exit === RegionExit.STALE && this.#after.rip === this.#before.rip) return CheckedExit.INTERPRET;
      if (this.#isInterpretedAlike(tcb, steps)) return this.#goOn(tcb, exit);
      if (attempt + 1 < ATTEMPTS) {
        this.#pages.undoAgain();
        this.#before.restore(tcb);
      }
    }
    if (!this.#path.isCodeGone) this.#report(tcb, exit);
    return this.#exitOf(CheckedExit.INTERPRET);
  }

  /** Runs the region and undoes it. Returns the instructions it counted. */
  #runRegion(tcb: number, region: RegionFunction, exited: (exit: number) => void): number {
    const { i32, u64 } = this.host.shared;
    const ran = (tcb + TCB.off.ran) >>> 2;
    i32[ran] = -SLICE * OP_BYTES;
    // Accesses through windows would pass by the tables, by which pages are watched.
    for (const kind of Object.values(WindowKind)) u64[(tcb + windowOffset(kind) + MemoryWindow.off.bytes) / 8] = 0n;
    i32[(this.#block + CoreBlock.off.regionMissing) >>> 2] = 0;
    // Nothing left of it: the slice is not followed by another one.
    const budget = (this.#block + CoreBlock.off.budget) >>> 2;
    const left = i32[budget]!;
    i32[budget] = 0;
    exited(region(tcb, this.#before.rip, ENTRY_DEPTH, 0));
    i32[budget] = left;
    this.#after.take(tcb);
    this.#pages.undo();
    this.#before.restore(tcb);
    return i32[ran]! / OP_BYTES + SLICE;
  }

  /** Interprets from the state before until the regions' state is reached. */
  #isInterpretedAlike(tcb: number, counted: number): boolean {
    const path = this.#path;
    path.begin();
    if (this.#isThere(tcb)) return true;
    for (let left = counted + SLACK; left > 0; left--) {
      const status = path.step(tcb);
      // An instruction that faults in its midst (enter, repeated string instructions) has done a part.
      if (this.#isThere(tcb)) return true;
      if (status === Status.FAULT || status === Status.SYSCALL || status === Status.LEAVE) return false;
    }
    return false;
  }

  #isThere(tcb: number): boolean {
    return this.#after.isIn(tcb) && this.#pages.isAsAfterRun && this.#areFlagsAlike(tcb);
  }

  /** Goes on until flags that differ are overwritten; their readers would see a difference. */
  #areFlagsAlike(tcb: number): boolean {
    this.#interpreted.take(tcb);
    let different = this.#after.differentFlags(this.#interpreted);
    for (let steps = 0; different !== 0; steps++) {
      const uses = this.host.facts.flagsAt(tcb);
      if ((uses.read & different) !== 0 || steps === MAX_FLAG_STEPS) return false;
      const status = this.#stepAdmitting(tcb);
      if (status !== Status.NEXT && status !== Status.JUMP && status !== Status.AGAIN) return true;
      different &= ~uses.written;
    }
    return true;
  }

  /** The interpreter may be further by some instructions, which wrote flags. */
  #goOn(tcb: number, exit: number): number {
    this.#count('regionsChecked', 1);
    this.#count('regionInstructions', this.#path.length);
    const { u64 } = this.host.shared;
    u64[(tcb + TCB.off.instructions) / 8]! += BigInt(this.#path.length);
    const { status } = this.#path;
    const isLeft = exit === RegionExit.SLOW && status !== Status.SYSCALL && status !== Status.LEAVE;
    return isLeft || status === Status.FAULT ? this.#admitPage(tcb) : this.#exitOf(CheckedExit.GO_ON);
  }

  /** After the last step of the interpreter. */
  #exitOf(usual: number): number {
    const { status } = this.#path;
    return status === Status.SYSCALL ? CheckedExit.SYSCALL : status === Status.LEAVE ? CheckedExit.EXCEPTION : usual;
  }

  /** The regions left at an instruction. When it stores to a page that is none of the pages yet, that is one from now on. */
  #admitPage(tcb: number): number {
    return this.#stepAdmitting(tcb) === Status.FAULT ? CheckedExit.INTERPRET : this.#exitOf(CheckedExit.GO_ON);
  }

  #stepAdmitting(tcb: number): number {
    const { u32, u64 } = this.host.shared;
    const status = this.#path.step(tcb);
    if (status !== Status.FAULT) return status;
    const isStore = u32[(tcb + TCB.off.trapVector) >>> 2] === Vector.PF && (u32[(tcb + TCB.off.trapErrorCode) >>> 2]! & PfCode.WRITE) !== 0;
    return isStore && this.#pages.add(u64[(tcb + TCB.off.trapAddr) / 8]!) ? this.#path.step(tcb) : status;
  }

  #report(tcb: number, exit: number): void {
    if (this.#path.rips().some((rip) => this.host.facts.isUnrepeatable(tcb, rip))) return;
    this.#count('regionDifferences', 1);
    const { rip } = this.#before;
    if (this.#reported.has(rip) || this.#reported.size === MAX_REPORTS) return;
    this.#reported.add(rip);
    this.#interpreted.take(tcb);
    const instructions = this.#path.rips().map((at) => this.host.facts.textAt(tcb, at));
    this.host.report(reportText({ before: this.#before, after: this.#after, interpreted: this.#interpreted, exit, pages: this.#pages, instructions }));
  }

  #count(name: CoreCounterName, by: number): void {
    this.host.shared.u64[(this.#block + CoreBlock.off.counters) / 8 + CoreCounter.indexOf(name)]! += BigInt(by);
  }
}
