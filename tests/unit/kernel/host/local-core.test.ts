// Whose turn it is on the kernel thread's core. Guest code is left at once with a system call each time.
import { createMemory, headerWord, KernelRing, Occupant, PAGE_SIZE, RunQueue, TCB, Trap, viewMemory, type SharedMemory } from '@troupe/abi';
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

const CPUS = 2;
const MEDIUM_NS = 100_000;

/** A local core of two CPUs, with a core thread that is up. `run` answers for guest code; tasks that trap wait for something. */
class Scene {
  readonly shared: SharedMemory = viewMemory(createMemory(16 << 20));
  readonly queue = new RunQueue(this.shared);
  readonly ran: { readonly task: number; readonly cpu: number }[] = [];
  readonly core: LocalCore;
  guest: (task: number) => number = () => Trap.SYSCALL;
  afterTrap: (task: number) => void = () => undefined;

  constructor() {
    this.shared.i32[headerWord('cpuCount')] = CPUS;
    this.shared.i32[headerWord('coreCount')] = 1;
    let task = 0;
    const slice = {
      begin: (tcb: number, cpu: number) => this.ran.push({ task: (task = numberOf(tcb)), cpu }),
      run: () => this.guest(task),
      end: () => undefined,
      get nowMs(): number {
        return performance.now();
      },
    };
    this.core = new LocalCore(this.shared, CPUS, slice as unknown as ConstructorParameters<typeof LocalCore>[2], {
      onTrap: (tcb) => this.afterTrap(numberOf(tcb)),
      drain: () => undefined,
      timers: { nextNs: Infinity } as ConstructorParameters<typeof LocalCore>[3]['timers'],
      nextTimerMs: () => Infinity,
    });
  }

  task(number: number, burstNs = MEDIUM_NS): number {
    const tcb = FIRST_TCB + number * PAGE_SIZE;
    this.shared.u32[(tcb + TCB.off.affinity) >> 2] = 3;
    this.shared.u32[(tcb + TCB.off.burstNs) >> 2] = burstNs;
    return tcb;
  }

  run(): boolean {
    return this.core.run(performance.now() + 50);
  }
}

function numberOf(tcb: number): number {
  return (tcb - FIRST_TCB) / PAGE_SIZE;
}

describe('LocalCore: CPUs', () => {
  it('keeps its CPU while it leaves guest code for the traps of others, and gives it back when it has no task', () => {
    const scene = new Scene();
    scene.core.offer(scene.task(1));
    scene.guest = () => {
      new KernelRing(scene.shared).push(scene.task(2));
      return Trap.PREEMPT;
    };
    expect([scene.run(), scene.core.isCpu, scene.queue.occupy(1, Occupant.CORE)]).to.deep.equal([true, true, false]);
    new KernelRing(scene.shared).pop();
    scene.guest = () => Trap.SYSCALL;
    expect([scene.run(), scene.run()]).to.deep.equal([true, false]);
    expect([scene.core.isCpu, scene.core.isIdle, scene.queue.occupy(1, Occupant.CORE)]).to.deep.equal([false, true, true]);
    expect(scene.ran).to.deep.equal([{ task: 1, cpu: 1 }, { task: 1, cpu: 1 }]);
  });

  it('goes on with tasks of the run queue when its own wait, but not with those that compute', () => {
    const scene = new Scene();
    scene.core.offer(scene.task(1));
    scene.queue.push(scene.task(2));
    scene.queue.push(scene.task(3, 1e9));
    scene.run();
    expect(scene.run()).to.equal(false);
    expect(scene.ran.map(({ task }) => task)).to.deep.equal([1, 2]);
    expect([scene.core.isCpu, scene.queue.waiting]).to.deep.equal([false, 1]);
  });

  it('changes places with those of the run queue after some milliseconds', () => {
    const scene = new Scene();
    scene.afterTrap = (task) => void scene.core.offer(scene.task(task));
    scene.core.offer(scene.task(1));
    scene.queue.push(scene.task(2));
    const order = (): number[] => scene.ran.map(({ task }) => task);
    const startMs = performance.now();
    while (switches(order()) < 3) scene.run();
    expect(switches(order())).to.be.below((performance.now() - startMs) / 5);
    expect(new Set(order())).to.deep.equal(new Set([1, 2]));
    expect(scene.queue.waiting).to.equal(1);
  });

  it('makes way for a higher priority on the run queue at the next trap', () => {
    const scene = new Scene();
    scene.afterTrap = (task) => {
      if (scene.ran.length === 3) {
        scene.shared.i32[(scene.task(2) + TCB.off.schedPriority) >> 2] = 5;
        scene.queue.push(scene.task(2));
      }
      if (scene.ran.length < 5) scene.core.offer(scene.task(task));
    };
    scene.core.offer(scene.task(1));
    scene.run();
    expect(scene.ran.map(({ task }) => task)).to.deep.equal([1, 1, 1, 2, 2, 1]);
  });

  it('asks for a CPU where none is free, and is the one that a core leaves to it', () => {
    const scene = new Scene();
    for (let cpu = 0; cpu < CPUS; cpu++) scene.queue.occupy(cpu, Occupant.CORE);
    scene.core.offer(scene.task(1));
    expect([scene.run(), scene.core.isCpu, scene.queue.waiting]).to.deep.equal([true, false, 1]);
    scene.queue.yieldCpu(0);
    scene.core.offer(scene.task(2));
    scene.run();
    expect(scene.ran).to.deep.equal([{ task: 2, cpu: 0 }, { task: 1, cpu: 0 }]);
  });

  it('sends tasks of medium bursts to the run queue while it has one, tiny ones never', () => {
    const scene = new Scene();
    expect([1, 2].map((task) => scene.core.offer(scene.task(task)))).to.deep.equal([true, false]);
    expect([3, 4, 5].map((task) => scene.core.offer(scene.task(task, 1000)))).to.deep.equal([true, true, true]);
    expect(scene.core.offer(scene.task(6, 20_000))).to.equal(false);
    scene.shared.i32[headerWord('coreCount')] = 0;
    expect(scene.core.offer(scene.task(6, 20_000))).to.equal(true);
  });
});
