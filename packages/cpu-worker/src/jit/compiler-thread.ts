import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { JitArea } from './jit-area.js';
import type { RegionRequest } from './region-abi.js';
import { RequestRing } from './request-ring.js';

/** What the compiling thread is started with. */
export interface CompilerWorkerData {
  readonly memory: WebAssembly.Memory;
  /** Its number in JitHeader.compiler. */
  readonly number: number;
}

/** A compiler that has shown no sign of life for so long is taken for dead. */
const DEAD_AFTER_MS = 30_000;
/** Translation makes many short-lived objects, as decoding does (kernel host/core-thread.ts). */
const YOUNG_GENERATION_MB = 32;
/** Starts of one core's account: a compiler that always fails is given up. */
const MAX_STARTS = 8;

/** Milliseconds, wrapping; the same on all threads. */
export function wallMs(): number {
  return Date.now() | 0;
}

/**
 * Requests regions, and starts the thread that makes them when there is none: on the first request,
 * or when the last one has ended. Nobody waits for it.
 */
export class CompilerThread {
  readonly #ring: RequestRing;
  #starts = 0;

  constructor(readonly area: JitArea, /** The package's dist folder. */ readonly dist: URL) {
    this.#ring = new RequestRing(area);
  }

  /** A page was decoded for the first time: it may have kept translations, which are found when a thread runs. */
  noteNewPage(address: number, tableExec: number): void {
    this.#ring.push({ rip: address, tableExec, isNewPage: true });
  }

  request(request: RegionRequest): void {
    this.#ring.push(request);
    this.wake();
  }

  /** Starts the thread if there is none; false: there is one. */
  wake(): boolean {
    const { i32 } = this.area.shared;
    const inCharge = Atomics.load(i32, this.area.word('compiler'));
    const silentMs = (wallMs() - Atomics.load(i32, this.area.word('heartbeatMs'))) | 0;
    return (inCharge <= 0 || silentMs > DEAD_AFTER_MS) && this.#start(inCharge);
  }

  /** Numbers count up; a thread that ends leaves its number negative. */
  #start(from: number): boolean {
    const { i32, memory } = this.area.shared;
    if (this.#starts >= MAX_STARTS) return false;
    const number = Math.abs(from) + 1;
    if (Atomics.compareExchange(i32, this.area.word('compiler'), from, number) !== from) return false;
    Atomics.store(i32, this.area.word('heartbeatMs'), wallMs());
    this.#starts++;
    const workerData: CompilerWorkerData = { memory, number };
    const worker = new Worker(this.#script(), { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } });
    worker.on('error', () => undefined);
    worker.unref();
    return true;
  }

  #script(): URL {
    const bundle = new URL('compiler-bundle/boot.cjs', this.dist);
    return existsSync(bundle) ? bundle : new URL('jit/compiler-worker.js', this.dist);
  }
}
