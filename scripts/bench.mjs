#!/usr/bin/env node
/**
 * Benchmarks. Results: a table, JSON and a chart in .cache/bench; docs/performance.md explains the figures.
 *
 *   pnpm bench cpu    [--quick] [--only NAME,…] [--engines native,qemu,jit,first,interp] [--scale X] [--repeats N] [--node N]
 *   pnpm bench kernel [--quick] [--only NAME,…] [--engine E] [--seconds X] [--warm N] [--repeats N] [--node N]
 *
 * --quick    a tenth of the work, one round, no cold runs
 * --only     programs whose name contains one of these
 * --engines  what to compare
 * --engine   engine of Troupe in the kernel benchmark
 * --scale    amount of work of the CPU programs (default 0.5: 0.3 to 1 s natively)
 * --seconds  length of one measurement of a kernel program (default 0.5)
 * --warm     measurements of a kernel program, in the same process, before the one that counts (default 0)
 * --node     the Node that runs Troupe: a path, or a major version, which is fetched from npm into .cache/node
 */
import { parseArgs } from 'node:util';
import { benchCpu } from './bench/cpu.mjs';
import { ENGINE_NAMES } from './bench/engines.mjs';
import { benchKernel } from './bench/kernel.mjs';
import { findNode } from './bench/node-versions.mjs';

const KINDS = { cpu: benchCpu, kernel: benchKernel };

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(125);
}

function parse() {
  const text = { type: 'string' };
  const options = { quick: { type: 'boolean', default: false }, only: text, engines: text, engine: text, scale: text, seconds: text, warm: text, repeats: text, node: text };
  try {
    return parseArgs({ args: process.argv.slice(2).filter((arg) => arg !== '--'), options, allowPositionals: true });
  } catch (error) {
    return fail(error.message);
  }
}

function positive(value, byDefault, name) {
  const number = value === undefined ? byDefault : Number(value);
  if (!(number > 0)) fail(`${name} must be a positive number, not ${value}`);
  return number;
}

const { values, positionals } = parse();
const kind = KINDS[positionals[0]];
if (kind === undefined || positionals.length !== 1) fail(`say what: pnpm bench ${Object.keys(KINDS).join(' | pnpm bench ')}`);
const list = (value, byDefault) => (value === undefined ? byDefault : value.split(','));
try {
  const hasWrongResult = kind({
    quick: values.quick,
    only: list(values.only, []),
    engines: list(values.engines, ENGINE_NAMES),
    engine: values.engine,
    scale: positive(values.scale, values.quick ? 0.05 : 0.5, '--scale'),
    seconds: positive(values.seconds, values.quick ? 0.1 : 0.5, '--seconds'),
    warm: values.warm === undefined ? 0 : Math.round(positive(values.warm, 0, '--warm')),
    repeats: positive(values.repeats, values.quick ? 1 : 3, '--repeats'),
    node: findNode(values.node),
  });
  process.exitCode = hasWrongResult ? 1 : 0;
} catch (error) {
  fail(error.message);
}
