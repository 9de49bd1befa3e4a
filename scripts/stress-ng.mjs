#!/usr/bin/env node
// Runs the stressors of stress-ng, one at a time, natively and under Troupe, and prints which ones end differently.
//
//   node scripts/stress-ng.mjs [--class scheduler,interrupt,pipe,memory] [--only NAME,…] [--timeout 2] [--side native|troupe|both]
//                              [--cores 2] [--engine jit|interp] [--limit 60]
//   node scripts/stress-ng.mjs --report
//
// Takes stress-ng from the path (STRESS_NG names another one). Takes minutes: not part of the tests. Results are kept in
// .cache/stress-ng.json, by stressor and machine; --report writes the tables of docs/stress.md from them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    class: { type: 'string', default: 'scheduler,interrupt,pipe,memory' }, only: { type: 'string', default: '' }, timeout: { type: 'string', default: '2' },
    cores: { type: 'string', default: '2' }, side: { type: 'string', default: 'both' }, engine: { type: 'string', default: 'jit' },
    limit: { type: 'string', default: '60' }, report: { type: 'boolean', default: false },
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

const limitMs = (Number(options.timeout) + Number(options.limit)) * 1000;
const stressArgs = (name) => [`--${name}`, '1', '--timeout', options.timeout, '--temp-path', '/tmp', '--verify'];
const sides = {
  native: (name) => run(stressNg, stressArgs(name), limitMs),
  troupe: (name) => run(process.execPath, [
    join(root, 'packages/cli/bin/troupe.cjs'), 'do', '--engine', options.engine, '--cores', options.cores, ...(library ? ['--env', `LD_LIBRARY_PATH=${library}`] : []), '--', stressNg, ...stressArgs(name),
  ], limitMs),
};
const machine = `${options.engine}, ${options.cores} core${options.cores === '1' ? '' : 's'}`;

const KEPT = join(root, '.cache/stress-ng.json');
/** Outcomes by stressor, then by machine ('native' or engine and cores). */
const kept = existsSync(KEPT) ? JSON.parse(readFileSync(KEPT, 'utf8')) : {};

function keep(name, place, { outcome }) {
  (kept[name] ??= {})[place] = outcome;
  mkdirSync(dirname(KEPT), { recursive: true });
  writeFileSync(KEPT, JSON.stringify(kept, null, 1));
}

async function compare() {
  const chosen = options.side === 'both' ? ['native', 'troupe'] : [options.side];
  const names = new Set(options.only === '' ? options.class.split(',').flatMap(stressorsOf) : options.only.split(','));
  let different = 0;
  for (const name of names) {
    const results = [];
    for (const side of chosen) {
      const result = verdict(await sides[side](name));
      results.push(result);
      keep(name, side === 'native' ? 'native' : machine, result);
    }
    const isSame = results.every(({ outcome }) => outcome === results[0].outcome);
    if (!isSame) different++;
    console.log(`${isSame ? ' ' : '*'} ${name.padEnd(16)} ${results.map(({ outcome }) => outcome.padEnd(12)).join(' ')} ${results.map(({ complaint }) => complaint).filter(Boolean).join(' | ')}`);
  }
  console.log(`${different} of ${names.size} stressors end differently`);
}

const START = '<!-- tables: scripts/stress-ng.mjs -->\n';
const END = '<!-- end of tables -->\n';

/** Machines that ran as many stressors as were run natively. */
function machinesThatRanAll() {
  const ran = new Map();
  for (const place of Object.values(kept).flatMap(Object.keys)) ran.set(place, (ran.get(place) ?? 0) + 1);
  return [...ran.keys()].filter((place) => place !== 'native' && ran.get(place) === ran.get('native')).sort().reverse();
}

/** How many end how on each machine, and every stressor that does not end everywhere as natively. */
function tables() {
  const places = ['native', ...machinesThatRanAll()];
  const row = (cells) => `| ${cells.join(' | ')} |\n`;
  const head = (first) => row([first, ...places]) + row(['---', ...places.map(() => '---')]);
  const all = Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1));
  const count = (kind, place) => all.filter(([, outcomes]) => outcomes[place]?.startsWith(kind)).length;
  const counts = ['passed', 'skipped', 'failed', 'hangs'].map((kind) => row([kind, ...places.map((place) => count(kind, place))])).join('');
  const different = all.filter(([, outcomes]) => places.some((place) => (outcomes[place] ?? outcomes.native) !== outcomes.native));
  return `${head('')}${counts}\n${head('stressor')}${different.map(([name, outcomes]) => row([name, ...places.map((place) => outcomes[place] ?? '')])).join('')}`;
}

function report() {
  const path = join(root, 'docs/stress.md');
  const text = readFileSync(path, 'utf8');
  const from = text.indexOf(START) + START.length;
  writeFileSync(path, text.slice(0, from) + tables() + text.slice(text.indexOf(END)));
}

if (options.report) report();
else await compare();
