import { Clone, Nr } from '@troupe/abi';
import { CLOCK_TICK_NS } from '@troupe/kernel/task/running-tasks.js';
import type { Task } from '@troupe/kernel/task/task.js';
import { expect } from 'chai';
import { FakeKernel, SCRATCH } from '../../../support/kernel/fake-kernel.js';

const THREAD = Clone.VM | Clone.FS | Clone.FILES | Clone.SIGHAND | Clone.THREAD | Clone.SYSVSEM;

/** The task sleeps; true when it waits. */
function sleep(fake: FakeKernel, task: Task, ns: number): boolean {
  task.mm.writeU64(SCRATCH, BigInt(Math.floor(ns / 1e9)));
  task.mm.writeU64(SCRATCH + 8, BigInt(ns % 1e9));
  return fake.syscall(task, Nr.nanosleep, SCRATCH, 0) === undefined;
}

function ticks(fake: FakeKernel, count: number): void {
  for (let n = 0; n < count; n++) fake.advance(CLOCK_TICK_NS);
}

describe('CPU clock of a kernel', () => {
  it('stops while every task sleeps, and accounts the pause when one wakes', () => {
    const fake = new FakeKernel();
    const { kernel } = fake;
    const task = fake.boot();
    ticks(fake, 3);
    expect(kernel.cpuClockNow()).to.equal(3n);
    expect(sleep(fake, task, 20.5 * CLOCK_TICK_NS)).to.equal(true);
    expect(kernel.running.count).to.equal(0);
    ticks(fake, 1);
    expect([kernel.cpuClockNow(), kernel.running.isTickerDisabled]).to.deep.equal([4n, true]);
    ticks(fake, 10);
    expect(kernel.cpuClockNow()).to.equal(4n);
    fake.advance(9.5 * CLOCK_TICK_NS);
    expect([kernel.running.count, kernel.running.isTickerDisabled]).to.deep.equal([1, false]);
    expect(kernel.cpuClockNow()).to.equal(23n);
    fake.advance(CLOCK_TICK_NS / 2);
    expect(kernel.cpuClockNow()).to.equal(24n);
  });

  it('keeps the ticker for a sleep shorter than a tick', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    sleep(fake, task, CLOCK_TICK_NS / 4);
    fake.advance(CLOCK_TICK_NS / 2);
    fake.advance(CLOCK_TICK_NS / 2);
    expect([fake.kernel.running.isTickerDisabled, fake.kernel.cpuClockNow()]).to.deep.equal([false, 1n]);
  });

  it('counts 16 tasks that flap between running and sleeping', () => {
    const fake = new FakeKernel();
    const leader = fake.boot();
    const tasks = [leader];
    while (tasks.length < 16) tasks.push(fake.task(fake.syscall(leader, Nr.clone, THREAD, 0, 0, 0, 0)!));
    for (let step = 0; step < 2000; step++) {
      const task = tasks[(step * 7) % tasks.length]!;
      if (fake.isRunnable(task)) sleep(fake, task, ((step * 37) % 50) * 1e6 + 1);
      fake.advance(((step * 13) % 11) * 1e6);
      expect(fake.kernel.running.count).to.equal(tasks.filter(({ state }) => state === 'running').length);
      expect(fake.kernel.cpuClockNow() <= BigInt(Math.floor(fake.kernel.monotonicNs() / CLOCK_TICK_NS))).to.equal(true);
    }
    for (let n = 0; n < 10 && fake.kernel.running.count < tasks.length; n++) ticks(fake, 1);
    expect(fake.kernel.running.count).to.equal(tasks.length);
  });
});

describe('paused time', () => {
  it('stands still for clocks, sleepers and the ticker, and goes on where it stopped', () => {
    const fake = new FakeKernel();
    const { kernel } = fake;
    const task = fake.boot();
    sleep(fake, task, 5 * CLOCK_TICK_NS);
    fake.advance(2 * CLOCK_TICK_NS);
    kernel.pauseTime();
    kernel.pauseTime();
    fake.advance(100 * CLOCK_TICK_NS);
    expect([kernel.monotonicNs(), task.state]).to.deep.equal([2 * CLOCK_TICK_NS, 'blocked']);
    kernel.resumeTime();
    kernel.resumeTime();
    expect(kernel.monotonicNs()).to.equal(2 * CLOCK_TICK_NS);
    fake.advance(3 * CLOCK_TICK_NS);
    expect(task.state).to.equal('running');
    const ticks = kernel.cpuClockNow();
    fake.advance(CLOCK_TICK_NS);
    expect(kernel.cpuClockNow()).to.equal(ticks + 1n);
  });

  it('is refused while a task runs', () => {
    const fake = new FakeKernel();
    fake.boot();
    expect(() => fake.kernel.pauseTime()).to.throw('time paused while tasks run');
  });
});
