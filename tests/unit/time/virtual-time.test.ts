// Time that is not the host's: rates, jumps, what programs and the library see of it.
import { expect } from 'chai';
import { Kernel } from '@troupe/kernel';
import { ManualTimeSource, Timekeeper, VirtualTimeSource } from '@troupe/time';
import { firstValueFrom, interval, map, take, timer, toArray } from 'rxjs';

const SECOND = 1_000_000_000;

describe('virtual time', () => {
  it('goes faster, slower or not at all, and never back', () => {
    for (const rate of [0, 0.5, 1, 60]) {
      const host = new ManualTimeSource();
      const source = new VirtualTimeSource({ rate, jumpsWhenIdle: false }, host);
      const keeper = new Timekeeper(source);
      const realtimeNs = keeper.realtimeNs();
      host.advance(3 * SECOND);
      expect(keeper.monotonicNs()).to.equal(3 * SECOND * rate);
      if (rate === 0) expect(keeper.hostMsUntil(keeper.monotonicNs() + SECOND)).to.equal(Infinity);
      else expect(keeper.hostMsUntil(keeper.monotonicNs() + SECOND)).to.be.closeTo(1000 / rate, 1e-6);
      source.advance(BigInt(5 * SECOND));
      expect(keeper.monotonicNs()).to.equal(3 * SECOND * rate + 5 * SECOND);
      expect(keeper.realtimeNs() - realtimeNs).to.equal(BigInt(3 * SECOND * rate + 5 * SECOND));
      expect(() => source.advance(-1n)).to.throw(RangeError);
    }
  });

  it('is continuous over a pause', () => {
    const host = new ManualTimeSource();
    const keeper = new Timekeeper(new VirtualTimeSource({ rate: 10, jumpsWhenIdle: false }, host));
    host.advance(SECOND);
    keeper.pauseUpdates();
    host.advance(SECOND);
    expect(keeper.monotonicNs()).to.equal(10 * SECOND);
    keeper.resumeUpdates();
    host.advance(SECOND);
    expect(keeper.monotonicNs()).to.equal(20 * SECOND);
  });

  it('refuses impossible rates', async () => {
    expect(() => new VirtualTimeSource({ rate: -1, jumpsWhenIdle: false })).to.throw(RangeError);
    const error = await Kernel.create({ cores: 1, time: { rate: NaN, jumpsWhenIdle: true } }).then(() => undefined, (e: unknown) => e as Error);
    expect(error?.message).to.contain('time.rate');
  });

  it('is an rxjs scheduler: timers of the library and of programs share it', async () => {
    const kernel = await Kernel.create({ cores: 1, time: 'virtual' });
    try {
      const child = kernel.createProcess({ argv: ['/bin/sh', '-c', 'sleep 500; echo slept'], env: { PATH: '/usr/bin:/bin' }, stdout: 'pipe' });
      const events: string[] = [];
      const ticks = firstValueFrom(interval(200_000, kernel.scheduler).pipe(take(3), map((i) => events.push(`tick ${i}`)), toArray()));
      kernel.start();
      const startMs = kernel.scheduler.now();
      for await (const chunk of child.stdout!) events.push(String(chunk).trim());
      await ticks;
      expect(events).to.deep.equal(['tick 0', 'tick 1', 'slept', 'tick 2']);
      expect(kernel.scheduler.now() - startMs).to.be.within(599_000, 610_000);
    } finally {
      await kernel.close();
    }
  });

  it('stands still until it is moved', async () => {
    const kernel = await Kernel.create({ cores: 1, time: 'frozen' });
    try {
      const child = kernel.createProcess({ argv: ['/bin/sh', '-c', 'sleep 100'], env: { PATH: '/usr/bin:/bin' } });
      const late = firstValueFrom(timer(99_000, kernel.scheduler).pipe(map(() => kernel.core.tasks.liveCount)));
      kernel.start();
      let ended = false;
      const end = child.wait().finally(() => (ended = true));
      const startMs = kernel.scheduler.now();
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(kernel.scheduler.now()).to.equal(startMs);
      expect(ended).to.equal(false);
      kernel.advanceTime(99n * BigInt(SECOND));
      expect(await late).to.be.greaterThan(0);
      while (!ended) {
        kernel.advanceTime(10 * SECOND);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await end).to.include({ code: 0 });
    } finally {
      await kernel.close();
    }
  });

  it('of the host cannot be moved', async () => {
    const kernel = await Kernel.create({ cores: 1 });
    try {
      expect(() => kernel.advanceTime(1)).to.throw(RangeError);
    } finally {
      await kernel.close();
    }
  });
});
