import { headerWord } from '@troupe/abi/layout/header.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';

const EXEC_VERSION = headerWord('execVersion');
/** Guest addresses have 47 bits: a key, which is a number of 17 bits above them, and an origin add up to what no other pair does. */
const KEY_SHIFT_HIGH = 47 - 32;
const MAX_NUMBER = 2 ** 17;

/**
 * Numbers of execute tables as they stand: as long as a core sees the same number, no entry of the table
 * has been withdrawn, so that a region that fitted its code still does. Entries are withdrawn before
 * KernelHeader.execVersion is incremented and the cores in guest code are waited for (kernel mm/shootdown.ts).
 *
 *   Owns: nothing shared; numbers are a core's own, as the globals of the regions it has installed
 */
export class CodeKeys {
  #version = 0;
  #last = 0;
  /** The table asked for last, and its key. */
  #table = -1;
  #highWord = 0;
  readonly #numbers = new Map<number, number>();

  constructor(
    readonly shared: SharedMemory,
    /** All numbers were given: what regions remember must be forgotten. */
    readonly onWrap: () => void,
  ) {}

  /** High word of TCB.codeKey for the table (the low one is 0), once the core counts as in guest code. */
  highWordOf(tableExec: number): number {
    const version = Atomics.load(this.shared.i32, EXEC_VERSION);
    if (version === this.#version && tableExec === this.#table) return this.#highWord;
    if (version !== this.#version) {
      this.#numbers.clear();
      this.#version = version;
    }
    this.#table = tableExec;
    this.#highWord = (this.#numbers.get(tableExec) ?? this.#next(tableExec)) << KEY_SHIFT_HIGH;
    return this.#highWord;
  }

  #next(tableExec: number): number {
    if (++this.#last === MAX_NUMBER) {
      this.#last = 1;
      this.#numbers.clear();
      this.onWrap();
    }
    this.#numbers.set(tableExec, this.#last);
    return this.#last;
  }
}
