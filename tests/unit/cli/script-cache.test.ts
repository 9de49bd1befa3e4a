/** Code caches of bundles: used when whole, ignored when missing, damaged or of other code. */
import { bundleText, cachePath, compileBundle, runBundle, writeCache } from '@troupe/abi/script-cache.js';
import { expect } from 'chai';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Long enough for a cache of several sectors. */
const MODULE = `${Array.from({ length: 200 }, (_, i) => `exports.f${i} = function f${i}(x) { return x * ${i} + 4; };`).join('\n')}\n`;

describe('Code caches of bundles', () => {
  let dir: string;
  let bundle: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'troupe-cache-'));
    bundle = join(dir, 'bundle-1.cjs');
    writeFileSync(bundle, bundleText(MODULE));
    writeCache(bundle, compileBundle(bundle).createCachedData());
  });

  afterEach(() => rmSync(dir, { recursive: true }));

  function run(): number {
    const { exports } = runBundle(bundle);
    return (exports as { f3: (x: number) => number }).f3(2);
  }

  it('a whole cache is used', () => {
    expect(compileBundle(bundle).cachedDataRejected).to.equal(false);
    expect(run()).to.equal(10);
  });

  it('a missing one is not missed', () => {
    rmSync(cachePath(bundle));
    expect(compileBundle(bundle).cachedDataRejected).to.equal(undefined);
    expect(run()).to.equal(10);
  });

  const damages: Record<string, (path: string) => void> = {
    'an empty file': (path) => writeFileSync(path, ''),
    'a header alone': (path) => truncateSync(path, 8),
    'a file cut short': (path) => truncateSync(path, readFileSync(path).length - 1),
    'zeroed sectors': (path) => writeFileSync(path, readFileSync(path).fill(0, 2048, 4096)),
    'other bytes': (path) => writeFileSync(path, 'no cache at all, but long enough to have a header'),
  };
  for (const [name, damage] of Object.entries(damages)) {
    it(`${name}: ignored`, () => {
      damage(cachePath(bundle));
      expect(compileBundle(bundle).cachedDataRejected).to.equal(undefined);
      expect(run()).to.equal(10);
    });
  }

  it('the cache of other code is refused', () => {
    const other = join(dir, 'bundle-2.cjs');
    writeFileSync(other, bundleText(`${MODULE}exports.f3 = () => 7;\n`));
    copyFileSync(cachePath(bundle), cachePath(other));
    expect(compileBundle(other).cachedDataRejected).to.equal(true);
    expect((runBundle(other).exports as { f3: () => number }).f3()).to.equal(7);
  });
});
