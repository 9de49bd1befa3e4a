/**
 * Spin lock on one word of the shared memory: 0 free, 1 held. Held only for a few dozen
 * instructions, never across a wait, a guest access or a call into another module.
 */
export function lockWord(i32: Int32Array, word: number): void {
  let spins = 0;
  while (Atomics.compareExchange(i32, word, 0, 1) !== 0) {
    if (++spins > 200 && canBlock) Atomics.wait(i32, word, 1, 1);
  }
}

export function unlockWord(i32: Int32Array, word: number): void {
  Atomics.store(i32, word, 0);
}

/** Atomics.wait is allowed in Node on every thread, main included; in browsers only in workers. */
const canBlock = typeof process !== 'undefined';
