#!/usr/bin/env node
// Runs many random schedules of the kernel (tests/property/kernel-*.test.ts), a part per process, file and seed: a process
// runs out of address space after some 12,000 kernels, whose memories are freed late.
//
//   node scripts/simulate.mjs [--schedules 100000] [--first-seed 1]
//
// A seed that fails is named; it replays with SCHEDULE_SEED and SCHEDULE_RUNS.
import { spawnSync } from 'node:child_process';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SCHEDULES_PER_PROCESS = 10_000;
const { values: options } = parseArgs({ options: { schedules: { type: 'string', default: '100000' }, 'first-seed': { type: 'string', default: '1' } } });
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const MOCHA = join(root, 'node_modules/mocha/bin/mocha.js');
const TESTS = ['kernel-schedules', 'kernel-model'].map((name) => join(root, `tests/dist/property/${name}.test.js`));

/** True when the test of the file passed. */
function passes(file, seed, runs) {
  const env = { ...process.env, SCHEDULE_SEED: String(seed), SCHEDULE_RUNS: String(runs) };
  const args = [MOCHA, '--no-config', '--reporter', 'dot', '--grep', 'keep the invariants|as the model', file];
  return spawnSync(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

const failed = [];
let seed = Number(options['first-seed']);
for (let left = Number(options.schedules); left > 0; left -= SCHEDULES_PER_PROCESS, seed++) {
  const runs = Math.min(left, SCHEDULES_PER_PROCESS);
  for (const file of TESTS) {
    const startMs = Date.now();
    const isGood = passes(file, seed, runs);
    if (!isGood) failed.push(`SCHEDULE_SEED=${seed} SCHEDULE_RUNS=${runs} ${basename(file)}`);
    console.log(`${basename(file)}, seed ${seed}: ${runs} schedules, ${isGood ? 'no' : 'A'} failure, ${Math.round((Date.now() - startMs) / 1000)} s`);
  }
}
for (const at of failed) console.error(`failed: ${at}`);
process.exitCode = failed.length > 0 ? 1 : 0;
