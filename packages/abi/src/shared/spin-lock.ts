/**
 * Lock on one word of the shared memory: 0 free, 1 held, 2 held and somebody sleeps on it. Held for a few dozen
 * instructions, some 20 µs when many frames are freed at once; never across a wait, a guest access or a call into
 * another module.
 */
const FREE = 0;
const HELD = 1;
const AWAITED = 2;
/** Some 30 µs: a wake-up through the host takes longer than the lock is held, unless its holder has lost the processor. */
const SPINS = 20_000;
const RETRY_MS = 1;

export function lockWord(i32: Int32Array, word: number): void {
  if (Atomics.compareExchange(i32, word, FREE, HELD) !== FREE) lockContended(i32, word);
}

function lockContended(i32: Int32Array, word: number): void {
  for (let spins = 0; spins < SPINS || !canBlock; spins++) {
    if (Atomics.load(i32, word) === FREE && Atomics.compareExchange(i32, word, FREE, HELD) === FREE) return;
  }
  while (Atomics.exchange(i32, word, AWAITED) !== FREE) Atomics.wait(i32, word, AWAITED, RETRY_MS);
}

export function unlockWord(i32: Int32Array, word: number): void {
  if (Atomics.exchange(i32, word, FREE) === AWAITED) Atomics.notify(i32, word, 1);
}

/** Atomics.wait is allowed in Node on every thread, main included; in browsers only in workers. */
const canBlock = typeof process !== 'undefined';
