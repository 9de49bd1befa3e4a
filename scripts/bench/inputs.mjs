// Inputs of the benchmark jobs, made in .cache/bench/work: the same bytes on every machine.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { out, root } from './paths.mjs';

/** Folder that the Debian root sees as /tmp. */
export const work = join(out, 'work');
const jobs = join(root, 'tests/bench/jobs');
const cFiles = ['fib', 'interp', 'matmul', 'memops', 'ptr', 'scan', 'sort'];

/** Compiles a C program once per state of its source. */
export function compile(source, target, flags) {
  mkdirSync(dirname(target), { recursive: true });
  if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return target;
  execFileSync('gcc', [...flags, '-w', '-o', target, source, '-lm', '-lpthread'], { stdio: ['ignore', 'ignore', 'inherit'] });
  return target;
}

function corpus(bytes) {
  const words = [];
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8;
  for (let i = 0; i < 4000; i++) words.push(Array.from({ length: 2 + (random() % 8) }, () => 'etaoinshrdlucmfwypvbgkjqxz'[Math.floor(((random() % 1000) / 1000) ** 2 * 26)]).join(''));
  const parts = [];
  for (let size = 0; size < bytes;) {
    const word = words[Math.floor(((random() % 65536) / 65536) ** 3 * words.length)];
    const part = word + (random() % 12 === 0 ? '\n' : ' ');
    parts.push(part);
    size += part.length;
  }
  return parts.join('');
}

/** Wrappers through which a process tree stays inside qemu-user, whose execve leaves the emulator. */
function qemuWrappers(qemu) {
  copyFileSync(qemu, join(work, 'qemu'));
  const programs = { gcc: '/usr/bin/gcc -B/tmp/wrap/', cc1: '/usr/lib/gcc/x86_64-linux-gnu/12/cc1', as: '/usr/bin/as' };
  mkdirSync(join(work, 'wrap'), { recursive: true });
  for (const [name, command] of Object.entries(programs)) {
    writeFileSync(join(work, 'wrap', name), `#!/bin/sh\nexec /tmp/qemu ${command} "$@"\n`);
    chmodSync(join(work, 'wrap', name), 0o755);
  }
}

function project() {
  mkdirSync(join(work, 'project'), { recursive: true });
  for (const file of [...cFiles.map((name) => `${name}.c`), 'bench.h']) copyFileSync(join(root, 'tests/bench/cpu', file), join(work, 'project', file));
  const objects = cFiles.map((name) => `${name}.o`).join(' ');
  writeFileSync(join(work, 'project', 'Makefile'), `all: ${objects}\n%.o: %.c bench.h\n\t$(CC) -O2 -w -c -o $@ $<\n`);
}

/** Makes what is missing. `qemu`: path, or undefined. */
export function prepareWork(qemu) {
  mkdirSync(work, { recursive: true });
  compile(join(root, 'tests/bench/timed.c'), join(work, 'timed'), ['-O2', '-static']);
  for (const name of ['job.py', 'job.awk', 'job.sql']) copyFileSync(join(jobs, name), join(work, name));
  const text = join(work, 'corpus.txt');
  if (!existsSync(text)) writeFileSync(text, corpus(12 << 20));
  writeFileSync(join(work, 'hello.c'), '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n');
  writeFileSync(join(work, 'forks.sh'), 'i=0; while [ $i -lt 3000 ]; do (exit 0); i=$((i+1)); done; echo $i\n');
  project();
  if (qemu !== undefined) qemuWrappers(qemu);
}

const require = createRequire(join(root, 'tests/package.json'));
export const esbuild = () => join(dirname(require.resolve('@esbuild/linux-x64/package.json')), 'bin/esbuild');

/** A file of 9 MB that esbuild minifies: the TypeScript compiler. */
export function libraryToMinify() {
  const wrapper = createRequire(join(root, 'package.json')).resolve('@typescript/typescript6/package.json');
  return createRequire(wrapper).resolve('@typescript/old');
}
