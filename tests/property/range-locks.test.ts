// Byte-range locks against a model that knows the owner of every byte.
import { expect } from 'chai';
import fc from 'fast-check';
import { RangeLocks, type LockOwner, type RangeLockKind } from '@troupe/vfs';

const SIZE = 24;
const OWNERS: readonly LockOwner[] = Array.from({ length: 3 }, () => ({ waitsForLockOf: null }));

interface Step {
  readonly owner: number;
  readonly start: number;
  readonly length: number;
  readonly op: RangeLockKind | 'unlock';
}

const step: fc.Arbitrary<Step> = fc.record({
  owner: fc.nat(OWNERS.length - 1), start: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: SIZE }), op: fc.constantFrom('read' as const, 'write' as const, 'unlock' as const),
});

/** kinds[owner][byte] */
type Model = (RangeLockKind | null)[][];

function apply(model: Model, locks: RangeLocks, { length, op, owner, start }: Step): void {
  const end = Math.min(SIZE, start + length);
  const bytes = Array.from({ length: end - start }, (_, index) => start + index);
  const lock = { owner: OWNERS[owner]!, kind: op === 'unlock' ? ('read' as const) : op, startBytes: start, endBytes: end, pid: owner };
  if (op === 'unlock') {
    locks.release(lock.owner, start, end);
    for (const byte of bytes) model[owner]![byte] = null;
    return;
  }
  const isBlocked = model.some((row, other) => other !== owner && bytes.some((byte) => row[byte] === 'write' || (row[byte] !== null && op === 'write')));
  expect(locks.conflict(lock) !== undefined).to.equal(isBlocked);
  if (isBlocked) return;
  locks.acquire(lock);
  for (const byte of bytes) model[owner]![byte] = op;
}

describe('RangeLocks (property)', () => {
  it('holds exactly the bytes a model holds, merged', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const model: Model = OWNERS.map(() => Array.from({ length: SIZE }, () => null));
      const locks = new RangeLocks();
      for (const one of steps) {
        apply(model, locks, one);
        const held: Model = OWNERS.map(() => Array.from({ length: SIZE }, () => null));
        for (const lock of locks.held) {
          const row = held[OWNERS.indexOf(lock.owner)]!;
          for (let byte = lock.startBytes; byte < lock.endBytes; byte++) {
            expect(row[byte], 'ranges of one owner overlap').to.equal(null);
            row[byte] = lock.kind;
          }
        }
        expect(held).to.deep.equal(model);
      }
    }), { numRuns: 300 });
  });
});
