// pnpm bench cpu: nine C programs and five whole programs, then threads, then cold starts (see usage in ../bench.mjs).
import { join } from 'node:path';
import { ensureDebianRootfs } from '../debian-rootfs.mjs';
import { ensureDebianTool } from '../debian-tools.mjs';
import { coldTasks, nodeStartSeconds, readWhole } from './cold.mjs';
import { cpuEngines } from './engines.mjs';
import { compile, esbuild, libraryToMinify, prepareWork } from './inputs.mjs';
import { hasWrongResult, measureTask, readTimed } from './measure.mjs';
import { out, root } from './paths.mjs';
import { geometricMeans, machine, printFailures, ratio, ratiosOf, save, table } from './report.mjs';

const C_PROGRAMS = ['matmul', 'mandel', 'sha256', 'sort', 'memops', 'scan', 'interp', 'fib', 'ptr'];

const cSource = (name) => join(root, 'tests/bench/cpu', `${name}.c`);

function cTasks(scale) {
  return C_PROGRAMS.map((name) => ({ name, argv: () => [compile(cSource(name), join(out, name), ['-O2']), String(scale)] }));
}

/** Whole programs of 0.3 to 1 s at scale 0.5; `timed` measures them from inside the kernel that runs them. */
function jobTasks(scale) {
  const inRoot = (name, argv) => ({ name, debian: true, launcher: ['/tmp/timed', name], argv: () => argv });
  const half = scale / 0.5;
  return [
    inRoot('python', ['/usr/bin/python3', '/tmp/job.py', String(half)]),
    inRoot('sqlite', ['/usr/bin/sqlite3', ':memory:', `.read /tmp/job.sql`]),
    inRoot('gzip', ['/usr/bin/gzip', '-6', '-c', '/tmp/corpus.txt']),
    inRoot('awk', ['/usr/bin/mawk', '-f', '/tmp/job.awk', '/tmp/corpus.txt']),
    { name: 'esbuild', launcher: [join(out, 'work/timed'), 'esbuild'], argv: () => [esbuild(), '--minify', '--log-level=error', libraryToMinify()] },
  ];
}

/** The same work with 1 and 2 threads on as many cores; long enough that the start of the second core's thread is little of it. */
function threadTasks(scale) {
  const binary = () => compile(cSource('mandel'), join(out, 'mandel-mt'), ['-O2', '-DMT', '-pthread']);
  return [1, 2].map((threads) => ({ name: `mandel, ${threads} thread${threads > 1 ? 's' : ''}`, cores: threads, argv: () => [binary(), String(scale * 4), String(threads)] }));
}

const resolved = (task) => ({ ...task, argv: task.argv() });

function measureAll(tasks, engines, repeats, read, print) {
  return tasks.map((task) => {
    const row = measureTask(resolved(task), engines, repeats, read);
    row.ratios = ratiosOf(row);
    print(row);
    return row;
  });
}

const progress = (row) => console.log(`${row.name.padEnd(24)} native ${(row.medians.native ?? NaN).toFixed(3)} s  ${Object.entries(row.ratios).map(([name, value]) => `${name} ${ratio(value)}x`).join('  ')}`);

function printMain(rows, names) {
  const means = geometricMeans(rows, names);
  console.log(`\nTime ÷ native (medians; the programs and the launcher of the jobs time themselves, so that the start of Node does not count):\n`);
  console.log(table(['program', 'native s', ...names], [
    ...rows.map((row) => [row.name, ratio(row.medians.native), ...names.map((name) => (row.failures[name] ? 'fails' : ratio(row.ratios[name])))]),
    [`geometric mean of ${means.over}`, '', ...names.map((name) => ratio(means.means[name]))],
  ]));
  return means;
}

function printThreads(rows, names) {
  const measured = names.filter((name) => rows.length === 2 && rows.every((row) => row.medians[name] !== undefined));
  const gains = measured.map((name) => `${name} ${ratio(rows[0].medians[name] / rows[1].medians[name])}x`);
  if (gains.length > 0) console.log(`\nmandel, 2 threads on 2 cores against 1: ${gains.join(', ')} as fast`);
}

function printCold(rows, names, nodeSeconds) {
  if (rows.length === 0) return;
  const ms = (value) => (value === undefined ? '–' : (value * 1000).toFixed(0));
  console.log(`\nCold runs, start to exit, ms (Troupe's include the start of Node, ${ms(nodeSeconds)} ms for an empty script):\n`);
  console.log(table(['command', ...names], rows.map((row) => [row.name, ...names.map((name) => (row.failures[name] ? 'fails' : ms(row.medians[name])))])));
}

export function benchCpu(options) {
  const debian = ensureDebianRootfs();
  const qemuPath = options.engines.includes('qemu') ? ensureDebianTool('qemu') : undefined;
  const engines = cpuEngines(options.engines, { node: options.node, qemuPath });
  const names = engines.map(({ name }) => name);
  const others = names.filter((name) => name !== 'native');
  prepareWork(qemuPath);
  const isWanted = (task) => (options.only.length === 0 || options.only.some((text) => task.name.includes(text))) && (!task.debian || debian !== undefined);
  const pick = (tasks) => tasks.filter(isWanted);
  if (debian === undefined) console.log('no Debian root folder (apt-get is missing): its programs are left out');
  const about = machine(options.node);
  console.log(`${about.cpu}, ${about.cpus} CPUs, Node ${about.node}, scale ${options.scale}, ${options.repeats} rounds, ${names.join(', ')}`);
  const rows = measureAll(pick([...cTasks(options.scale), ...jobTasks(options.scale)]), engines, options.repeats, readTimed, progress);
  const threads = measureAll(pick(threadTasks(options.scale)), engines, options.repeats, readTimed, progress);
  const cold = options.quick ? [] : measureAll(pick(coldTasks()), engines, options.repeats, readWhole, progress);
  const nodeSeconds = cold.length > 0 ? nodeStartSeconds(options.node) : undefined;
  const means = printMain(rows, others);
  printThreads(threads, names);
  printCold(cold, names, nodeSeconds);
  printFailures([...rows, ...threads, ...cold]);
  save('cpu', { machine: about, scale: options.scale, repeats: options.repeats, geometricMeans: means, nodeStartSeconds: nodeSeconds, rows, threads, cold }, {
    title: `CPU benchmarks: time ÷ native (${about.cpu}, Node ${about.node})`, axis: 'less is better; 1 = native', series: others, rows: rows.map((row) => ({ label: row.name, values: row.ratios })),
  });
  return hasWrongResult([...rows, ...threads, ...cold]);
}
