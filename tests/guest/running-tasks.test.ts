// runningTasks and the CPU clock under tasks that change between running and waiting on two cores.
import { setTimeout as sleep } from 'node:timers/promises';
import { Kernel } from '@troupe/kernel';
import { CLOCK_TICK_NS } from '@troupe/kernel/task/running-tasks.js';
import { expect } from 'chai';
import { compileGuest } from '../support/guest-program.js';

describe('running tasks', function () {
  this.timeout(60_000);

  it('are counted right while sixteen threads flap, and an idle kernel does not tick', async () => {
    const kernel = await Kernel.create({ cores: 2 });
    try {
      const { running } = kernel.core;
      const child = kernel.createProcess({ argv: [compileGuest('flap', ['-static']), '300'], stdout: 'pipe' });
      const startNs = kernel.core.monotonicNs();
      kernel.start();
      let ended = false;
      const end = child.wait().finally(() => (ended = true));
      const seen = new Set<number>();
      while (!ended) {
        expect(running.count).to.be.within(0, 17);
        seen.add(running.count);
        await new Promise((resolve) => setImmediate(resolve));
      }
      let text = '';
      for await (const chunk of child.stdout!) text += String(chunk);
      expect(text).to.equal('4800 turns\n');
      expect(await end).to.include({ code: 0 });
      expect(seen.size, 'different numbers of running tasks').to.be.greaterThan(2);
      expect(running.count).to.equal(0);
      const ticks = Number(running.cpuClockNow());
      expect(ticks).to.be.within(1, (kernel.core.monotonicNs() - startNs) / CLOCK_TICK_NS + 2);
      while (!running.isTickerDisabled) await sleep(1);
      const atRest = running.cpuClockNow();
      await sleep(5 * (CLOCK_TICK_NS / 1e6));
      expect(running.cpuClockNow()).to.equal(atRest);
    } finally {
      await kernel.close();
    }
  });
});
