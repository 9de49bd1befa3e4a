// The import rules hold, and each of them notices the violation planted for it.
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { join } from 'node:path';
import { ROOT } from '../support/paths.js';

interface CruiseResult {
  readonly summary: { readonly totalCruised: number; readonly violations: readonly { readonly rule: { readonly name: string } }[] };
}

const BIN = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

function cruise(dir: string, only: string): CruiseResult {
  const args = [BIN, dir, '--include-only', only, '--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as CruiseResult;
}

describe('import rules', function () {
  this.timeout(60_000);

  it('hold in all packages', () => {
    const { summary } = cruise('packages', '^packages/[^/]+/src');
    expect(summary.totalCruised).to.be.greaterThan(200);
    expect(summary.violations).to.deep.equal([]);
  });

  it('notice the planted violations', () => {
    const { summary } = cruise('tests/arch/planted', '^tests/arch/planted');
    const names = new Set(summary.violations.map((violation) => violation.rule.name));
    expect([...names]).to.include.members(['layer-abi', 'layer-cpu-worker', 'no-circular', 'no-kernel-in-core', 'rows-are-independent']);
  });
});
