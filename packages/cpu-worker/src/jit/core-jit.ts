import { CoreBlock, coreBlockAddr, CoreCounter, headerWord, type CoreCounterName } from '@troupe/abi/layout/header.js';
import { TCB, Trap } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { RunDecoder } from '../decode/run-decoder.js';
import { RunFlag } from '../interp/driver-state.js';
import { OP } from '../interp/op-record.js';
import type { RegionFunction } from '../check/checked-regions.js';
import { CodeKeys } from './code-keys.js';
import { CompilerThread } from './compiler-thread.js';
import { CoreRegions, type RegionLinkage } from './core-regions.js';
import { AREA, HEAT_ENTRIES, HEAT_ENTRY_BYTES, RegionState, type JitArea } from './jit-area.js';
import { keptFolderIn } from './jit-mode.js';
import { hasKept } from './kept-files.js';
import { REGION_HANDLER, type RegionRequest } from './region-abi.js';
import { fitsItsPages, markStale } from './region-retirement.js';
import { RegionStore } from './region-store.js';
import type { Translator } from './translator.js';

/** Short programs end before kept translations have paid for being found: the thread needs 40 ms to start, and reads files. */
const WAKE_INSTRUCTIONS = 40_000_000;
/** Set by the kernel when a program starts that will run long. */
const WAKE_COMPILER = headerWord('wakeCompiler');
/** Branches of the budget that a turn through here costs, so that tasks are preempted in time. */
const TURN_BRANCHES = 16;

/** The part of a core's engine that deals with translated code: what the driver leaves with Trap.STALE and Trap.HOT for. */
export class CoreJit {
  readonly #regions: CoreRegions;
  readonly #keys: CodeKeys;
  readonly #block: number;
  /** Low word of the counter. */
  readonly #instructions: number;
  readonly #store: RegionStore;
  readonly #thread: CompilerThread;
  /** Eager mode: made when first needed. */
  #translator: Translator | undefined;
  /** Eager mode: entries no region is made of, until more code is decoded. */
  readonly #refused = new Set<number>();
  /** Of kept translations; undefined: none are used. */
  readonly #folder: string | undefined;
  #mayWake: boolean;
  #ran = 0;

  constructor(
    readonly area: JitArea,
    frames: FramePool,
    coreId: number,
    linkage: RegionLinkage,
    readonly mode: 'background' | 'eager',
    readonly makeTranslator: () => Translator,
    dist: URL,
  ) {
    this.#block = coreBlockAddr(coreId);
    this.#instructions = this.#counter('regionInstructions') * 2;
    this.#regions = new CoreRegions(area, frames, coreId, linkage);
    this.#keys = new CodeKeys(area.shared, () => this.#regions.drop());
    this.#store = new RegionStore(area, () => this.#regions.follow());
    this.#thread = new CompilerThread(area, dist);
    this.#folder = keptFolderIn(mode);
    this.#mayWake = this.#folder !== undefined;
  }

  /** Before guest code runs; returns the driver's flags. */
  enter(tcb: number): number {
    const { u32 } = this.area.shared;
    this.#regions.follow();
    u32[((tcb + TCB.off.codeKey) >>> 2) + 1] = this.#keys.highWordOf(u32[(tcb + TCB.off.tableExec) >>> 2]!);
    return this.mode === 'eager' ? RunFlag.EAGER : RunFlag.SAMPLE;
  }

  /** Whether the task must leave guest code instead of going on. */
  mustLeave(tcb: number): number {
    const { i32 } = this.area.shared;
    const budget = (this.#block + CoreBlock.off.budget) >>> 2;
    i32[budget]! -= TURN_BRANCHES;
    if (Atomics.load(i32, (tcb + TCB.off.interrupt) >>> 2) !== 0) return Trap.INTERRUPT;
    return i32[budget]! < 0 || Atomics.load(i32, (this.#block + CoreBlock.off.command) >>> 2) !== 0 ? Trap.PREEMPT : Trap.NONE;
  }

  /** Trap.STALE: true when the region may run now; else the op must be interpreted. */
  onStale(): boolean {
    const { i32, u16, u32 } = this.area.shared;
    i32[(this.#block + CoreBlock.off.regionMissing) >>> 2] = 0;
    const op = u32[(this.#block + CoreBlock.off.mainOp) >>> 2]!;
    const id = Atomics.load(u16, (op + OP.handler) >>> 1) - REGION_HANDLER;
    if (id < 0) return true;
    if (!this.#regions.isInstalled(id)) return this.#regions.install(id);
    if (this.area.state(id) === RegionState.LIVE && !fitsItsPages(this.area, id)) {
      markStale(this.area, id);
      this.#cool(op);
    }
    return false;
  }

  /** The function of the region that Trap.STALE stands for, when this core has it and may run it. */
  regionFunction(): RegionFunction | undefined {
    const { u16, u32 } = this.area.shared;
    const id = Atomics.load(u16, (u32[(this.#block + CoreBlock.off.mainOp) >>> 2]! + OP.handler) >>> 1) - REGION_HANDLER;
    if (id < 0 || (!this.#regions.isInstalled(id) && !this.#regions.install(id))) return undefined;
    return this.#regions.linkage.regions.get(id) as RegionFunction;
  }

  /** Trap.HOT at TCB.rip: true when there is a region now. */
  onHot(tcb: number): boolean {
    const { u32 } = this.area.shared;
    const rip = (tcb + TCB.off.rip) >>> 2;
    if (u32[rip + 1] !== 0) return false;
    const request = { rip: u32[rip]!, tableExec: u32[(tcb + TCB.off.tableExec) >>> 2]! };
    if (this.mode === 'eager') return this.#translate(request);
    this.#count('regionRequests', 1);
    this.#thread.request(request);
    return false;
  }

  /** More code is decoded: what could not be translated before may be now. */
  decoded(): void {
    this.#refused.clear();
  }

  /** Instructions run since. Programs that run longer than the thread needs to start get what was kept of them. */
  ran(instructions: number): void {
    if (!this.#mayWake) return;
    this.#ran += instructions;
    const isKnown = this.area.shared.i32[WAKE_COMPILER] !== 0;
    if (this.#ran < WAKE_INSTRUCTIONS && !isKnown) return;
    this.#mayWake = false;
    if (hasKept(this.#folder!) && this.#thread.wake() && isKnown) this.area.count('wokenAtExec', 1);
  }

  /** For RunDecoder.onNewPage: undefined when nothing is kept. */
  get onNewPage(): RunDecoder['onNewPage'] {
    return this.#folder === undefined ? undefined : (address, tableExec) => this.#thread.noteNewPage(address, tableExec);
  }

  /** Instructions that ran in regions so far, modulo 2^32. */
  get instructions(): number {
    return this.area.shared.u32[this.#instructions]!;
  }

  #translate(request: RegionRequest): boolean {
    const op = this.area.shared.u32[(this.#block + CoreBlock.off.mainOp) >>> 2]!;
    if (this.#refused.has(op)) return false;
    const translator = (this.#translator ??= this.makeTranslator());
    const regions = translator.translate(request);
    if (regions?.[0]?.op === op && this.#store.publish(regions, translator.assemble(regions)) !== 0) return true;
    if (regions === undefined) this.#refused.add(op);
    return false;
  }

  /** Lets the op get hot again. */
  #cool(op: number): void {
    const entry = ((op >>> 5) ^ (op >>> 14)) & (HEAT_ENTRIES - 1);
    this.area.shared.u32[(this.area.base + AREA.heat + entry * HEAT_ENTRY_BYTES) >>> 2] = 0;
  }

  #count(name: CoreCounterName, by: number): void {
    this.area.shared.u64[this.#counter(name)]! += BigInt(by);
  }

  #counter(name: CoreCounterName): number {
    return (this.#block + CoreBlock.off.counters) / 8 + CoreCounter.indexOf(name);
  }
}
