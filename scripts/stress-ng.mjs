#!/usr/bin/env node
// Runs the stressors of stress-ng, one at a time, natively and under Troupe, and prints which ones end differently.
//
//   node scripts/stress-ng.mjs [--class scheduler,interrupt,pipe,memory] [--only NAME,…] [--timeout 2] [--cores 2] [--side native|troupe|both]
//
// Takes stress-ng from the path (STRESS_NG names another one). Takes minutes: not part of the tests.
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    class: { type: 'string', default: 'scheduler,interrupt,pipe,memory' }, only: { type: 'string', default: '' }, timeout: { type: 'string', default: '2' },
    cores: { type: 'string', default: '2' }, side: { type: 'string', default: 'both' },
  },
});
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const stressNg = process.env.STRESS_NG ?? 'stress-ng';
const library = process.env.LD_LIBRARY_PATH;

/** Names of the stressors of a class, as stress-ng lists them. */
function stressorsOf(name) {
  const { stdout, stderr, error } = spawnSync(stressNg, ['--class', `${name}?`], { encoding: 'utf8' });
  if (error) throw new Error(`${stressNg}: ${error.message}`);
  return /stressors: (.*)/.exec(stdout + stderr)?.[1].trim().split(' ') ?? [];
}

/** Ends in time, or the whole process group is killed. */
function run(command, args, limitMs) {
  return new Promise((done) => {
    const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), limitMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      done({ status: signal ?? code, text });
    });
  });
}

/** passed, skipped, failed or hangs, with the first complaint. */
function verdict({ status, text }) {
  const complaint = /(?:fail|error): +(.*)/.exec(text)?.[1] ?? '';
  if (status === 'SIGKILL') return { outcome: 'hangs', complaint };
  if (/skipped: 1|stressor not implemented|skipping stressor|No stress workers/.test(text)) return { outcome: 'skipped', complaint: '' };
  return status === 0 ? { outcome: 'passed', complaint: '' } : { outcome: `failed (${status})`, complaint };
}

const limitMs = (Number(options.timeout) + 60) * 1000;
const stressArgs = (name) => [`--${name}`, '1', '--timeout', options.timeout, '--temp-path', '/tmp', '--verify'];
const sides = {
  native: (name) => run(stressNg, stressArgs(name), limitMs),
  troupe: (name) => run(process.execPath, [
    join(root, 'packages/cli/bin/troupe.cjs'), 'do', '--cores', options.cores, ...(library ? ['--env', `LD_LIBRARY_PATH=${library}`] : []), '--', stressNg, ...stressArgs(name),
  ], limitMs),
};
const chosen = options.side === 'both' ? ['native', 'troupe'] : [options.side];

const names = options.only === '' ? options.class.split(',').flatMap(stressorsOf) : options.only.split(',');
let different = 0;
for (const name of new Set(names)) {
  const results = [];
  for (const side of chosen) results.push(verdict(await sides[side](name)));
  const isSame = results.every(({ outcome }) => outcome === results[0].outcome);
  if (!isSame) different++;
  console.log(`${isSame ? ' ' : '*'} ${name.padEnd(16)} ${results.map(({ outcome }) => outcome.padEnd(12)).join(' ')} ${results.map(({ complaint }) => complaint).filter(Boolean).join(' | ')}`);
}
console.log(`${different} of ${new Set(names).size} stressors end differently`);
