import { expect } from 'chai';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../support/paths.js';

describe('generated docs', () => {
  it('are up to date', async () => {
    const { staleDocs } = (await import(pathToFileURL(join(ROOT, 'scripts/generate-docs.mjs')).href)) as { staleDocs: () => Promise<string[]> };
    expect(await staleDocs(), 'run pnpm docs').to.deep.equal([]);
  });
});
