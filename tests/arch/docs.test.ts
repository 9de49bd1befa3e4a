import { existsSync, readFileSync } from 'node:fs';
import { SYSCALL_ROWS } from '@troupe/kernel/syscall/table.js';
import { expect } from 'chai';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../support/paths.js';

describe('generated docs', () => {
  it('are up to date', async () => {
    const { staleDocs } = (await import(pathToFileURL(join(ROOT, 'scripts/generate-docs.mjs')).href)) as { staleDocs: () => Promise<string[]> };
    expect(await staleDocs(), 'run pnpm docs').to.deep.equal([]);
  });

  it('name a guest program for every system call', () => {
    const programs = JSON.parse(readFileSync(join(ROOT, 'tests/guest/calls.json'), 'utf8')) as Record<string, string>;
    expect(SYSCALL_ROWS.length).to.be.at.least(290);
    const without = SYSCALL_ROWS.filter(({ name }) => !existsSync(join(ROOT, `tests/guest/programs/${programs[name]}.c`)));
    expect(without.map(({ name }) => name), 'run node scripts/guest-calls.mjs').to.deep.equal([]);
  });
});
