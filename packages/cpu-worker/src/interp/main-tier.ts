import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { headerWord } from '@troupe/abi/layout/header.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { markQuick } from './compile-optimised.js';
import { readCompiled } from './compiled-module.js';
import { MAIN_EXPORT, MAIN_SLOT } from './forms.js';
import { MainState, type CompilerData } from './main-state.js';

/**
 * Brings the main loop in: at once when its machine code was kept at the build (compiled-module.ts), else
 * when programs run long enough. Its compilation takes most of a second and its unoptimised code is slower than the cold handlers, so a helper thread compiles it with the
 * optimising compiler only; the cores then get that code from V8's cache of modules by their bytes.
 * Two stages: a quick one for programs of some tenths of a second, a full one for long ones.
 *
 * KernelHeader.interpreterWarm: a core sets …REQUESTED and starts the helper; the helper sets
 * …COMPILED and stays until a core, which holds the module from then on, sets …HELD.
 */
const STATE = headerWord('interpreterWarm');
/** Instructions on one core after which each stage is worth it. */
const KEPT_INSTRUCTIONS = 20_000;
/** V8 refuses it while another thread compiles under flags of its own: it is tried again, up to here. */
const LAST_KEPT_INSTRUCTIONS = 50_000_000;
const QUICK_INSTRUCTIONS = 20_000_000;
const FULL_INSTRUCTIONS = 150_000_000;
/** With regions, which take over what stays hot, the full stage (1 to 2 s of CPU time) seldom pays. */
const FULL_INSTRUCTIONS_BESIDE_REGIONS = 600_000_000;

export class MainTier {
  /** Stage in the table: COLD, QUICK_HELD or FULL_HELD. */
  #installed: number = MainState.COLD;
  #instructions = 0;
  /** Instructions after which kept machine code is tried. */
  #keptAt = KEPT_INSTRUCTIONS;
  readonly #fullAt: number;

  constructor(
    readonly shared: SharedMemory,
    readonly coreBlock: number,
    readonly table: WebAssembly.Table,
    /** The package's dist folder. */
    readonly dist: URL,
    eager: boolean,
    hasRegions: boolean,
  ) {
    this.#fullAt = hasRegions ? FULL_INSTRUCTIONS_BESIDE_REGIONS : FULL_INSTRUCTIONS;
    if (eager && !this.#installKept()) this.#install(MainState.FULL_HELD);
  }

  /** Whether the main loop may run. */
  get ready(): boolean {
    if (this.#installed < MainState.FULL_HELD) this.#advance();
    return this.#installed > MainState.COLD;
  }

  /** Instructions run since. */
  ran(instructions: number): void {
    this.#instructions += instructions;
  }

  #advance(): void {
    const state = Atomics.load(this.shared.i32, STATE);
    if (this.#instructions > this.#keptAt && this.#installKept()) return;
    if (state >= MainState.FULL_COMPILED) this.#install(MainState.FULL_HELD);
    else if (state >= MainState.QUICK_COMPILED && this.#installed === MainState.COLD) this.#install(MainState.QUICK_HELD);
    else if (state === MainState.COLD && this.#instructions > QUICK_INSTRUCTIONS) this.#request(state, MainState.QUICK_REQUESTED);
    else if (state === MainState.QUICK_HELD && this.#instructions > this.#fullAt) this.#request(state, MainState.FULL_REQUESTED);
  }

  #request(from: number, to: number): void {
    if (Atomics.compareExchange(this.shared.i32, STATE, from, to) !== from) return;
    const workerData: CompilerData = { memory: this.shared.memory, wasm: new URL('main.wasm', this.dist).href, stateWord: STATE, compiled: to + 1 };
    const worker = new Worker(new URL('interp/main-compiler.js', this.dist), { workerData });
    worker.on('error', () => undefined);
    worker.unref();
  }

  /** Other cores do likewise, each for itself: the state word stays. */
  #installKept(): boolean {
    this.#keptAt = this.#keptAt < LAST_KEPT_INSTRUCTIONS ? this.#keptAt * 8 : Infinity;
    const module = readCompiled(new URL('main.wasm', this.dist));
    if (module) this.#link(module, MainState.FULL_HELD);
    return module !== undefined;
  }

  #link(module: WebAssembly.Module, held: number): void {
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.shared.memory, coreBlock: this.coreBlock } });
    const main = exports[MAIN_EXPORT];
    if (main === undefined) throw new Error('main.wasm does not fit the instruction rows: run pnpm build');
    this.table.set(MAIN_SLOT, main as () => number);
    this.#installed = held;
  }

  #install(held: number): void {
    const { i32 } = this.shared;
    const wasm = readFileSync(new URL('main.wasm', this.dist));
    this.#link(new WebAssembly.Module(held === MainState.QUICK_HELD ? markQuick(wasm) : wasm), held);
    // The state may have moved on to the next stage: it is never set back.
    Atomics.compareExchange(i32, STATE, held - 1, held);
    Atomics.notify(i32, STATE);
  }
}
