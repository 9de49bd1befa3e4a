#!/usr/bin/env node
// How loads scale with cores: measured on the cores of this machine, and simulated beyond them from recorded traces.
//
//   node scripts/bench-scaling.mjs [--runs 3] [--predict] [--only compute,alloc,fork,pipe,futex,file] [--json FILE] [--doc]
//
// --predict leaves measuring out; --doc writes the tables of docs/scaling.md. Takes a few minutes; the machine should do nothing else.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { firstBottleneck, Kernel, simulate, workOf } from '../packages/kernel/dist/index.js';

const { values: options } = parseArgs({ options: { runs: { type: 'string', default: '3' }, only: { type: 'string', default: '' }, json: { type: 'string' }, predict: { type: 'boolean', default: false }, doc: { type: 'boolean', default: false } } });
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** Amount of work of a worker, when it is measured and when it is traced; and workers when it is traced. */
const LOADS = {
  compute: { measured: 3000, traced: 120 }, alloc: { measured: 1200, traced: 6 }, fork: { measured: 1200, traced: 3 }, pipe: { measured: 60, traced: 2, workers: 20 }, futex: { measured: 100, traced: 6 }, file: { measured: 100, traced: 8 },
};
/** Enough for every simulated core. */
const TRACED_WORKERS = 128;
const SIMULATED_CORES = [1, 2, 4, 8, 16, 32, 64];
const measuredCores = Array.from({ length: availableParallelism() }, (_, index) => index + 1);

function compile() {
  const binary = join(root, '.cache/bench/scaling');
  mkdirSync(dirname(binary), { recursive: true });
  execFileSync('gcc', ['-O2', '-w', '-pthread', '-o', binary, join(root, 'scripts/bench/scaling.c')]);
  return binary;
}

/** Milliseconds that the load takes, once its code is translated. */
async function measure(binary, load, workers, amount, cores, onEvent) {
  const kernel = await Kernel.create({ cores });
  try {
    const start = (count) => kernel.createProcess({ argv: [binary, load, String(workers), String(count)], stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' });
    const warm = start(Math.max(1, Math.ceil(amount / 2)));
    kernel.start();
    await warm.wait();
    const stop = onEvent === undefined ? () => undefined : kernel.traceScheduler(onEvent);
    const beforeMs = performance.now();
    const { code } = await start(amount).wait();
    const tookMs = performance.now() - beforeMs;
    stop();
    if (code !== 0) throw new Error(`${load} ended with ${code}`);
    return tookMs;
  } finally {
    await kernel.close();
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Interleaved, so that a disturbance hits all numbers of cores. */
async function curve(binary, load) {
  const times = measuredCores.map(() => []);
  const workers = 2 * Math.max(...measuredCores);
  for (let run = 0; run < Number(options.runs); run++) {
    for (const [index, cores] of measuredCores.entries()) times[index].push(await measure(binary, load, workers, LOADS[load].measured, cores));
  }
  const medians = times.map(median);
  return measuredCores.map((cores, index) => ({ cores, ms: medians[index], speedup: medians[0] / medians[index] }));
}

async function predict(binary, load) {
  const events = [];
  await measure(binary, load, LOADS[load].workers ?? TRACED_WORKERS, LOADS[load].traced, Math.max(...measuredCores), (event) => events.push(event));
  const lost = events.filter(({ kind }) => kind === 'lost').reduce((sum, { slices }) => sum + slices, 0);
  const work = workOf(events);
  const predictions = SIMULATED_CORES.map((cores) => simulate(work, cores));
  const bottleneck = firstBottleneck(predictions);
  return {
    lost, points: predictions.map(({ cores, coreUse, elapsedNs, kernelUse }) => ({ cores, speedup: predictions[0].elapsedNs / elapsedNs, coreUse, kernelUse })),
    bottleneck, kernel: predictions[0].kernelNs.slice(0, 3).map(([what]) => what),
  };
}

const row = (cells) => `| ${cells.join(' | ')} |\n`;

function tables(results) {
  const head = (cells) => row(cells) + row(cells.map(() => '---'));
  const measured = options.predict ? '' : head(['load', ...measuredCores.map((cores) => `${cores} core${cores > 1 ? 's' : ''}`)]) + results.map(({ load, measured: points }) => row([load, ...points.map(({ speedup }) => speedup.toFixed(2))])).join('');
  const simulated = head(['load', ...SIMULATED_CORES.map((cores) => `${cores}`), 'first bottleneck', 'the kernel is busy with']) + results.map(({ load, predicted: { bottleneck, kernel, points } }) => row([
    load, ...points.map(({ speedup }) => speedup.toFixed(1)), bottleneck === null ? 'none' : `${bottleneck.what}, from ${bottleneck.from}`, kernel.join(', '),
  ])).join('');
  return options.predict ? simulated : `${measured}\n${simulated}`;
}

function writeDoc(results) {
  const path = join(root, 'docs/scaling.md');
  const text = readFileSync(path, 'utf8');
  const [start, end] = ['<!-- tables: scripts/bench-scaling.mjs -->\n', '<!-- end of tables -->\n'];
  writeFileSync(path, text.slice(0, text.indexOf(start) + start.length) + tables(results) + text.slice(text.indexOf(end)));
}

const binary = compile();
const results = [];
for (const load of options.only === '' ? Object.keys(LOADS) : options.only.split(',')) {
  const result = { load, measured: options.predict ? [] : await curve(binary, load), predicted: await predict(binary, load) };
  results.push(result);
  console.log(`${load}: ${result.measured.map(({ cores, ms, speedup }) => `${cores}: ${ms.toFixed(0)} ms ${speedup.toFixed(2)}×`).join(', ')}`);
  const { bottleneck, kernel, lost, points } = result.predicted;
  console.log(`  simulated: ${points.map(({ cores, kernelUse, speedup }) => `${cores}: ${speedup.toFixed(1)}× (kernel ${Math.round(kernelUse * 100)} %)`).join(', ')}; ${bottleneck === null ? 'no bottleneck' : `${bottleneck.what} from ${bottleneck.from} cores`}; kernel: ${kernel.join(', ')}${lost > 0 ? `; ${lost} slices lost` : ''}`);
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
if (options.doc) writeDoc(results);
