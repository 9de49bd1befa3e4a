// Whose turn it is on the kernel thread's core. Guest code is left at once with a system call each time.
import { createMemory, headerWord, PAGE_SIZE, TCB, Trap, viewMemory } from '@troupe/abi';
import { LocalCore } from '@troupe/kernel/host/local-core.js';
import { expect } from 'chai';

const FIRST_TCB = 8 << 20;
const ROUND_MS = 300;

/** Runs `count` tasks for a while; the numbers of those that had the core, one for each trap. */
function runTasks(count: number, onTrap: (core: LocalCore, task: number) => void): number[] {
  const shared = viewMemory(createMemory(16 << 20));
  shared.i32[headerWord('cpuCount')] = 1;
  const order: number[] = [];
  const slice = {
    begin: (tcb: number) => order.push((tcb - FIRST_TCB) / PAGE_SIZE),
    run: () => Trap.SYSCALL,
    end: () => undefined,
    get nowMs(): number {
      return performance.now();
    },
  };
  const core: LocalCore = new LocalCore(shared, 1, slice as unknown as ConstructorParameters<typeof LocalCore>[2], {
    onTrap(tcb) {
      onTrap(core, (tcb - FIRST_TCB) / PAGE_SIZE);
      core.offer(tcb);
    },
    drain: () => undefined,
    timers: { nextNs: Infinity } as ConstructorParameters<typeof LocalCore>[3]['timers'],
    nextTimerMs: () => Infinity,
  });
  for (let task = 0; task < count; task++) {
    const tcb = FIRST_TCB + task * PAGE_SIZE;
    shared.u32[(tcb + TCB.off.affinity) >> 2] = 1;
    core.offer(tcb);
  }
  core.run(performance.now() + ROUND_MS);
  return order;
}

const switches = (order: readonly number[]): number => order.filter((task, at) => at > 0 && order[at - 1] !== task).length;

describe('LocalCore: turns', () => {
  it('a task goes on from trap to trap, and all get their turns', () => {
    const order = runTasks(60, () => undefined);
    expect(new Set(order).size).to.equal(60);
    expect(switches(order)).to.be.below(order.length / 4);
  });

  it('a task that gives way goes behind the others', () => {
    const order = runTasks(3, (core) => core.reschedule());
    expect(order.slice(0, 7)).to.deep.equal([0, 1, 2, 0, 1, 2, 0]);
  });

  it('a task that makes others runnable goes behind those that waited', () => {
    const woken = FIRST_TCB + 2 * PAGE_SIZE;
    let isWoken = false;
    const order = runTasks(2, (core) => {
      core.shared.u32[(woken + TCB.off.affinity) >> 2] = 1;
      if (!isWoken) core.offer(woken);
      isWoken = true;
    });
    expect(order.slice(0, 2)).to.deep.equal([0, 1]);
    expect([...new Set(order)]).to.deep.equal([0, 1, 2]);
  });
});
