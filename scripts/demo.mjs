#!/usr/bin/env node
// Runs several real x86-64 Linux programs in parallel in one kernel, on all cores, and shows a table.
import { existsSync, mkdirSync, copyFileSync, chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(join(root, 'tests/package.json'));
const Table = createRequire(join(root, 'packages/cli/package.json'))('cli-table3');
const { Kernel } = await import(pathToFileURL(join(root, 'packages/kernel/dist/index.js')).href);

const binary = (name, path) => join(dirname(require.resolve(`${name}/package.json`)), path);
const project = join(root, 'tests/real/project');

/** 7za comes without its execute bit. */
function sevenZip() {
  const target = join(root, '.cache/7za');
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(binary('7zip-bin', 'linux/x64/7za'), target);
  chmodSync(target, 0o755);
  return target;
}

const jobs = [
  { name: 'esbuild bundles rxjs', kind: 'Go, static', argv: [binary('@esbuild/linux-x64', 'bin/esbuild'), '--bundle', '--minify', join(project, 'entry.ts')] },
  { name: 'biome lints a project', kind: 'Rust, static PIE', argv: [binary('@biomejs/cli-linux-x64-musl', 'biome'), 'lint', '--colors=off', project] },
  { name: 'lightningcss minifies', kind: 'Rust, dynamic', argv: [binary('lightningcss-cli-linux-x64-gnu', 'lightningcss'), '--minify', join(project, 'style.css')] },
  { name: '7za packs and tests', kind: 'C++, threads', argv: ['/bin/sh', '-c', `${sevenZip()} a -bd /tmp/demo.7z ${join(root, 'packages/abi/src')} && ${sevenZip()} t -bd /tmp/demo.7z`] },
  { name: 'a shell pipeline', kind: 'sh, 6 processes', argv: ['/bin/sh', '-c', 'seq 2000 | sort -rn | sed "s/9/nine/" | grep nine | sha256sum | cut -c1-16'] },
  { name: 'tar and gzip', kind: 'C, pipe', argv: ['/bin/sh', '-c', `tar cf - ${join(root, 'packages/abi/src')} 2>/dev/null | gzip -9 | gzip -d | tar tf - | wc -l`] },
].filter(({ argv }) => existsSync(argv[0]));

const cores = availableParallelism();
const kernel = await Kernel.create({ cores });
const startMs = performance.now();
const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', LC_ALL: 'C' };
let finished = 0;

const running = jobs.map((job) => {
  const process = kernel.createProcess({ argv: job.argv, env, cwd: project, stdout: 'pipe', stderr: 'pipe' });
  const output = [];
  for (const stream of [process.stdout, process.stderr]) stream.on('data', (chunk) => output.push(chunk));
  return { job, process, output };
});
kernel.start();

const isTty = process.stderr.isTTY;
const progress = () => {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const line = `${finished}/${jobs.length} programs done, ${kernel.core.tasks.count} tasks on ${kernel.host.pool.startedCores} cores, ${seconds} s`;
  if (isTty) process.stderr.write(`\r\x1b[K${line}`);
  return line;
};
const timer = setInterval(progress, 100);

const rows = await Promise.all(running.map(async ({ job, process, output }) => {
  const status = await process.wait();
  const ms = performance.now() - startMs;
  finished++;
  const text = Buffer.concat(output).toString().trim().split('\n').filter(Boolean).at(-1) ?? '';
  return [job.name, job.kind, status.signo ? `signal ${status.signo}` : `exit ${status.code}`, `${(ms / 1000).toFixed(2)} s`, text.length > 46 ? `${text.slice(0, 45)}…` : text];
}));
clearInterval(timer);
process.stderr.write(isTty ? '\r\x1b[K' : '');
console.error(progress().replace(/^\r.*K/, ''));

const table = new Table({ head: ['program', 'built from', 'end', 'after', 'last line of output'], style: { head: [], border: [] } });
table.push(...rows);
console.log(table.toString());
const counters = kernel.host.pool.counters();
console.log(`${(counters.instructions / 1e6).toFixed(0)} million x86-64 instructions, ${counters.syscalls} system calls, ${counters.pageFaults} page faults, ${kernel.core.tasks.forkCount} forks, ${cores} cores`);
await kernel.close();
process.exitCode = rows.some(([, , end]) => end.startsWith('signal')) ? 1 : 0;
