// The unicorn engine, with Debian's libunicorn2: static programs on one core end as they do natively.
// `copying` has the interface of unicorn.js only (memory of its own), on top of the same library.
import { expect } from 'chai';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileGuest } from '../support/guest-program.js';
import { CACHE, ROOT } from '../support/paths.js';
import { run, troupe, type RunResult } from '../support/run.js';

const SCRIPT = 'i=0; while [ $i -lt 5 ]; do (exit 3); i=$((i+1)); done; printf "b\\na\\n" | sort | tr a-c A-C; echo x | sha256sum; trap "echo usr1" USR1; kill -USR1 $$; exit 4';
const DOWNLOAD_MS = 120_000;

/** A module like a build of unicorn.js: a factory of a promise of { Unicorn }. */
function moduleLikeUnicornJs(library: string): string {
  execFileSync(join(ROOT, 'node_modules/.bin/esbuild'), [join(ROOT, 'packages/cpu-worker/dist/unicorn/native-unicorn.js'), '--bundle', '--platform=node', '--format=cjs', '--log-level=error', `--outfile=${join(CACHE, 'native-unicorn.cjs')}`]);
  const path = join(CACHE, 'unicorn-like.cjs');
  writeFileSync(path, `const koffi = require(${JSON.stringify(join(ROOT, 'node_modules/koffi'))});
const { createNativeMachine } = require(${JSON.stringify(join(ROOT, '.cache/native-unicorn.cjs'))});
class Unicorn { constructor() { const { mem_map_shared, ...machine } = createNativeMachine(koffi, ${JSON.stringify(library)}, new Uint8Array(1)); return machine; } }
module.exports = async () => ({ Unicorn });
`);
  return path;
}

describe('engine unicorn', function () {
  this.timeout(DOWNLOAD_MS);
  let library = '';

  before(function () {
    const { stdout } = spawnSync(process.execPath, [join(ROOT, 'scripts/debian-tools.mjs'), 'unicorn'], { encoding: 'utf8' });
    library = stdout.trim();
    if (!existsSync(library)) this.skip();
  });

  const unicorn = (path: string, argv: readonly string[], rootfs?: string): Promise<RunResult> =>
    troupe(argv, { cores: 1, flags: ['--engine', 'unicorn', '--unicorn', path], ...(rootfs ? { rootfs } : {}) });

  for (const name of ['hello', 'threads', 'smc']) {
    it(`runs ${name}`, async () => {
      const binary = compileGuest(name, ['-static']);
      expect(await unicorn(library, [binary, 'a', 'b'])).to.deep.equal(await run(binary, ['a', 'b']));
    });
  }

  it('runs through the interface of unicorn.js', async () => {
    const binary = compileGuest('hello', ['-static']);
    expect(await unicorn(moduleLikeUnicornJs(library), [binary, 'a', 'b'])).to.deep.equal(await run(binary, ['a', 'b']));
  });

  it('runs a static busybox with forks, pipes and signals', async function () {
    const rootfs = join(CACHE, 'debian/rootfs');
    if (!existsSync(join(rootfs, 'usr/bin/busybox'))) this.skip();
    const ours = await unicorn(library, ['/usr/bin/busybox', 'sh', '-c', SCRIPT], rootfs);
    expect(ours).to.deep.equal(await run(join(rootfs, 'usr/bin/busybox'), ['sh', '-c', SCRIPT]));
  });

  it('says what to install', async () => {
    const missing = await troupe(['/bin/true'], { cores: 1, flags: ['--engine', 'unicorn'] });
    expect(missing.status).to.equal(125);
    expect(missing.stderr).to.contain('libunicorn2').and.to.contain('koffi').and.to.contain('unicorn.js');
    const absent = await troupe(['/bin/true'], { cores: 1, flags: ['--engine', 'unicorn', '--unicorn', '/nowhere/libunicorn.so.2'] });
    expect(absent.status).to.equal(125);
    expect(absent.stderr).to.contain('/nowhere/libunicorn.so.2: no such file');
    const many = await troupe(['/bin/true'], { cores: 2, flags: ['--engine', 'unicorn', '--unicorn', library] });
    expect(many.status).to.equal(125);
    expect(many.stderr).to.contain('unicorn runs one core only');
  });
});
