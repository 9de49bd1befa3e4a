#!/usr/bin/env node
// Writes tests/guest/calls.json: for each system call a guest program (tests/guest/programs) that makes it, preferably one
// that names it. docs/syscalls.md shows it. Takes minutes: runs every program under Troupe.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const programs = join(root, 'tests/guest/programs');
const built = join(root, '.cache/guest-calls');
const TROUPE = join(root, 'packages/cli/bin/troupe.cjs');

const { SYSCALL_ROWS } = await import(pathToFileURL(join(root, 'packages/kernel/dist/syscall/table.js')).href);

/** Calls a program makes, from the table of `troupe do -c`. */
function callsOf(name) {
  const binary = join(built, name);
  execFileSync('gcc', ['-O1', '-pthread', '-w', '-o', binary, join(programs, `${name}.c`), '-lm']);
  const { stderr } = spawnSync(process.execPath, [TROUPE, 'do', '--cores', '1', '-c', '--', binary], { encoding: 'latin1', timeout: 120_000 });
  return [...stderr.matchAll(/^ *[\d.]+ +[\d.]+ +\d+ +\d+ +(?:\d+ +)?(\w+)$/gm)].map(([, call]) => call);
}

mkdirSync(built, { recursive: true });
const made = new Map();
for (const file of readdirSync(programs).filter((name) => name.endsWith('.c'))) {
  const name = file.slice(0, -2);
  const source = readFileSync(join(programs, file), 'utf8');
  for (const call of callsOf(name)) {
    const isNamed = new RegExp(`\\b(?:SYS_|CALL\\()?${call}\\b`).test(source);
    if (!made.has(call) || (isNamed && !made.get(call).isNamed)) made.set(call, { name, isNamed });
  }
}
const table = Object.fromEntries(SYSCALL_ROWS.filter(({ name }) => made.has(name)).map(({ name }) => [name, made.get(name).name]));
writeFileSync(join(root, 'tests/guest/calls.json'), `${JSON.stringify(table, null, 1)}\n`);
for (const { name } of SYSCALL_ROWS) if (!made.has(name)) console.error(`${name}: no guest program makes it`);
