#!/usr/bin/env node
// Shows that the tests of docs/seed.md notice broken counterparts: plants each fault of packages/kernel/seed-faults.json
// and runs the test that the counterpart's row names, which must fail; without a fault it must pass.
//
//   node scripts/seed-faults.mjs [NAME…]         NAME: of the seed, such as Kernel.Pause
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PLANTED } from './plant-fault.mjs';
import { seedEntries } from './seed-table.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const MOCHA = join(root, 'node_modules/mocha/bin/mocha.js');
const TIMEOUT_MS = '60000';
const IMPORTED_TEST = join(root, 'scripts/imported-test.mjs');

/** Each fault with the row of its counterpart. */
export function seedFaults() {
  const entries = new Map(seedEntries().map((entry) => [entry.seed, entry]));
  const { faults } = JSON.parse(readFileSync(join(root, 'packages/kernel/seed-faults.json'), 'utf8'));
  return faults.map((fault) => {
    const entry = entries.get(fault.seed);
    if (entry === undefined) throw new Error(`${fault.seed}: no entry in seed.json`);
    return { ...fault, entry, file: (fault.file ?? entry.file).replace('/src/', '/dist/').replace(/\.ts$/, '.js') };
  });
}

const compiledTest = ({ test }) => join(root, 'tests/dist', test.startsWith('property/') ? test : `unit/${test}`).replace(/\.ts$/, '.js');

/** Runs the test of an entry: how many of its cases failed, and the first message. Rejects when none ran. */
function runTest(entry, fault) {
  const plant = fault === null ? [] : ['--import', pathToFileURL(join(root, 'scripts/plant-fault.mjs')).href];
  const env = { ...process.env, TROUPE_TEST: pathToFileURL(compiledTest(entry)).href, ...(fault === null ? {} : { TROUPE_FAULT: JSON.stringify({ file: fault.file, find: fault.find, replace: fault.replace }) }) };
  const args = [...plant, MOCHA, '--no-config', '--exit', '--timeout', TIMEOUT_MS, '--reporter', 'json', '--fgrep', entry.title, IMPORTED_TEST];
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, args, { env, cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    child.on('error', reject);
    child.on('close', () => {
      const at = out.indexOf('{\n  "stats"');
      if (at < 0) return reject(new Error(`${entry.seed}: ${err.trim() || out.trim()}`));
      if (fault !== null && !err.includes(PLANTED)) return reject(new Error(`${entry.seed}: ${fault.file} is not loaded by ${entry.test}`));
      const { stats, failures } = JSON.parse(out.slice(at));
      if (stats.tests === 0) return reject(new Error(`${entry.seed}: no test '${entry.title}'`));
      done({ failed: stats.failures, message: failures[0]?.err.message?.split('\n')[0] ?? '' });
    });
  });
}

/** Is the fault noticed by its test, and only then a failure? */
export async function tryFault(fault) {
  const whole = await runTest(fault.entry, null);
  const broken = await runTest(fault.entry, fault);
  return { isCaught: whole.failed === 0 && broken.failed > 0, message: whole.failed > 0 ? `fails without the fault: ${whole.message}` : broken.message };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  const faults = seedFaults().filter(({ seed }) => wanted.length === 0 || wanted.includes(seed));
  let missed = 0;
  for (const fault of faults) {
    const { isCaught, message } = await tryFault(fault);
    if (!isCaught) missed++;
    console.log(`${isCaught ? 'caught' : 'MISSED'}  ${fault.seed}: ${fault.what}; ${fault.entry.test}: ${message}`);
  }
  console.log(`${faults.length - missed} of ${faults.length} faults caught`);
  process.exitCode = missed > 0 || faults.length === 0 ? 1 : 0;
}
