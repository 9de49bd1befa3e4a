// The tests of docs/seed.md notice broken counterparts: three of the faults that `pnpm seed:faults` plants.
import { expect } from 'chai';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../support/paths.js';

interface SeedFault {
  readonly seed: string;
}

interface SeedFaults {
  seedFaults(): SeedFault[];
  tryFault(fault: SeedFault): Promise<{ readonly isCaught: boolean; readonly message: string }>;
}

const load = async (): Promise<SeedFaults> => (await import(pathToFileURL(join(ROOT, 'scripts/seed-faults.mjs')).href)) as SeedFaults;

describe('planted faults in counterparts of the seed', () => {
  for (const name of ['Kernel.cpuClockTickerDisabled', 'Kernel.Pause', 'Kernel.SendContainerSignal']) {
    it(`is noticed in ${name}`, async () => {
      const { seedFaults, tryFault } = await load();
      const fault = seedFaults().find(({ seed }) => seed === name);
      expect(fault).to.not.equal(undefined);
      const { isCaught, message } = await tryFault(fault!);
      expect(isCaught, message).to.equal(true);
    });
  }

  it('does not count as noticed when nothing is broken', async () => {
    const { seedFaults, tryFault } = await load();
    const [fault] = seedFaults();
    expect(await tryFault({ ...fault!, replace: 'if (expirations > 0)' } as SeedFault)).to.deep.include({ isCaught: false });
  });
});
