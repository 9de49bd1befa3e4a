// Binaries that npm packages ship: Go, Rust and C++ programs, natively and under Troupe.
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { CACHE, ROOT } from '../support/paths.js';
import { run, troupe, type RunResult } from '../support/run.js';

const resolve = createRequire(join(ROOT, 'tests/package.json')).resolve;
const PROJECT = join(ROOT, 'tests/real/project');
const binary = (name: string, path: string): string => join(dirname(resolve(`${name}/package.json`)), path);

/** 7za lies in its package without the execute bit. */
function sevenZip(): string {
  const target = join(CACHE, '7za');
  mkdirSync(CACHE, { recursive: true });
  copyFileSync(binary('7zip-bin', 'linux/x64/7za'), target);
  chmodSync(target, 0o755);
  return target;
}

interface Case {
  readonly name: string;
  readonly argv: () => readonly string[];
  /** Removes what differs between any two runs: times, thread counts, sizes of memory. */
  readonly clean?: (text: string) => string;
}

const withoutTimes = (text: string): string => text.replace(/\b\d+(\.\d+)?\s?(ms|µs|s)\b/g, 'TIME');
/** Programs probe for calls they can do without. */
const UNIMPLEMENTED = /^troupe: unimplemented system calls: .*\n/gm;
const SEVEN_ZIP_NOISE = /^(p7zip|7-Zip|utf8|.*CPUs?.*|.*[Mm]emory.*).*$/gm;

const CASES: readonly Case[] = [
  { name: 'esbuild --version', argv: () => [binary('@esbuild/linux-x64', 'bin/esbuild'), '--version'] },
  { name: 'esbuild bundles rxjs', argv: () => [binary('@esbuild/linux-x64', 'bin/esbuild'), '--bundle', '--minify', join(PROJECT, 'entry.ts')] },
  { name: 'biome lint', argv: () => [binary('@biomejs/cli-linux-x64-musl', 'biome'), 'lint', '--colors=off', PROJECT], clean: withoutTimes },
  { name: 'TypeScript 7 checks a project', argv: () => [binary('@typescript/typescript-linux-x64', 'lib/tsc'), '-p', PROJECT, '--pretty', 'false'] },
  { name: 'lightningcss', argv: () => [binary('lightningcss-cli-linux-x64-gnu', 'lightningcss'), '--minify', '--targets', 'chrome 80', join(PROJECT, 'style.css')] },
  { name: '7za packs and tests', argv: () => ['/bin/sh', '-c', `cd /tmp && rm -f troupe.7z && ${sevenZip()} a -mmt=2 troupe.7z ${join(ROOT, 'packages/abi/src')} && ${sevenZip()} t troupe.7z; s=$?; rm -f troupe.7z; exit $s`], clean: (text) => text.replace(SEVEN_ZIP_NOISE, '').replace(/Scanned.*|Updating.*|Creating.*/g, '') },
];

describe('npm binaries', function () {
  this.timeout(300_000);
  for (const { name, argv, clean = (text: string) => text } of CASES) {
    let native: Promise<RunResult> | undefined;
    for (const cores of [1, 2]) {
      it(`${name} (${cores} core${cores > 1 ? 's' : ''})`, async () => {
        const [command, ...args] = argv();
        native ??= run(command!, args, { cwd: PROJECT, timeoutMs: 60_000 });
        const expected = await native;
        const ours = await troupe([command!, ...args], { cores, cwd: PROJECT, timeoutMs: 280_000 });
        expect(clean(ours.stdout)).to.equal(clean(expected.stdout));
        expect(clean(ours.stderr.replace(UNIMPLEMENTED, ''))).to.equal(clean(expected.stderr));
        expect(ours.status).to.equal(expected.status);
      });
    }
  }
});
