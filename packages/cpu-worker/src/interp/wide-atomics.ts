import { CoreBlock, KernelHeader } from '@troupe/abi/layout/header.js';
import { ADDEND_BIAS, KERNEL_HEADER } from '@troupe/abi/layout/memory-map.js';
import { ATOMIC } from '../ir/atomic-ops.js';
import type { ExpressionBuilder } from '../ir/expression-builder.js';
import type { I32, I64 } from '../ir/types.js';

/** Where an access that crosses a page is put together: reads, then writes. */
export const BOUNCE_READ = CoreBlock.off.scratch;
export const BOUNCE_WRITE = CoreBlock.off.scratch + 512;

export interface WideLinkage {
  readonly block: number;
  readonly pending: readonly [first: number, second: number, firstBytes: number, bytes: number];
  readonly pairCas: number;
}

/**
 * Locked operations that wasm atomics cannot do: unaligned ones and those of 16 bytes.
 *
 * What lies within an aligned word of 8 bytes is one compare-and-exchange of that word. What lies in
 * two words is two of them, under a global lock (KernelHeader.bigAtomicLock) that keeps others of
 * its kind away; plain stores and aligned atomics of other cores know nothing of the lock, so both
 * words are exchanged only for what was read, and the first is put back when the second has changed.
 * Nothing that another core stores is lost (SDM Vol. 3A 8.1.2); between the two exchanges another
 * core may see one word new and the other old.
 */
export class WideAtomics {
  constructor(
    readonly b: ExpressionBuilder,
    readonly link: WideLinkage,
  ) {}

  #global(index: number): I32 { return this.b['make']('i32', { kind: 'global', index }); }
  #load(address: I32): I64 { return this.b.atomic('i64', ATOMIC.load[64], 0, [address]); }
  #cas(address: I32, expected: I64, desired: I64): I64 { return this.b.atomic('i64', ATOMIC.cmpxchg[64], 0, [address, expected, desired]); }
  /** `value` with the bits of `mask` from `bits`. */
  #merge(value: I64, mask: I64, bits: I64): I64 { return this.b.or(this.b.and(value, this.b.xor(mask, this.b.i64(-1))), this.b.and(bits, mask)); }

  /** (w0, w1, old0, old1, new0, new1, mask0) → 1: both words exchanged, or 0: neither. mask0: the bits of w0 that are ours. */
  pairCas(): void {
    const { b } = this;
    const [w0, w1] = [b.local('i32', 0), b.local('i32', 1)];
    const [old0, old1, new0, new1, mask] = [2, 3, 4, 5, 6].map((at) => b.local('i64', at)) as [I64, I64, I64, I64, I64];
    b.if(b.ne(this.#cas(w0, old0, new0), old0), () => b.returnValue(b.i32(0)));
    b.if(b.eq(this.#cas(w1, old1, new1), old1), () => b.returnValue(b.i32(1)));
    const current = b.variable('i64', new0);
    b.loop(() => {
      const before = b.getVar(current);
      const seen = this.#cas(w0, before, this.#merge(before, mask, old0));
      b.setVar(current, seen);
      const isOurs = b.eq(b.and(seen, mask), b.and(new0, mask));
      return b.and(b.ne(seen, before), isOurs);
    });
    b.returnValue(b.i32(0));
  }

  /**
   * (address less ADDEND_BIAS, bytes, expected, desired) → the old value: compare-and-exchange of 2, 4
   * or 8 bytes that are not aligned; the address may be the bounce buffer of a pending write.
   */
  unalignedCas(): void {
    const { b } = this;
    const [address, bytes, expected, desired] = [b.local('i32', 0), b.local('i32', 1), b.local('i64', 2), b.local('i64', 3)];
    const crossesPage = b.eq(address, b.add(this.#global(this.link.block), b.i32(BOUNCE_WRITE - ADDEND_BIAS)));
    const first = b.select(crossesPage, this.#global(this.link.pending[0]), b.add(address, b.i32(ADDEND_BIAS)));
    const offset = b.and(first, b.i32(7));
    const w0 = b.sub(first, offset);
    const w1 = b.select(crossesPage, this.#global(this.link.pending[1]), b.add(w0, b.i32(8)));
    const shift = b.zext64(b.shl(offset, b.i32(3)));
    const rest = b.sub(b.i64(64), shift);
    const mask = b.shrU(b.i64(-1), b.zext64(b.sub(b.i32(64), b.shl(bytes, b.i32(3)))));
    const old = b.variable('i64', b.i64(0));
    b.if(b.leU(b.add(offset, bytes), b.i32(8)), () => {
      b.loop(() => {
        const word = this.#load(w0);
        b.setVar(old, b.and(b.shrU(word, shift), mask));
        b.if(b.ne(b.getVar(old), expected), () => b.returnValue(b.getVar(old)));
        return b.ne(this.#cas(w0, word, this.#merge(word, b.shl(mask, shift), b.shl(desired, shift))), word);
      });
      b.returnValue(expected);
    });
    underLock(b, () => {
      const again = b.variable('i32', b.i32(0));
      b.loop(() => {
        const word0 = this.#load(w0);
        const word1 = this.#load(w1);
        b.setVar(old, b.and(b.or(b.shrU(word0, shift), b.shl(word1, rest)), mask));
        b.setVar(again, b.ne(this.#load(w0), word0));
        b.if(b.eq(b.getVar(old), expected), () => {
          const new0 = this.#merge(word0, b.shl(mask, shift), b.shl(desired, shift));
          const new1 = this.#merge(word1, b.shrU(mask, rest), b.shrU(desired, rest));
          b.setVar(again, b.eqz(b.callIndex(this.link.pairCas, 'i32', [w0, w1, word0, word1, new0, new1, b.shl(mask, shift)])));
        });
        return b.getVar(again);
      });
    });
    b.returnValue(b.getVar(old));
  }
}

/** Runs `build` with the lock of all cores for wide operations; waits for it. */
export function underLock(b: ExpressionBuilder, build: () => void): void {
  const lock = b.i32(KERNEL_HEADER + KernelHeader.off.bigAtomicLock);
  b.loop(() => b.atomic('i32', ATOMIC.cmpxchg[32], 0, [lock, b.i32(0), b.i32(1)]));
  build();
  b.atomicVoid(ATOMIC.store[32], 0, [lock, b.i32(0)]);
}
