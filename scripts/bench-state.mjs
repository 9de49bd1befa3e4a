// Time of images: pnpm bench:state. A process with 64 MiB of touched memory is saved to a file and restored, and a warm
// python3 is copied from a snapshot; beside it, what the same bytes cost the host: a plain write, a read, and new memory.
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kernel } from '../packages/kernel/dist/index.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, '.cache/bench');
const MIB = 2 ** 20;
const TOUCHED = 64 * MIB;
const ROUNDS = 7;

const SOURCE = `
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
  size_t n = ${TOUCHED};
  char *p = malloc(n);
  for (size_t i = 0; i < n; i += 8) *(unsigned long *)(p + i) = i * 2654435761u + 1;
  puts("ready");
  fflush(stdout);
  return getchar();
}
`;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function timed(act) {
  const startMs = performance.now();
  const value = await act();
  return [performance.now() - startMs, value];
}

function compile() {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'touch.c'), SOURCE);
  execFileSync('gcc', ['-O1', '-static', '-o', join(out, 'touch'), join(out, 'touch.c')]);
  return join(out, 'touch');
}

async function readyKernel(argv) {
  const kernel = await Kernel.create({ cores: 1 });
  const child = kernel.createProcess({ argv, env: { PATH: '/usr/bin:/bin' }, stdin: 'pipe', stdout: 'pipe' });
  kernel.start();
  await new Promise((done) => child.stdout.once('data', done));
  return kernel;
}

function plainWrite(path) {
  const bytes = new Uint8Array(TOUCHED).fill(7);
  const fd = openSync(path, 'w');
  const startMs = performance.now();
  for (let at = 0; at < bytes.length; at += MIB) writeSync(fd, bytes, at, MIB);
  fdatasyncSync(fd);
  const ms = performance.now() - startMs;
  closeSync(fd);
  return ms;
}

/** First touch of as many pages of a shared memory. */
function newMemory() {
  const { buffer } = new WebAssembly.Memory({ initial: 65535, maximum: 65535, shared: true });
  const bytes = new Uint8Array(buffer);
  const startMs = performance.now();
  for (let at = 0; at < TOUCHED; at += 4096) bytes[at] = 1;
  return performance.now() - startMs;
}

async function images() {
  const kernel = await readyKernel([compile()]);
  const image = join(out, 'image');
  const rows = { save: [], restore: [], write: [], read: [], touch: [] };
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const [saveMs, statistics] = await timed(() => kernel.saveTo(image));
    const [restoreMs, restored] = await timed(() => Kernel.loadFrom(image, { cores: 1 }));
    await restored.close();
    bytes = statistics.bytesWritten;
    rows.save.push(saveMs);
    rows.restore.push(restoreMs);
    rows.write.push(plainWrite(join(out, 'plain')));
    rows.read.push((await timed(() => readFileSync(join(out, 'plain'))))[0]);
    rows.touch.push(newMemory());
  }
  await kernel.close();
  return { rows, bytes };
}

async function copies() {
  const kernel = await readyKernel(['python3', '-c', 'import json, re, subprocess\nprint("ready", flush=True)\nprint(len(input()))']);
  const snapshot = await kernel.snapshot();
  const rows = { start: [], answer: [] };
  for (let round = 0; round < 3 * ROUNDS; round++) {
    const startMs = performance.now();
    const copy = await snapshot.start({ cores: 1 });
    rows.start.push(performance.now() - startMs);
    copy.processes[0].stdin.write('hello\n');
    await new Promise((done) => copy.processes[0].stdout.once('data', done));
    rows.answer.push(performance.now() - startMs);
    await copy.close();
  }
  await kernel.close();
  return { rows, bytes: snapshot.sizeBytes };
}

const ms = (values) => `${median(values).toFixed(1).padStart(8)} ms`;
const { rows, bytes } = await images();
console.log(`64 MiB of touched memory, image of ${(bytes / MIB).toFixed(2)} MiB (${(bytes / TOUCHED).toFixed(3)} times):`);
console.log(`  save        ${ms(rows.save)}    plain write and sync ${ms(rows.write)}`);
console.log(`  restore     ${ms(rows.restore)}    plain read ${ms(rows.read)}    new memory ${ms(rows.touch)}`);
const python = await copies();
console.log(`warm python3, ${(python.bytes / MIB).toFixed(1)} MiB of pages, from a snapshot:`);
console.log(`  start       ${ms(python.rows.start)}    first answer ${ms(python.rows.answer)}`);
writeFileSync(join(out, 'state.json'), JSON.stringify({ bytes, ...rows, python: python.rows }, null, 2));
rmSync(join(out, 'image'));
rmSync(join(out, 'plain'));
process.exit(0);
