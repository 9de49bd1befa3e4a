import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { headerWord } from '@troupe/abi/layout/header.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { MAIN_EXPORT, MAIN_SLOT } from './forms.js';
import { MainState, type CompilerData } from './main-state.js';

/**
 * Brings the main loop in when programs run long enough. Its compilation takes most of a second and
 * its unoptimised code is slower than the cold handlers, so a helper thread compiles it with the
 * optimising compiler only; the cores then get that code from V8's cache of modules by their bytes.
 *
 * KernelHeader.interpreterWarm: 0 cold; a core sets REQUESTED and starts the helper; the helper sets
 * COMPILED and stays until a core, which holds the module from then on, sets HELD.
 */
const STATE = headerWord('interpreterWarm');
/** Instructions on one core after which the main loop is worth it. */
const WARM_INSTRUCTIONS = 20_000_000;

export class MainTier {
  #ready = false;
  #instructions = 0;

  constructor(
    readonly shared: SharedMemory,
    readonly coreBlock: number,
    readonly table: WebAssembly.Table,
    /** The package's dist folder. */
    readonly dist: URL,
    readonly eager: boolean,
  ) {
    if (eager) this.#install();
  }

  /** Whether the main loop may run. */
  get ready(): boolean {
    return this.#ready || (this.#instructions > WARM_INSTRUCTIONS && this.#advance());
  }

  /** Instructions run without it. */
  ran(instructions: number): void {
    this.#instructions += instructions;
    // Another core may have got it already.
    if (Atomics.load(this.shared.i32, STATE) >= MainState.COMPILED) this.#instructions = Infinity;
  }

  #advance(): boolean {
    const { i32 } = this.shared;
    const state = Atomics.load(i32, STATE);
    if (state >= MainState.COMPILED) this.#install();
    else if (Atomics.compareExchange(i32, STATE, MainState.COLD, MainState.REQUESTED) === MainState.COLD) this.#request();
    return this.#ready;
  }

  #request(): void {
    const workerData: CompilerData = { memory: this.shared.memory, wasm: new URL('main.wasm', this.dist).href, stateWord: STATE };
    const worker = new Worker(new URL('interp/main-compiler.js', this.dist), { workerData });
    worker.on('error', () => undefined);
    worker.unref();
  }

  #install(): void {
    const module = new WebAssembly.Module(readFileSync(new URL('main.wasm', this.dist)));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.shared.memory, coreBlock: this.coreBlock } });
    const main = exports[MAIN_EXPORT];
    if (main === undefined) throw new Error('main.wasm does not fit the instruction rows: run pnpm build');
    this.table.set(MAIN_SLOT, main as () => number);
    this.#ready = true;
    Atomics.store(this.shared.i32, STATE, MainState.HELD);
    Atomics.notify(this.shared.i32, STATE);
  }
}
