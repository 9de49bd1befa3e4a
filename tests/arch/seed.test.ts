// Every part of kernel.go has a counterpart that exists, with a test that exists; docs/seed.md says so.
import { expect } from 'chai';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../support/paths.js';

interface SeedEntry {
  readonly seed: string;
  readonly file: string;
  readonly name: string;
  readonly test: string;
  readonly title: string;
  readonly status: string;
}

interface SeedTable {
  seedEntries(): SeedEntry[];
  seedProblems(entries?: readonly SeedEntry[]): string[];
  isSeedDocStale(): boolean;
  goNames(source: string): string[];
}

const load = async (): Promise<SeedTable> => (await import(pathToFileURL(join(ROOT, 'scripts/seed-table.mjs')).href)) as SeedTable;

describe('table of the seed', () => {
  it('names files, definitions and tests that exist', async () => {
    const { seedEntries, seedProblems } = await load();
    expect(seedEntries().length).to.be.greaterThan(130);
    expect(seedProblems()).to.deep.equal([]);
  });

  it('is what docs/seed.md shows', async () => {
    expect((await load()).isSeedDocStale(), 'run node scripts/seed-table.mjs').to.equal(false);
  });

  it('leaves out inet and tracing only', async () => {
    const later = (await load()).seedEntries().filter(({ status }) => status.startsWith('later'));
    for (const { seed, status } of later) expect(status, seed).to.match(/^later: (inet|tracing)/);
  });

  it('notices a missing file, definition, test and a second entry', async () => {
    const { seedEntries, seedProblems } = await load();
    const [good] = seedEntries().filter(({ seed }) => seed === 'Kernel.Start');
    expect(seedProblems([good!])).to.deep.equal([]);
    const broken: readonly Partial<SeedEntry>[] = [
      { file: 'packages/kernel/src/none.ts' }, { name: 'Kernel.begin' }, { name: 'Kern' }, { test: 'kernel/none.test.ts' }, { title: 'nothing' }, { status: 'almost' },
    ];
    for (const change of broken) expect(seedProblems([{ ...good!, ...change }]), JSON.stringify(change)).to.have.length(1);
    expect(seedProblems([good!, good!])).to.deep.equal(['Kernel.Start: two entries']);
  });

  it('reads names out of Go source', async () => {
    const source = 'type Kernel struct {\n\tmu sync.Mutex\n\tplatform.Platform `x`\n\tSpecialOpts\n}\nfunc (k *Kernel) Run(a int) error {\n}\nfunc Make() {\n}\nconst (\n\trate = 1 // per s\n)\nvar On = false\n';
    expect((await load()).goNames(source)).to.deep.equal(['Kernel', 'Kernel.mu', 'Kernel.Platform', 'Kernel.SpecialOpts', 'Kernel.Run', 'Make', 'rate', 'On']);
  });
});
