/** The run queue: order, priorities and CPU affinity (sched(7)). */
import { NO_WORK, Occupant, RunQueue, TCB, createMemory, headerWord, viewMemory, type SharedMemory } from '@troupe/abi';
import { expect } from 'chai';

const ALL = 0xffff_ffff_ffff_ffffn;
const FIRST_TCB = 4 << 20;

describe('run queue', () => {
  let shared: SharedMemory;
  let queue: RunQueue;

  beforeEach(() => {
    shared = viewMemory(createMemory(16 << 20));
    queue = new RunQueue(shared);
  });

  /** A task on the queue; its number stands for it. */
  function push(number: number, priority = 0, affinity = ALL): void {
    const tcb = FIRST_TCB + number * TCB.sizeBytes;
    shared.i32[(tcb + TCB.off.schedPriority) >> 2] = priority;
    shared.u64[(tcb + TCB.off.affinity) / 8] = affinity;
    queue.push(tcb);
  }

  const pop = (core: number): number | null => {
    const tcb = queue.pop(core);
    return tcb === 0 ? null : (tcb - FIRST_TCB) / TCB.sizeBytes;
  };
  const popAll = (core: number): (number | null)[] => {
    const taken: (number | null)[] = [];
    for (let next = pop(core); next !== null; next = pop(core)) taken.push(next);
    return taken;
  };

  it('gives tasks in the order they came', () => {
    for (const number of [3, 1, 2]) push(number);
    expect(popAll(0)).to.deep.equal([3, 1, 2]);
    expect(queue.isEmpty).to.equal(true);
  });

  it('gives higher priorities first, and keeps the order within one', () => {
    push(1);
    push(2, 10);
    push(3, 99);
    push(4, 10);
    expect(queue.bestPriority(0)).to.equal(99);
    expect(popAll(0)).to.deep.equal([3, 2, 4, 1]);
  });

  it('gives a core only what may run there', () => {
    push(1, 5, 0b10n);
    push(2, 0, 0b01n);
    push(3, 0, 1n << 40n);
    expect(queue.bestPriority(2)).to.equal(NO_WORK);
    expect([pop(2), pop(40), pop(1), pop(1), pop(0)]).to.deep.equal([null, 3, 1, null, 2]);
  });

  it('says which CPU is wanted beyond those that are there', () => {
    shared.i32[headerWord('cpuCount')] = 4;
    push(1);
    expect(queue.wantedFrom(1)).to.equal(-1);
    push(2, 0, 0b1100n);
    push(3, 0, 0b1000n);
    expect([queue.wantedFrom(1), queue.wantedFrom(3), queue.wantedFrom(4)]).to.deep.equal([2, 3, -1]);
  });

  it('keeps the others in order when one is taken from the middle, also around the end of the ring', () => {
    for (let round = 0; round < 3000; round++) {
      push(1);
      push(2, 1);
      push(3);
      expect(popAll(0)).to.deep.equal([2, 1, 3]);
    }
  });

  it('gives the first task only if it suits', () => {
    push(1);
    push(2, 1);
    const asked: number[] = [];
    const popIf = (answer: boolean): number => queue.popIf(0, (tcb) => asked.push((tcb - FIRST_TCB) / TCB.sizeBytes) > 0 && answer);
    expect(popIf(false)).to.equal(0);
    expect([popIf(true), pop(0), popIf(true)]).to.deep.equal([FIRST_TCB + 2 * TCB.sizeBytes, 1, 0]);
    expect(asked).to.deep.equal([2, 2]);
  });

  it('leaves a CPU to the kernel thread when that wants one, else to anybody', () => {
    shared.i32[headerWord('cpuCount')] = 2;
    for (const cpu of [0, 1]) expect(queue.occupy(cpu, Occupant.CORE)).to.equal(true);
    queue.yieldCpu(0);
    expect([queue.takeLeftCpu(), queue.occupy(0, Occupant.CORE)]).to.deep.equal([-1, true]);
    queue.wantCpu();
    queue.yieldCpu(1);
    queue.yieldCpu(0);
    expect([queue.occupy(1, Occupant.CORE), queue.occupy(0, Occupant.CORE)]).to.deep.equal([false, true]);
    expect([queue.takeLeftCpu(), queue.takeLeftCpu()]).to.deep.equal([1, -1]);
    queue.vacate(1);
    queue.wantCpu();
    expect([queue.withdrawWish(), queue.withdrawWish()]).to.deep.equal([-1, -1]);
    queue.yieldCpu(0);
    expect(queue.occupy(0, Occupant.CORE)).to.equal(true);
  });
});
