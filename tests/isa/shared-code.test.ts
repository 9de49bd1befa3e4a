/**
 * Two cores decode and run the same code pages at the same time, each with data pages of its own:
 * both must do what the host does.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { headerWord } from '@troupe/abi/layout/header.js';
import { FramePool } from '@troupe/abi/shared/frames.js';
import { createMemory, viewMemory } from '@troupe/abi/shared/shared-memory.js';
import { CodeCache } from '@troupe/cpu-worker/decode/code-cache.js';
import { expect } from 'chai';
import type { Batch } from '../support/oracle/batch.js';
import { HostOracle, oracleUnavailable } from '../support/oracle/host.js';
import { CaseOut } from '../support/oracle/layout.js';
import { compareCase, PROGRAM_RULE } from './compare.js';
import { GuestPages } from './engine/guest-pages.js';
import type { InterpMode } from './engine/interp-emulator.js';
import type { SharedCodeWorkerData } from './engine/shared-code-worker.js';
import { isComparable } from './fuzz.js';
import { ProgramGenerator, programPool } from './gen/program.js';
import { Outcome } from './outcome.js';
import { testableRows } from './rows.js';

const CORES = 2;
const BATCHES = 12;
const SEED = 0x5a5a;
const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;

const unavailable = oracleUnavailable();

describe(`code shared by two cores${unavailable ? ` (skipped: ${unavailable})` : ''}`, function () {
  this.timeout(60_000);

  for (const mode of ['driver', 'main'] as const) {
    it(`runs random programs as the host does, ${mode}`, async function () {
      if (unavailable) return this.skip();
      const oracle = new HostOracle();
      const cores = new Cores(mode);
      try {
        await cores.started();
        const generator = new ProgramGenerator(SEED, programPool(testableRows().single));
        for (let index = 0; index < BATCHES; index++) {
          const batch = generator.batch(index);
          const [host, ...results] = await Promise.all([oracle.run(batch), ...cores.run(batch)]);
          for (const result of results) expect(differences(batch, host, result)).to.deep.equal([]);
        }
      } finally {
        oracle.close();
        await cores.stop();
      }
    });
  }
});

class Cores {
  readonly #memory = createMemory();
  readonly #frames = FramePool.initialise(viewMemory(this.#memory), MEMORY_LIMIT_BYTES);
  readonly #pages = new GuestPages(this.#frames);
  readonly #cache = new CodeCache(this.#frames.shared, this.#frames);
  readonly #workers: Worker[];

  constructor(mode: InterpMode) {
    this.#frames.shared.i32[headerWord('coreCount')] = CORES;
    const codeChunk = this.#pages.codeFrames[0]!;
    this.#workers = Array.from({ length: CORES }, (_, coreId) => {
      const data: SharedCodeWorkerData = { memory: this.#memory, coreId, mode, codeChunk };
      return new Worker(new URL('engine/shared-code-worker.js', import.meta.url), { workerData: data });
    });
  }

  async started(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => once(worker, 'message')));
  }

  /** Puts the code in place, drops what was decoded, and starts all cores at once. */
  run(batch: Batch): Promise<Uint8Array>[] {
    for (const frame of this.#pages.codeFrames) this.#cache.invalidateFrame(frame);
    this.#pages.placeCode(batch);
    const results = this.#workers.map(async (worker) => (await once(worker, 'message'))[0] as Uint8Array);
    for (const worker of this.#workers) worker.postMessage(batch.request());
    return results;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function differences(batch: Batch, host: Buffer, result: Uint8Array): string[] {
  const hostView = new DataView(host.buffer, host.byteOffset, host.byteLength);
  const view = new DataView(result.buffer);
  const all: string[] = [];
  for (let i = 0; i < batch.count; i++) {
    const at = i * CaseOut.sizeBytes;
    if (isComparable(hostView, at)) all.push(...compareCase(PROGRAM_RULE, new Outcome(batch, i, hostView, view)).map(({ text }) => `case ${i}: ${text}`));
  }
  return all;
}
