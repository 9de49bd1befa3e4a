/**
 * What the differential tests need of an emulated CPU. Engines plug in by implementing this.
 */
import type { Batch } from '../../support/oracle/batch.js';

export interface Emulator {
  readonly name: string;
  /** False: flags that are overwritten unread may be stale at a fault. */
  readonly hasPreciseFlags: boolean;
  /** Puts the batch's data pages and the code of all its cases into guest memory. */
  load(batch: Batch): void;
  /** Runs case `index` of the loaded batch and writes a CaseOut record at byte `at` of `out`. */
  run(index: number, out: DataView, at: number): void;
}

/** Runs a whole batch; returns CaseOut records. */
export function runBatch(emulator: Emulator, batch: Batch, recordBytes: number): Uint8Array {
  const out = new Uint8Array(batch.count * recordBytes);
  const view = new DataView(out.buffer);
  emulator.load(batch);
  for (let i = 0; i < batch.count; i++) emulator.run(i, view, i * recordBytes);
  return out;
}
