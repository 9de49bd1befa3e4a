import { createMemory, viewMemory } from '@troupe/abi';
import { CLOCK_TICK_NS, RunningTasks } from '@troupe/kernel/task/running-tasks.js';
import { TimerQueue } from '@troupe/time';
import { expect } from 'chai';

class Bench {
  nowNs = 0;
  readonly clock = { nowNs: () => this.nowNs };
  readonly timers = new TimerQueue(this.clock);
  readonly running = new RunningTasks(viewMemory(createMemory(16 << 20)), this.clock, this.timers);

  constructor() {
    this.running.startTicker();
  }

  /** Time passes; the host loop looks at the timers at the end. */
  advance(ticks: number): void {
    this.nowNs += ticks * CLOCK_TICK_NS;
    this.timers.expire(this.nowNs);
  }
}

describe('runningTasks and the CPU clock', () => {
  it('counts a tick while something runs', () => {
    const bench = new Bench();
    bench.running.inc();
    for (let n = 0; n < 5; n++) bench.advance(1);
    expect(bench.running.cpuClockNow()).to.equal(5n);
    expect(bench.running.isTickerDisabled).to.equal(false);
  });

  it('counts one tick however late the notification comes', () => {
    const bench = new Bench();
    bench.running.inc();
    bench.advance(7);
    expect(bench.running.cpuClockNow()).to.equal(1n);
  });

  it('disables the ticker on the tick that finds nobody running', () => {
    const bench = new Bench();
    bench.running.inc();
    bench.running.dec();
    expect(bench.running.isTickerDisabled).to.equal(false);
    bench.advance(1);
    expect(bench.running.isTickerDisabled).to.equal(true);
    expect(bench.timers.nextNs).to.equal(Infinity);
  });

  it('has one tick of slack', () => {
    const bench = new Bench();
    bench.running.inc();
    bench.running.dec();
    bench.running.inc();
    bench.advance(1);
    expect(bench.running.isTickerDisabled).to.equal(false);
  });

  it('adds the missed ticks once when running begins again, in phase', () => {
    const bench = new Bench();
    bench.advance(1);
    expect(bench.running.cpuClockNow()).to.equal(1n);
    bench.advance(10.5);
    expect(bench.running.cpuClockNow()).to.equal(1n);
    bench.running.inc();
    expect(bench.running.cpuClockNow()).to.equal(11n);
    bench.running.inc();
    expect(bench.running.cpuClockNow()).to.equal(11n);
    bench.advance(0.4);
    expect(bench.running.cpuClockNow()).to.equal(11n);
    bench.advance(0.1);
    expect(bench.running.cpuClockNow()).to.equal(12n);
  });

  it('fails when the count would go below zero', () => {
    expect(() => new Bench().running.dec()).to.throw('Invalid running count -1');
  });
});
