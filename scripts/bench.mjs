#!/usr/bin/env node
// pnpm bench: the nine CPU programs natively, under qemu-x86_64 (when installed) and under Troupe, with
// check sums compared; instructions per second, ratios to native, geometric mean. Start-up of `troupe do`.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const troupe = join(root, 'packages/cli/bin/troupe.mjs');
const out = join(root, '.cache/bench');
const scale = process.argv[2] ?? '0.05';
const repeats = Number(process.argv[3] ?? 3);
const sources = join(root, 'tests/bench/cpu');
mkdirSync(out, { recursive: true });

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const geomean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
const hasQemu = spawnSync('qemu-x86_64', ['--version']).status === 0;

function timed(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = Number(/^TIME \S+ ([\d.]+)/m.exec(result.stdout)?.[1]);
  const check = /^CHECK .*$/m.exec(result.stdout)?.[0];
  const instructions = Number(/(\d+)  instructions$/m.exec(result.stderr)?.[1] ?? 0);
  if (!check) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`);
  return { seconds, check, instructions };
}

function measure(name) {
  const binary = join(out, name);
  execFileSync('gcc', ['-O2', '-pthread', '-w', '-o', binary, join(sources, `${name}.c`), '-lm']);
  const runs = { native: [], qemu: [], troupe: [] };
  for (let i = 0; i < repeats; i++) {
    runs.native.push(timed(binary, [scale]));
    if (hasQemu) runs.qemu.push(timed('qemu-x86_64', [binary, scale]));
    runs.troupe.push(timed(process.execPath, [troupe, 'do', '--cores', '1', '--stat', '--', binary, scale]));
  }
  const checks = new Set(Object.values(runs).flat().map(({ check }) => check));
  if (checks.size !== 1) throw new Error(`${name}: check sums differ: ${[...checks].join(' / ')}`);
  const seconds = (list) => median(list.map((run) => run.seconds));
  const native = seconds(runs.native);
  const ours = seconds(runs.troupe);
  return { name, nativeSeconds: native, troupe: ours / native, qemu: hasQemu ? seconds(runs.qemu) / native : null, mips: runs.troupe[0].instructions / ours / 1e6 };
}

function startup() {
  const wall = (args) => median(Array.from({ length: 9 }, () => {
    const start = performance.now();
    spawnSync(process.execPath, args);
    return performance.now() - start;
  }));
  return { nodeMs: wall(['-e', '0']), troupeMs: wall([troupe, 'do', '--cores', '2', '--', '/bin/true']) };
}

const names = readdirSync(sources).filter((file) => file.endsWith('.c') && file !== 'contend.c').map((file) => file.slice(0, -2));
const rows = names.map((name) => {
  const row = measure(name);
  console.log(`${name.padEnd(8)} native ${row.nativeSeconds.toFixed(3)} s   troupe ${row.troupe.toFixed(1)}x   ${row.qemu ? `qemu ${row.qemu.toFixed(1)}x   ` : ''}${row.mips.toFixed(0)} M instructions/s`);
  return row;
});
const start = startup();
const summary = { node: process.version, cpu: cpus()[0]?.model, scale, geomeanTroupe: geomean(rows.map((row) => row.troupe)), geomeanMips: geomean(rows.map((row) => row.mips)), ...start };
console.log(`geometric mean: ${summary.geomeanTroupe.toFixed(1)}x native, ${summary.geomeanMips.toFixed(0)} M instructions/s`);
console.log(`start-up: node -e 0 ${start.nodeMs.toFixed(0)} ms, troupe do -- /bin/true ${start.troupeMs.toFixed(0)} ms (${(start.troupeMs / start.nodeMs).toFixed(2)}x)`);
writeFileSync(join(out, 'bench.json'), JSON.stringify({ summary, rows }, null, 2));
