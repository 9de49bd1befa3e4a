/**
 * One emulated core on a thread of its own: runs a task control block until int3, then reports.
 * Started by tests/isa/atomics.test.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Trap } from '@troupe/abi/layout/tcb.js';
import { FramePool } from '@troupe/abi/shared/frames.js';
import { viewMemory } from '@troupe/abi/shared/shared-memory.js';
import { createInterpEngineSync } from '@troupe/cpu-worker/interp/engine.js';

export interface AtomicWorkerData {
  readonly memory: WebAssembly.Memory;
  readonly coreId: number;
}

const BUDGET_BRANCHES = 1_000_000;
const { memory, coreId } = workerData as AtomicWorkerData;
const frames = new FramePool(viewMemory(memory));
const engine = createInterpEngineSync(memory, coreId, { frames });

parentPort!.on('message', (tcb: number) => {
  let trap: number;
  do trap = engine.run(tcb, BUDGET_BRANCHES);
  while (trap === Trap.PREEMPT || trap === Trap.INTERRUPT);
  parentPort!.postMessage(trap);
});
parentPort!.postMessage(Trap.NONE);
