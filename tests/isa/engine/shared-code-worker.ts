/**
 * One emulated core that runs batches whose code pages other cores run at the same time. Started by
 * tests/isa/shared-code.test.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { FramePool } from '@troupe/abi/shared/frames.js';
import { viewMemory } from '@troupe/abi/shared/shared-memory.js';
import { Batch } from '../../support/oracle/batch.js';
import { CaseOut } from '../../support/oracle/layout.js';
import { GuestPages } from './guest-pages.js';
import { InterpEmulator, type InterpMode } from './interp-emulator.js';

export interface SharedCodeWorkerData {
  readonly memory: WebAssembly.Memory;
  readonly coreId: number;
  readonly mode: InterpMode;
  /** Linear address of the code pages. */
  readonly codeChunk: number;
}

const { memory, coreId, mode, codeChunk } = workerData as SharedCodeWorkerData;
const emulator = InterpEmulator.join(memory, coreId, mode, new GuestPages(new FramePool(viewMemory(memory)), codeChunk));

parentPort!.on('message', (request: Uint8Array) => {
  const batch = Batch.of(request);
  const out = new Uint8Array(batch.count * CaseOut.sizeBytes);
  const view = new DataView(out.buffer);
  emulator.loadData(batch);
  for (let i = 0; i < batch.count; i++) emulator.run(i, view, i * CaseOut.sizeBytes);
  parentPort!.postMessage(out);
});
parentPort!.postMessage(null);
