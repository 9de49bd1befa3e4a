/** The run queue under threads: a CPU is one thread at a time, no task is lost or run twice, no sleeper is forgotten. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createMemory, Occupant, RunQueue, TCB, viewMemory } from '@troupe/abi';
import { expect } from 'chai';
import { CPUS, runRound, WORDS } from './run-queue-model.js';

const FIRST_TCB = 4 << 20;
const TASKS = 12;
const ROUNDS = 2000;
const THREADS = 3;

describe('run queue with three threads and a fourth that stands in for their CPUs', function () {
  this.timeout(60_000);

  it('runs every round of every task once, on a CPU that nobody else is', async () => {
    const memory = createMemory(16 << 20);
    const shared = viewMemory(memory);
    const { i32, u64 } = shared;
    const queue = new RunQueue(shared);
    i32[CPUS] = THREADS;
    i32[WORDS.left] = TASKS * ROUNDS;
    const threads = Array.from({ length: THREADS }, (_, cpu) => new Worker(new URL('run-queue-thread.js', import.meta.url), { workerData: { memory, cpu } }));
    const exits = Promise.all(threads.map((thread) => once(thread, 'exit')));
    await Promise.all(threads.map((thread) => once(thread, 'online')));
    for (let number = 0; number < TASKS; number++) {
      const tcb = FIRST_TCB + number * TCB.sizeBytes;
      i32[(tcb + TCB.off.tid) >> 2] = ROUNDS;
      // Every third task is pinned.
      u64[(tcb + TCB.off.affinity) / 8] = number % 3 === 0 ? 1n << BigInt(number % THREADS) : 0xffff_ffff_ffff_ffffn;
      queue.push(tcb);
    }
    for (let turn = 0; Atomics.load(i32, WORDS.left) > 0; turn++) {
      for (let cpu = 0; cpu < THREADS; cpu++) if (queue.occupy(cpu, Occupant.KERNEL)) standIn(cpu);
      queue.wantCpu();
      for (let look = 0; look < turn % 100; look++) {
        const left = queue.takeLeftCpu();
        if (left < 0) continue;
        standIn(left);
        queue.wantCpu();
      }
      const left = queue.withdrawWish();
      if (left >= 0) standIn(left);
      await new Promise((done) => setImmediate(done));
    }
    queue.wakeAll();
    await exits;
    expect(Atomics.load(i32, WORDS.violations)).to.equal(0);
    expect(Atomics.load(i32, WORDS.ran)).to.equal(TASKS * ROUNDS);
    expect(queue.isEmpty).to.equal(true);

    function standIn(cpu: number): void {
      const tcb = queue.pop(cpu);
      const goesOn = tcb !== 0 && runRound(shared, tcb, cpu);
      queue.vacate(cpu);
      if (goesOn) queue.push(tcb);
    }
  });
});
