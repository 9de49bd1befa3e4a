#!/usr/bin/env node
/**
 * The litmus tests of tests/litmus for long: pnpm litmus [--rounds N] [--engine E] [--cores N] [--native] [NAME…]
 *
 * Prints a line for each test; status 1 after an outcome that x86-TSO forbids, or a lost store.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, '.cache/litmus');
const text = { type: 'string' };
const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: { rounds: { ...text, default: '10000000' }, engine: text, cores: { ...text, default: '2' }, native: { type: 'boolean', default: false } },
  allowPositionals: true,
});

function build(name) {
  mkdirSync(folder, { recursive: true });
  const binary = join(folder, name);
  execFileSync('gcc', ['-O1', '-pthread', '-o', binary, join(root, 'tests/litmus', `${name}.c`)], { stdio: 'inherit' });
  return binary;
}

function runIt(argv) {
  const troupe = [join(root, 'packages/cli/bin/troupe.cjs'), 'do', '--cores', values.cores, ...(values.engine ? ['--engine', values.engine] : []), '--'];
  const [command, args] = values.native ? [argv[0], argv.slice(1)] : [process.execPath, [...troupe, ...argv]];
  return spawnSync(command, args, { stdio: 'inherit' }).status ?? 1;
}

const statuses = ['litmus', 'locked'].map((name) => runIt([build(name), values.rounds, ...positionals]));
process.exitCode = Math.max(...statuses);
