// Work that runs once: short commands and process trees, measured from start to exit.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { esbuild, work } from './inputs.mjs';
import { failureOf, median } from './measure.mjs';

/** What a build left behind. */
function objectsSum(folder) {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.o')).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}

function removeObjects(folder) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.o'))) rmSync(join(folder, name));
}

export function coldTasks() {
  const inRoot = (name, argv, extra = {}) => ({ name, debian: true, argv: () => argv, ...extra });
  const building = (folder) => ({ before: () => removeObjects(folder), objects: folder });
  const make = ['/usr/bin/make', '-s', '-j2', '-C', '/tmp/project'];
  return [
    inRoot("python3 -c 'print(1)'", ['/usr/bin/python3', '-c', 'print(1)']),
    inRoot('git --version', ['/usr/bin/git', '--version']),
    inRoot('gcc -c hello.c', ['/usr/bin/gcc', '-c', '/tmp/hello.c', '-o', '/tmp/hello.o'], { ...building(work), qemuArgv: ['/usr/bin/gcc', '-B/tmp/wrap/', '-c', '/tmp/hello.c', '-o', '/tmp/hello.o'] }),
    { name: 'esbuild --version', argv: () => [esbuild(), '--version'] },
    inRoot('busybox sh, 3,000 forks', ['/usr/bin/busybox', 'sh', '/tmp/forks.sh']),
    inRoot('make -j2, 7 C files', [...make, 'CC=gcc'], { cores: 2, ...building(join(work, 'project')), qemuArgv: [...make, 'CC=/tmp/wrap/gcc'] }),
  ];
}

export function readWhole(run, task) {
  const failure = failureOf(run);
  if (failure) throw new Error(failure);
  return { value: run.wallSeconds, check: `${run.stdout.trim()} ${task.objects ? objectsSum(task.objects) : ''}` };
}

export function nodeStartSeconds(node) {
  return median(Array.from({ length: 7 }, () => {
    const startMs = performance.now();
    spawnSync(node, ['-e', '0']);
    return (performance.now() - startMs) / 1000;
  }));
}
