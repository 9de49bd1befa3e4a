import { writeSync } from 'node:fs';
import { CoreBlock, coreBlockAddr, CoreCommand, CoreCounter, type CoreCounterName } from '@troupe/abi/layout/header.js';
import { TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import { addToU64, viewMemory, type SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { CheckedExit, CheckedRegions } from '../check/checked-regions.js';
import { RunDecoder } from '../decode/run-decoder.js';
import { loadDecoder } from '../decode/wasm-decoder.js';
import { CoreJit } from '../jit/core-jit.js';
import type { RegionLinkage } from '../jit/core-regions.js';
import { JitArea } from '../jit/jit-area.js';
import { jitMode, type JitMode } from '../jit/jit-mode.js';
import { makeFacts, makeTranslator } from '../jit/make-translator.js';
import { loadModule } from './compiled-module.js';
import { RunFlag } from './driver-state.js';
import { Status } from './status.js';
import { RUN_EXPORT } from './forms.js';
import { hostFunctions } from './host-functions.js';
import { MainTier } from './main-tier.js';
import { OwnPageStore, type OpAccess } from './own-page-store.js';
import { FreshPages } from '../worker/fresh-pages.js';
import { InCoreCalls } from '../worker/in-core-calls.js';
import { SingleStepper } from './single-step.js';
import { HIGH_CACHE, HIGH_CACHE_ENTRIES, HIGH_ENTRY_BYTES, HIGH_VICTIM_ENTRIES, HIGH_VICTIMS } from './slow-memory.js';

/**
 * The interpreter engine of one core. Code is found through TCB.tableExec (decode/code-cache.ts says
 * what its entries are); pages are decoded on first execution, inside `run`.
 */
export interface Engine {
  /** Runs guest code of the task until a trap; writes TCB.trap* and rip; returns the Trap value. */
  run(tcb: number, budgetBranches: number): number;
  /** Drops decoded code of a frame (decode/code-cache.ts, also usable from the kernel thread). */
  invalidateFrame(frame: number): void;
  stats(): Record<string, number>;
}

export interface EngineHost {
  readonly frames: FramePool;
  /** Compute flags that are overwritten unread, so that a fault in between shows them (tests, debuggers). */
  readonly preciseFlags?: boolean;
  /** Use the main loop at once (tests): waits for its compilation. */
  readonly eagerMain?: boolean;
  /** Translated code; default: none. */
  readonly jit?: JitMode;
  /** Takes differences between translated code and the interpreter; default: standard error. */
  readonly report?: (text: string) => void;
}

/** interp/driver.ts */
type Run = (tcb: number, first: number, flags: number) => number;

/** Branches of the budget that a system call or fault answered by the core counts as. */
const CALL_BRANCHES = 16;

/** The interpreter's entry; a module built from other rows than the decoder's is refused. */
function entryOf(exports: WebAssembly.Exports): Run {
  const run = exports[RUN_EXPORT];
  if (run === undefined) throw new Error('interp.wasm does not fit the instruction rows: run pnpm build');
  return run as Run;
}

const counterOffset = (name: CoreCounterName): number => CoreBlock.off.counters + CoreCounter.indexOf(name) * 8;
const DECODE_EXITS = counterOffset('decodeExits');
const DECODED_OPS = counterOffset('decodedOps');

const DIST = new URL('../', import.meta.url);

let modules: { interp: WebAssembly.Module; runtime: WebAssembly.Module } | undefined;

/** Loads the wasm modules, once per thread; a worker does it while it waits for its first task. */
export function loadModules(): { interp: WebAssembly.Module; runtime: WebAssembly.Module } {
  if (modules) return modules;
  loadDecoder();
  modules = {
    interp: loadModule(new URL('interp.wasm', DIST)),
    runtime: loadModule(new URL('runtime.wasm', DIST)),
  };
  return modules;
}

/** Run-time functions of a row that the library does not have yet raise an error when called. */
function linkRuntime(interp: WebAssembly.Module, available: Record<string, unknown>): WebAssembly.ModuleImports {
  const linked: Record<string, WebAssembly.ImportValue> = {};
  for (const { module, name } of WebAssembly.Module.imports(interp)) {
    if (module !== 'runtime') continue;
    linked[name] = (available[name] as WebAssembly.ImportValue | undefined) ?? (() => {
      throw new Error(`run-time function ${name} is missing`);
    });
  }
  return linked;
}

class InterpEngine implements Engine {
  readonly #run: Run;
  readonly #decoder: RunDecoder;
  readonly #block: number;
  #asId = -1;
  readonly #main: MainTier;
  readonly #stepper: SingleStepper;
  readonly #ownPage: OwnPageStore;
  readonly #calls: InCoreCalls;
  readonly #fresh: FreshPages;
  #nextVictim = 0;
  /** The high-address cache may have entries. */
  #hasHigh = true;
  readonly #jit: CoreJit | undefined;
  readonly #checked: CheckedRegions | undefined;

  constructor(
    readonly shared: SharedMemory,
    readonly coreId: number,
    host: EngineHost,
  ) {
    const { interp, runtime } = loadModules();
    const env = { memory: shared.memory };
    const library = new WebAssembly.Instance(runtime, { env: { ...env, abort: () => { throw new Error('run-time library: abort'); } } });
    this.#block = coreBlockAddr(coreId);
    this.#decoder = new RunDecoder(shared, host.frames, coreId, host.preciseFlags ?? process.env['TROUPE_PRECISE_FLAGS'] === '1');
    const imports = { env: { ...env, coreBlock: this.#block }, runtime: linkRuntime(interp, { ...library.exports, ...hostFunctions(shared, this.#block) }) };
    const { exports } = new WebAssembly.Instance(interp, imports);
    this.#run = entryOf(exports);
    this.#stepper = new SingleStepper(shared, this.#decoder, exports['handlers'] as WebAssembly.Table);
    this.#ownPage = new OwnPageStore(shared, host.frames, { lookup: exports['lookup'] as OpAccess['lookup'], handlers: exports['handlers'] as WebAssembly.Table });
    this.#calls = new InCoreCalls(shared, coreId);
    this.#fresh = new FreshPages(shared, host.frames, coreId);
    const { mode, isChecked } = jitMode(host.jit ?? 'off');
    this.#main = new MainTier(shared, this.#block, exports['handlers'] as WebAssembly.Table, DIST, host.eagerMain ?? process.env['TROUPE_EAGER_MAIN'] === '1', mode !== 'off');
    this.#jit = this.#makeJit(mode, host.frames, {
      regions: exports['regions'] as WebAssembly.Table,
      missing: exports['missing'] as CallableFunction,
      imports: { env: { ...imports.env, ...exports }, runtime: imports.runtime },
    });
    this.#decoder.onNewPage = this.#jit?.onNewPage;
    if (isChecked) this.#checked = this.#makeChecked(host, exports['handlers'] as WebAssembly.Table);
  }

  #makeJit(mode: 'background' | 'eager' | 'off', frames: FramePool, linkage: RegionLinkage): CoreJit | undefined {
    const area = mode === 'off' ? undefined : JitArea.of(this.shared, frames);
    return area && mode !== 'off' ? new CoreJit(area, frames, this.coreId, linkage, mode, () => makeTranslator(this.shared), DIST) : undefined;
  }

  #makeChecked(host: EngineHost, handlers: WebAssembly.Table): CheckedRegions {
    const { shared, coreId } = this;
    return new CheckedRegions({ shared, coreId, frames: host.frames, decoder: this.#decoder, handlers, facts: makeFacts(shared), report: host.report ?? ((text) => writeSync(2, `troupe: ${text}\n`)) });
  }

  run(tcb: number, budgetBranches: number): number {
    const { i32 } = this.shared;
    this.#takeFill(tcb);
    this.#ownPage.resume(tcb);
    if (this.#stepper.isOn(tcb)) return this.#stepper.step(tcb);
    i32[(this.#block + CoreBlock.off.budget) >>> 2] = budgetBranches;
    const flags = (this.#main.ready ? RunFlag.MAIN : 0) | (this.#checked ? RunFlag.CHECK : 0) | (this.#jit?.enter(tcb) ?? 0);
    const before = this.#retired(tcb);
    const inRegions = this.#jit?.instructions ?? 0;
    const trap = this.#runGuest(tcb, flags);
    const ran = (this.#retired(tcb) - before) >>> 0;
    // Regions do without the main loop.
    this.#main.ran(ran - (((this.#jit?.instructions ?? 0) - inRegions) >>> 0));
    this.#jit?.ran(ran);
    return trap;
  }

  /** Low word of TCB.instructions. */
  #retired(tcb: number): number {
    return this.shared.u32[(tcb + TCB.off.instructions) >>> 2]!;
  }

  #runGuest(tcb: number, flags: number): number {
    let first = 0;
    for (let turn = 0; ; turn++) {
      const trap = this.#run(tcb, first, flags);
      first = 0;
      if (trap === Trap.EXCEPTION) {
        if (!this.#fresh.answer(tcb)) return this.#exceptionTrap(tcb);
        const leave = this.#mustLeave(tcb);
        if (leave !== Trap.NONE) return leave;
        continue;
      }
      if (trap === Trap.DECODE) {
        const status = this.#ownPage.run(tcb);
        if (status === Status.FAULT || status === Status.LEAVE) return this.#exceptionTrap(tcb);
        if (status === undefined && !this.#decode(tcb)) return Trap.EXCEPTION;
        continue;
      }
      if (trap === Trap.SYSCALL && this.#calls.answer(tcb)) {
        const leave = this.#mustLeave(tcb);
        if (leave !== Trap.NONE) return leave;
        continue;
      }
      if (this.#jit === undefined || (trap !== Trap.STALE && trap !== Trap.HOT)) return trap;
      // Not before the first turn, so that a budget of any size gets on.
      const leave = turn > 0 ? this.#jit.mustLeave(tcb) : Trap.NONE;
      if (leave !== Trap.NONE) return leave;
      const region = this.#checked && trap === Trap.STALE ? this.#jit.regionFunction() : undefined;
      if (region) {
        const exit = this.#checked!.run(tcb, region);
        if (exit === CheckedExit.SYSCALL) return Trap.SYSCALL;
        if (exit === CheckedExit.EXCEPTION) return this.#exceptionTrap(tcb);
        first = exit === CheckedExit.INTERPRET ? 1 : 0;
        continue;
      }
      const runsRegion = trap === Trap.STALE ? this.#jit.onStale() : this.#jit.onHot(tcb);
      first = runsRegion ? 0 : 1;
    }
  }

  /** After a call or fault that the core answered; they take their share of the budget. */
  #mustLeave(tcb: number): number {
    const { i32 } = this.shared;
    const budget = (this.#block + CoreBlock.off.budget) >>> 2;
    i32[budget]! -= CALL_BRANCHES;
    if (Atomics.load(i32, (tcb + TCB.off.interrupt) >>> 2) !== 0) return Trap.INTERRUPT;
    return i32[budget]! < 0 || Atomics.load(i32, (this.#block + CoreBlock.off.command) >>> 2) !== 0 ? Trap.PREEMPT : Trap.NONE;
  }

  /** A program that set RFLAGS.TF stays with the core, which goes on in single steps. */
  #exceptionTrap(tcb: number): number {
    this.#decoder.refineFault(tcb);
    this.#ownPage.note(tcb);
    return this.shared.u32[(tcb + TCB.off.trapVector) >>> 2] === Vector.STEP ? Trap.PREEMPT : Trap.EXCEPTION;
  }

  #decode(tcb: number): boolean {
    const before = this.#decoder.decodedOps;
    const isDecoded = this.#decoder.decodeAt(tcb);
    this.#count(DECODE_EXITS, 1);
    this.#count(DECODED_OPS, this.#decoder.decodedOps - before);
    this.#jit?.decoded();
    return isDecoded;
  }

  /** `at`: in the core block. */
  #count(at: number, by: number): void {
    addToU64(this.shared.u32, (this.#block + at) >>> 2, by);
  }

  /** Keeps the high-address cache in step with the address space and takes the kernel's last answer. */
  #takeFill(tcb: number): void {
    const { u32, u8 } = this.shared;
    const asId = u32[(tcb + TCB.off.asId) >>> 2]!;
    const cache = this.#block + HIGH_CACHE;
    const command = (this.#block + CoreBlock.off.command) >>> 2;
    const flush = (Atomics.and(this.shared.i32, command, ~CoreCommand.FLUSH_HIGH) & CoreCommand.FLUSH_HIGH) !== 0;
    if (this.#hasHigh && (asId !== this.#asId || flush)) {
      this.#hasHigh = false;
      u8.fill(0, cache, cache + HIGH_CACHE_ENTRIES * HIGH_ENTRY_BYTES);
      u8.fill(0, this.#block + HIGH_VICTIMS, this.#block + HIGH_VICTIMS + HIGH_VICTIM_ENTRIES * HIGH_ENTRY_BYTES);
    }
    this.#asId = asId;
    const fill = (tcb + TCB.off.fillPage) >>> 2;
    if (u32[fill] === 0 && u32[fill + 1] === 0) return;
    const index = (u32[fill]! >>> 12) & (HIGH_CACHE_ENTRIES - 1);
    const slot = (cache + index * HIGH_ENTRY_BYTES) >>> 2;
    const victim = (this.#block + HIGH_VICTIMS + this.#nextVictim * HIGH_ENTRY_BYTES) >>> 2;
    this.#nextVictim = (this.#nextVictim + 1) % HIGH_VICTIM_ENTRIES;
    u32.copyWithin(victim, slot, slot + 4);
    u32.copyWithin(slot, fill, fill + 4);
    this.#hasHigh = true;
    u32[fill] = u32[fill + 1] = 0;
  }

  invalidateFrame(frame: number): void {
    this.#ownPage.forget();
    this.#decoder.cache.invalidateFrame(frame);
  }

  stats(): Record<string, number> {
    const stats: Record<string, number> = { decodedOps: this.#decoder.decodedOps };
    for (const [bytes, count] of this.#decoder.unsupported) stats[`unsupported ${bytes}`] = count;
    return stats;
  }
}

/** An engine for a core; the wasm modules are compiled once per thread. */
export function createInterpEngineSync(memory: WebAssembly.Memory, coreId: number, host: EngineHost): Engine {
  return new InterpEngine(viewMemory(memory), coreId, host);
}
