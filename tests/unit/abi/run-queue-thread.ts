/** A thread of run-queue-threads.test.ts: takes tasks as one CPU, as the loop of a core does. */
import { workerData } from 'node:worker_threads';
import { Occupant, RunQueue, viewMemory } from '@troupe/abi';
import { runRound, WORDS, type Setup } from './run-queue-model.js';

const { memory, cpu } = workerData as Setup;
const shared = viewMemory(memory);
const queue = new RunQueue(shared);
while (Atomics.load(shared.i32, WORDS.left) > 0) {
  const tcb = !queue.isEmpty && queue.occupy(cpu, Occupant.CORE) ? queue.pop(cpu) : -1;
  if (tcb > 0) {
    const goesOn = runRound(shared, tcb, cpu);
    if (goesOn) queue.push(tcb);
  }
  if (tcb > 0) queue.yieldCpu(cpu);
  if (tcb === 0) queue.vacate(cpu);
  if (tcb <= 0) queue.sleep(cpu, 2000);
}
queue.wakeAll();
