// pnpm bench kernel: system calls, processes, threads, pipes, sockets and memory, in operations per second.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebianTool } from '../debian-tools.mjs';
import { kernelEngines } from './engines.mjs';
import { compile, prepareWork } from './inputs.mjs';
import { failureOf, hasWrongResult, measureTask, median } from './measure.mjs';
import { out, root } from './paths.mjs';
import { geometricMeans, machine, printFailures, ratio, ratiosOf, save, table } from './report.mjs';

const folder = join(out, 'micro');
const build = (name) => compile(join(root, 'tests/bench/micro', `${name}.c`), join(folder, name), ['-O2', '-static']);

/** Name of the figure, program. */
const RATES = [
  ['getpid', 'getpid'], ['signal to self', 'sig'], ['stat', 'statf'], ['open, read 1 KiB, close', 'openread'],
  ['mmap, touch, munmap', 'mmapt'], ['futex ping-pong', 'futexpp'], ['thread create, join', 'pthr'],
  ['pipe ping-pong', 'pipepp'], ['unix socket ping-pong', 'unixpp'], ['tcp ping-pong', 'tcppp'], ['pipe bandwidth', 'pipebw'],
  ['fork, exit, wait', 'forkwait'], ['fork, exec, wait', 'forkexec'], ['posix_spawn, wait', 'spawn'], ['computing and malloc', 'cpu'],
];
/** Their children would leave qemu-user at execve: they start qemu again. */
const EXECS = new Set(['forkexec', 'spawn']);

/** One line: name, tab, rates of the repeats, tab, unit. The last one counts. */
function readRates(run) {
  const failure = failureOf(run);
  if (failure) throw new Error(failure);
  const figures = [...run.stdout.matchAll(/^(\S+)\t([\d. ]+)\t(\S+)$/gm)].map(([, name, rates, unit]) => ({ name, unit, rate: Number(rates.trim().split(/\s+/).at(-1)) }));
  if (figures.length === 0) throw new Error(`no figures: ${run.stdout.slice(0, 80)}`);
  return { value: figures, check: figures.map(({ name }) => name).join() };
}

function tasks({ seconds, warm, qemuPath }) {
  return RATES.map(([label, program]) => ({
    name: label,
    argv: () => [build(program), String(seconds), String(warm + 1)],
    qemuArgv: EXECS.has(program) ? () => [build(program), String(seconds), String(warm + 1), qemuPath, build('true')] : undefined,
  }));
}

/** A program may print several figures: one row for each, with the median over the rounds. */
function rowsOf(measured) {
  const first = Object.values(measured.runs)[0]?.[0] ?? [];
  if (first.length === 0) return [{ name: measured.name, unit: '', runs: {}, medians: {}, failures: measured.failures, ratios: {} }];
  return first.map(({ name, unit }, i) => {
    const runs = Object.fromEntries(Object.entries(measured.runs).map(([engine, rounds]) => [engine, rounds.map((figures) => figures[i].rate)]));
    const medians = Object.fromEntries(Object.entries(runs).map(([engine, rates]) => [engine, median(rates)]));
    const row = { name: first.length > 1 ? name : measured.name, unit, runs, medians, failures: measured.failures };
    return { ...row, ratios: ratiosOf(row, true) };
  });
}

/** Start to exit of a whole sandbox that runs one command, and of one process inside a running kernel. */
function startRows(engines, repeats) {
  const whole = measureTask({ name: 'whole start, echo hi', argv: ['/bin/echo', 'hi'] }, engines, repeats * 3, (run) => {
    const failure = failureOf(run);
    if (failure) throw new Error(failure);
    return { value: run.wallSeconds * 1000, check: run.stdout };
  });
  const inside = measureTask({ name: 'process in a running kernel', argv: [build('startwall'), '20', build('true')], skip: ['qemu'] }, engines, repeats, (run) => {
    const failure = failureOf(run);
    if (failure) throw new Error(failure);
    return { value: Number(/median ([\d.]+)/.exec(run.stdout)?.[1]), check: '' };
  });
  return [whole, inside].map((row) => ({ ...row, unit: 'ms', ratios: ratiosOf(row) }));
}

const amount = (value) => (value === undefined ? '–' : value >= 1e6 ? `${(value / 1e6).toPrecision(3)} M` : value >= 1e3 ? `${(value / 1e3).toPrecision(3)} k` : value.toPrecision(3));

export function benchKernel(options) {
  const qemuPath = ensureDebianTool('qemu');
  const runscPath = ensureDebianTool('runsc');
  const engines = kernelEngines({ node: options.node, qemuPath, runscPath, engine: options.engine });
  const others = engines.map(({ name }) => name).filter((name) => name !== 'native');
  mkdirSync(folder, { recursive: true });
  prepareWork(qemuPath);
  const about = machine(options.node);
  console.log(`${about.cpu}, ${about.cpus} CPUs, Node ${about.node}, ${options.seconds} s each, ${options.repeats} rounds`);
  const isWanted = ({ name }) => options.only.length === 0 || options.only.some((text) => name.includes(text));
  const rows = tasks({ seconds: options.seconds, warm: options.warm, qemuPath }).filter(isWanted).flatMap((task) => {
    const measured = measureTask({ ...task, argv: task.argv(), qemuArgv: task.qemuArgv?.() }, engines, options.repeats, readRates);
    const done = rowsOf(measured);
    for (const row of done) console.log(`${row.name.padEnd(28)} ${Object.entries(row.medians).map(([name, value]) => `${name} ${amount(value)}`).join('  ')} ${row.unit}`);
    return done;
  });
  if (options.only.length === 0) rows.push(...startRows(engines, options.repeats));
  const means = geometricMeans(rows, others);
  console.log('\nHow many times slower than native (medians):\n');
  console.log(table(['operation', 'native', 'unit', ...others], [
    ...rows.map((row) => [row.name, amount(row.medians.native), row.unit, ...others.map((name) => (row.failures[name] ? 'fails' : ratio(row.ratios[name])))]),
    [`geometric mean of ${means.over}`, '', '', ...others.map((name) => ratio(means.means[name]))],
  ]));
  printFailures(rows);
  save('kernel', { machine: about, seconds: options.seconds, warm: options.warm, repeats: options.repeats, geometricMeans: means, rows }, {
    title: `Kernel benchmarks: native ÷ measured rate (${about.cpu}, Node ${about.node})`, axis: 'less is better; 1 = native', series: others, rows: rows.map((row) => ({ label: row.name, values: row.ratios })),
  });
  return hasWrongResult(rows);
}
