#!/usr/bin/env node
/**
 * A program that makes machine code all the time (tests/soak/endless-code.c), for long: memory must not grow with it.
 *
 *   pnpm soak:code [SECONDS] [SEED] [--cores N] [--every SECONDS]
 *
 * SECONDS  default 600
 * --every  seconds between the lines of the table (default: a twentieth of the time)
 *
 * TROUPE_JIT=eager translates every jump target, TROUPE_JIT_HEAT what has run less than by default. Status 1 after a wrong
 * result, or when the process has more memory at the end than after the first part of the run.
 */
import { parseArgs } from 'node:util';
import { growthOf, soakEndlessCode } from '../tests/dist/soak/endless-code.js';

const text = { type: 'string' };
const { values, positionals } = parseArgs({ args: process.argv.slice(2).filter((arg) => arg !== '--'), options: { cores: { ...text, default: '2' }, every: text }, allowPositionals: true });
const seconds = Number(positionals[0] ?? 600);
const seed = Number(positionals[1] ?? 1);
const everySeconds = Number(values.every ?? seconds / 20);
if (!(seconds > 0 && everySeconds > 0 && Number(values.cores) > 0)) {
  console.error('code-soak: seconds and cores are positive numbers');
  process.exit(125);
}

const COLUMNS = {
  seconds: 's', rssMb: 'RSS MB', heapMb: 'heap MB', frames: 'frames', regions: 'regions', modules: 'modules', codeMb: 'code MB', inLimbo: 'limbo',
  made: 'made', upgraded: 'upgraded', linked: 'linked', evicted: 'evicted',
};
const WIDTH = 9;
const line = (cells) => console.log(cells.map((cell) => String(cell).padStart(WIDTH)).join(''));

line(Object.values(COLUMNS));
const { output, code, samples } = await soakEndlessCode({
  seconds, seed, cores: Number(values.cores), sampleMs: everySeconds * 1000,
  onSample: (sample) => line(Object.keys(COLUMNS).map((name) => (name === 'codeMb' ? sample[name].toFixed(1) : sample[name]))),
});
process.stdout.write(output);
const growth = growthOf(samples);
if (growth) console.log(`memory after the warm-up ${growth.warmMb} MB, at the end ${growth.endMb} MB: ${growth.isBounded ? 'bounded' : 'NOT BOUNDED'}`);
process.exitCode = code === 0 && growth?.isBounded !== false ? 0 : 1;
