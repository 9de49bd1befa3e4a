// Translations that outlive the kernel they were made in: a second run uses what the first one has kept.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hashOf } from '@troupe/cpu-worker/jit/kept-files.js';
import { compileGuest } from '../support/guest-program.js';
import { run, troupe, type RunResult } from '../support/run.js';

/** Some 100 million instructions of a dynamic program. */
const SHELL = ['/bin/sh', '-c', 'i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done; echo $i'] as const;

/** The same program, some 200,000. */
const SHORT = ['/bin/sh', '-c', 'echo short'] as const;

const MAX_RUNS = 5;
/** Of the index (kept-files.ts). */
const RECORD_DIGITS = 56;
const HASH_DIGITS = 32;

describe('kept translations', function () {
  this.timeout(120_000);
  let folder: string;

  before(function () {
    if (Number.parseInt(process.versions.v8, 10) >= 14) this.skip();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-kept-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const start = (cores: number, cache = folder, argv: readonly string[] = SHELL): Promise<RunResult> =>
    troupe(argv, { cores, flags: ['--stat'], env: { ...process.env, TROUPE_JIT: 'background', TROUPE_JIT_HEAT: '100', TROUPE_CODE_CACHE: cache }, timeoutMs: 100_000 });
  const count = ({ stderr }: RunResult, name: string): number => Number(new RegExp(`(\\d+)  ${name}`).exec(stderr)![1]);
  const files = (): string[] => readdirSync(folder).filter((name) => name !== 'commands').flatMap((tag) => readdirSync(join(folder, tag)).map((name) => join(folder, tag, name)));

  for (const cores of [1, 2]) {
    it(`are used by the next run (${cores} core${cores > 1 ? 's' : ''})`, async () => {
      const native = await run(SHELL[0], SHELL.slice(1));
      const runs: RunResult[] = [];
      // On a busy machine a run may end before its translations are made.
      while (runs.length < MAX_RUNS && !runs.some((ours) => count(ours, 'regionsKept') > 5)) runs.push(await start(cores));
      expect(count(runs[0]!, 'regionsKept')).to.equal(0);
      expect(count(runs.at(-1)!, 'regionsKept')).to.be.greaterThan(5);
      expect(count(runs.at(-1)!, 'modulesKept')).to.be.greaterThan(0);
      for (const ours of runs) {
        expect(ours.stdout).to.equal(native.stdout);
        expect(ours.status).to.equal(native.status);
      }
    });
  }

  for (const cores of [1, 2]) {
    it(`are looked for from the start by a command that ran long before (${cores} core${cores > 1 ? 's' : ''})`, async () => {
      const woken: number[] = [];
      while (woken.length < MAX_RUNS && !woken.includes(1)) woken.push(count(await start(cores), 'wokenAtExec'));
      expect(woken[0]).to.equal(0);
      expect(woken.at(-1)).to.equal(1);
      expect(count(await start(cores, folder, SHORT), 'wokenAtExec')).to.equal(0);
      expect(count(await start(cores, folder, SHORT), 'wokenAtExec')).to.equal(0);
    });
  }

  it('that were damaged are made anew', async () => {
    const native = await run(SHELL[0], SHELL.slice(1));
    for (let runs = 0; runs < MAX_RUNS && files().length < 2; runs++) await start(1);
    for (const path of files()) {
      const bytes = readFileSync(path);
      if (path.endsWith('/index')) continue;
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
    }
    const second = await start(1);
    expect(count(second, 'regionsKept')).to.equal(0);
    expect(second.stdout).to.equal(native.stdout);
    expect(second.status).to.equal(native.status);
  });

  it('are of files only, not of code that a program makes', async () => {
    const binary = compileGuest('jit-for-ever', ['-static']);
    let translated = 0;
    for (let runs = 0; runs < MAX_RUNS && translated < 10; runs++) translated += count(await start(1, folder, [binary, '1800']), 'regionsTranslated');
    expect(translated).to.be.greaterThan(9);
    const bytes = readFileSync(binary);
    const pages = new Set(Array.from({ length: Math.ceil(bytes.length / 4096) }, (_, i) => hashOf(bytes.subarray(i * 4096, (i + 1) * 4096))));
    const index = files().filter((path) => path.endsWith('/index')).map((path) => readFileSync(path).toString('hex')).join('');
    for (let at = 0; at < index.length; at += RECORD_DIGITS) expect(pages.has(index.slice(at, at + HASH_DIGITS))).to.equal(true);
  });

  it('are neither made nor used when that is switched off', async () => {
    await start(1, 'off');
    expect(files()).to.deep.equal([]);
  });
});
