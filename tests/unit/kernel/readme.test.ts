// The example of the README runs as it stands.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../../support/paths.js';
import { run } from '../../support/run.js';

describe('the README', function () {
  this.timeout(60_000);

  it('has an example that prints what it says', async () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
    const dir = mkdtempSync(join(ROOT, 'tests/dist/readme-'));
    writeFileSync(join(dir, 'example.mjs'), example);
    const result = await run(process.execPath, [join(dir, 'example.mjs')]);
    rmSync(dir, { recursive: true });
    expect(result.stderr).to.equal('');
    expect(result.stdout).to.equal('hello world\n{ code: 0, signo: 0, coreDumped: false }\n');
  });
});
