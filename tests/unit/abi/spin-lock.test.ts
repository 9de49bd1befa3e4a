/** The lock of the shared memory: who sleeps on it is woken. */
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { lockWord, unlockWord } from '@troupe/abi/shared/spin-lock.js';
import { expect } from 'chai';

const HOLDER = `
  const { workerData } = require('node:worker_threads');
  import(workerData.url).then(({ lockWord, unlockWord }) => {
    const { i32, rounds } = workerData;
    for (let round = 0; round < rounds; round++) {
      lockWord(i32, 0);
      i32[1]++;
      if (round % 50 === 0) Atomics.wait(i32, 2, 0, 0.2);
      unlockWord(i32, 0);
    }
  });`;

describe('lock of the shared memory', function () {
  this.timeout(60_000);

  it('lets one thread in at a time, and in the end is free', async () => {
    const rounds = 5000;
    const i32 = new Int32Array(new SharedArrayBuffer(64));
    const url = import.meta.resolve('@troupe/abi/shared/spin-lock.js');
    const threads = [0, 1].map(() => new Worker(HOLDER, { eval: true, workerData: { i32, rounds, url } }));
    const ends = threads.map((thread) => once(thread, 'exit'));
    for (let round = 0; round < rounds; round++) {
      lockWord(i32, 0);
      i32[1]!++;
      unlockWord(i32, 0);
      if (round % 100 === 0) await new Promise((done) => setImmediate(done));
    }
    await Promise.all(ends);
    expect([i32[0], i32[1]]).to.deep.equal([0, 3 * rounds]);
  });

  it('is left by a notification, not only by a store', () => {
    const i32 = new Int32Array(new SharedArrayBuffer(64));
    lockWord(i32, 0);
    expect(i32[0]).to.equal(1);
    // Somebody sleeps on it.
    i32[0] = 2;
    unlockWord(i32, 0);
    expect(i32[0]).to.equal(0);
  });
});
