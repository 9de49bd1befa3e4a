#!/usr/bin/env node
/**
 * Random programs full of control flow, natively and under Troupe.
 *
 *   pnpm jit:fuzz [--cases N] [--seed S] [--kind asm|c] [--mode interp|main|jit|eager] [--cores N] [--rounds N]
 *
 * --cases   cases in all (default 400, half of each kind); --seed: the first one (default: by the clock)
 * --mode    one of the ways to run (default: all there are); --cores (default 1 and 2 in turn)
 * --rounds  random states that each case runs on (default 60)
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildProgram, Campaign } from '../tests/dist/fuzz/code/campaign.js';
import { allModes } from '../tests/dist/support/modes.js';

const text = { type: 'string' };
const { values } = parseArgs({ args: process.argv.slice(2).filter((arg) => arg !== '--'), options: { cases: text, seed: text, kind: text, mode: text, cores: text, rounds: text } });
const CASES_OF_FILE = { asm: 100, c: 10 };
const FILES_OF_RUN = 4;

const total = Number(values.cases ?? 400);
const kinds = values.kind ? [values.kind] : ['asm', 'c'];
const modes = allModes().filter(({ name }) => !values.mode || name === values.mode);
const cores = values.cores ? [Number(values.cores)] : [1, 2];
const rounds = Number(values.rounds ?? 60);
let seed = Number(values.seed ?? Math.floor(Date.now() / 1000) % 100_000_000);
if (modes.length === 0 || kinds.some((kind) => !CASES_OF_FILE[kind]) || !(total > 0)) {
  console.error(`jit-fuzz: modes are ${allModes().map(({ name }) => name).join(', ')}; kinds asm, c; --cases a positive number`);
  process.exit(125);
}

function* files() {
  for (const kind of kinds) {
    for (let left = Math.ceil(total / kinds.length); left > 0; left -= CASES_OF_FILE[kind]) {
      const cases = Math.min(left, CASES_OF_FILE[kind]);
      yield { kind, seed, cases };
      seed += cases;
    }
  }
}

const startMs = performance.now();
console.log(`seed ${seed}, ${total} cases of ${rounds} rounds, ${modes.map(({ name }) => name).join(', ')}, ${cores.join(' and ')} cores`);
let [done, wrong, run] = [0, 0, 0];

async function compare(batch) {
  const programs = batch.map((file) => buildProgram(file.kind, file.seed, file.cases));
  const coreCount = cores[run++ % cores.length];
  const failed = new Set();
  for (const mode of modes) {
    for (const { program, text } of await new Campaign(mode, coreCount, rounds).compare(programs)) {
      console.log(text);
      failed.add(program.binary);
      wrong++;
    }
  }
  for (const { binary } of programs) if (!failed.has(binary)) for (const end of ['', '.S', '.c']) rmSync(binary + end, { force: true });
  done += batch.reduce((sum, { cases }) => sum + cases, 0);
}

let batch = [];
for (const file of files()) {
  batch.push(file);
  if (batch.length < FILES_OF_RUN) continue;
  await compare(batch);
  batch = [];
}
if (batch.length > 0) await compare(batch);
console.log(`${done} cases in ${((performance.now() - startMs) / 1000).toFixed(0)} s: ${wrong} programs differ`);
process.exitCode = wrong > 0 ? 1 : 0;
