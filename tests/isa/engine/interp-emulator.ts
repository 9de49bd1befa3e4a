/**
 * The engine of packages/cpu-worker as an Emulator: this file plays the kernel's part (tables,
 * answers to faults above 4 GiB, preemption).
 */
import { CoreBlock, coreBlockAddr, CoreCounter, headerWord, type CoreCounterName } from '@troupe/abi/layout/header.js';
import { WindowKind, windowOffset } from '@troupe/abi/layout/memory-windows.js';
import { TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import { FramePool } from '@troupe/abi/shared/frames.js';
import { createMemory, viewMemory } from '@troupe/abi/shared/shared-memory.js';
import { createInterpEngineSync, type Engine } from '@troupe/cpu-worker/interp/engine.js';
import type { Batch } from '../../support/oracle/batch.js';
import { CaseIn, CaseOut, DATA_BYTES, hashBytes, INLINE_DIFF_BYTES, Patch, PATCHES, TIMEOUT_SIGNAL } from '../../support/oracle/layout.js';
import type { Emulator } from './emulator.js';
import { GuestPages } from './guest-pages.js';
import { loadTcb, storeTcb } from './tcb-state.js';

const { off } = TCB;
const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;
const BUDGET_BRANCHES = 100_000;
/** Half of the cases are preempted as often as possible: repeated string instructions stop and go on. */
const SMALL_BUDGET = 1;
const MAX_PREEMPTIONS = 200;
/** Repeated string instructions fault once per page; more means that fills displace each other for ever. */
const MAX_HIGH_FILLS = 40;

/**
 * The interpreter's ways of running: `main` = hot handlers in the main loop, `driver` = cold handlers
 * only, as before the main loop is compiled, `fast` = main without flags that nobody reads, `eager` =
 * every jump target in a region of its own.
 */
const MODES = {
  main: { eagerMain: true, preciseFlags: true },
  driver: { eagerMain: false, preciseFlags: true },
  fast: { eagerMain: true, preciseFlags: false },
  eager: { eagerMain: false, preciseFlags: false, jit: 'eager' },
} as const;

export type InterpMode = keyof typeof MODES;

export class InterpEmulator implements Emulator {
  /** Flags are exact even where a fault shows flags that the next instructions overwrite. */
  readonly hasPreciseFlags: boolean;
  #batch: Batch | undefined;
  readonly #errors = new Set<string>();
  readonly #view: DataView;
  readonly #shadow = Buffer.alloc(DATA_BYTES);
  readonly #data: Buffer;

  private constructor(readonly name: InterpMode, readonly engine: Engine, readonly pages: GuestPages, buffer: ArrayBufferLike, readonly tcb: number, readonly coreId: number) {
    this.hasPreciseFlags = MODES[name].preciseFlags;
    this.#view = new DataView(buffer);
    this.#data = Buffer.from(pages.data.buffer, pages.data.byteOffset, DATA_BYTES);
  }

  static async create(mode: InterpMode = 'main'): Promise<InterpEmulator> {
    const memory = createMemory();
    const shared = viewMemory(memory);
    const frames = FramePool.initialise(shared, MEMORY_LIMIT_BYTES);
    shared.i32[headerWord('coreCount')] = 1;
    return InterpEmulator.join(memory, 0, mode, new GuestPages(frames));
  }

  /** A further core on a memory that is in use. */
  static join(memory: WebAssembly.Memory, coreId: number, mode: InterpMode, pages: GuestPages): InterpEmulator {
    const shared = viewMemory(memory);
    const frames = new FramePool(shared);
    const engine = createInterpEngineSync(memory, coreId, { frames, ...MODES[mode] });
    const emulator = new InterpEmulator(mode, engine, pages, shared.buffer, frames.alloc(), coreId);
    emulator.#setTables();
    return emulator;
  }

  #setTables(): void {
    const { tableRead, tableWrite, tableExec } = this.pages;
    this.#view.setUint32(this.tcb + off.tableRead, tableRead, true);
    this.#view.setUint32(this.tcb + off.tableWrite, tableWrite, true);
    this.#view.setUint32(this.tcb + off.tableExec, tableExec, true);
    this.#view.setUint32(this.tcb + off.asId, 1, true);
    for (const kind of Object.values(WindowKind)) this.pages.dataRun.toWindow(new Uint32Array(this.#view.buffer), this.tcb + windowOffset(kind));
  }

  /** A counter of the core. */
  counter(name: CoreCounterName): number {
    return Number(this.#view.getBigUint64(coreBlockAddr(this.coreId) + CoreBlock.off.counters + CoreCounter.indexOf(name) * 8, true));
  }

  load(batch: Batch): void {
    for (const frame of this.pages.codeFrames) this.engine.invalidateFrame(frame);
    this.pages.placeCode(batch);
    this.loadData(batch);
  }

  /** Like `load` when the code is in place already and nobody has it decoded. */
  loadData(batch: Batch): void {
    this.#batch = batch;
    this.pages.data.set(batch.data);
    this.#shadow.set(batch.data);
    this.pages.ro.set(batch.ro);
    this.pages.resetExec();
  }

  run(index: number, out: DataView, outAt: number): void {
    const batch = this.#batch!;
    const at = batch.at(index);
    this.#applyPatches(batch, at);
    loadTcb(this.#view, this.tcb, batch.view, at);
    const trap = this.#runToTrap(index & 1 ? SMALL_BUDGET : BUDGET_BRANCHES);
    this.#storeTrap(trap, out, outAt);
    storeTcb(this.#view, this.tcb, out, outAt);
    this.#takeMemory(out, outAt);
    this.#undoPatches(batch, at);
  }

  #runToTrap(budget: number): number {
    let highFills = 0;
    // Small budgets come with a pending interrupt, as from a signal.
    this.#setInterrupt(budget === SMALL_BUDGET ? 1 : 0);
    for (let turn = 0; turn < MAX_PREEMPTIONS; ) {
      const trap = this.#runOnce(budget);
      if (trap === Trap.EXCEPTION && highFills < MAX_HIGH_FILLS && this.#fillHigh()) highFills++;
      else if (trap === Trap.PREEMPT || trap === Trap.INTERRUPT) {
        this.#setInterrupt(0);
        turn++;
      }
      else return trap;
    }
    return Trap.PREEMPT;
  }

  #setInterrupt(value: number): void {
    this.#view.setInt32(this.tcb + off.interrupt, value, true);
  }

  /** An error thrown by the engine (a run-time function that fails) shows up as a mismatch. */
  #runOnce(budget: number): number {
    try {
      return this.engine.run(this.tcb, budget);
    } catch (error) {
      if (!this.#errors.has(String(error))) console.error(`${this.name}: ${String(error)}`);
      this.#errors.add(String(error));
      return Trap.CORE_ERROR;
    }
  }

  /** Answers a page fault above 4 GiB. */
  #fillHigh(): boolean {
    const view = this.#view;
    if (view.getUint32(this.tcb + off.trapVector, true) !== Vector.PF) return false;
    return this.pages.fillHigh(view, this.tcb, Number(view.getBigUint64(this.tcb + off.trapAddr, true)), view.getUint32(this.tcb + off.trapErrorCode, true));
  }

  #storeTrap(trap: number, out: DataView, at: number): void {
    const view = this.#view;
    const vector = view.getUint32(this.tcb + off.trapVector, true);
    out.setUint32(at + CaseOut.off.signo, trap === Trap.PREEMPT ? TIMEOUT_SIGNAL : 0, true);
    out.setUint32(at + CaseOut.off.vector, trap === Trap.EXCEPTION ? vector : 0x100 + trap, true);
    out.setUint32(at + CaseOut.off.error, view.getUint32(this.tcb + off.trapErrorCode, true), true);
    if (vector === Vector.PF) out.setBigUint64(at + CaseOut.off.faultAddr, view.getBigUint64(this.tcb + off.trapAddr, true), true);
  }

  #applyPatches(batch: Batch, at: number): void {
    for (let i = 0; i < PATCHES; i++) {
      const record = at + CaseIn.off.patches + i * Patch.sizeBytes;
      const offset = batch.view.getUint32(record + Patch.off.offset, true);
      const size = batch.view.getUint32(record + Patch.off.size, true);
      if (size === 0) continue;
      const bytes = batch.bytes.subarray(record + Patch.off.bytes, record + Patch.off.bytes + size);
      this.#data.set(bytes, offset);
      this.#shadow.set(bytes, offset);
    }
  }

  #undoPatches(batch: Batch, at: number): void {
    for (let i = 0; i < PATCHES; i++) {
      const record = at + CaseIn.off.patches + i * Patch.sizeBytes;
      const offset = batch.view.getUint32(record + Patch.off.offset, true);
      const bytes = batch.data.subarray(offset, offset + batch.view.getUint32(record + Patch.off.size, true));
      this.#data.set(bytes, offset);
      this.#shadow.set(bytes, offset);
    }
  }

  #takeMemory(out: DataView, at: number): void {
    const data = this.#data;
    const shadow = this.#shadow;
    if (data.compare(shadow) === 0) return;
    let start = 0;
    let end = DATA_BYTES;
    while (data[start] === shadow[start]) start++;
    while (data[end - 1] === shadow[end - 1]) end--;
    out.setUint32(at + CaseOut.off.diffStart, start, true);
    out.setUint32(at + CaseOut.off.diffEnd, end, true);
    out.setUint32(at + CaseOut.off.diffHash, hashBytes(data, start, end), true);
    const shown = Math.min(end - start, INLINE_DIFF_BYTES);
    for (let i = 0; i < shown; i++) out.setUint8(at + CaseOut.off.diff + i, data[start + i]!);
    data.set(shadow.subarray(start, end), start);
  }
}
