#!/usr/bin/env node
// Writes docs/syscalls.md and docs/isa.md from the rows, docs/seed.md from its table. `--check` fails when they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { seedDoc } from './seed-table.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const load = (path) => import(pathToFileURL(join(root, path)).href);

async function syscallsDoc() {
  const { SYSCALL_ROWS } = await load('packages/kernel/dist/syscall/table.js');
  const full = SYSCALL_ROWS.filter((row) => row.support === 'full').length;
  const programs = JSON.parse(readFileSync(join(root, 'tests/guest/calls.json'), 'utf8'));
  const lines = SYSCALL_ROWS.map((row) => {
    const args = row.args.map((arg) => arg.name).join(', ');
    const support = row.support === 'full' ? 'full' : `partial: ${row.support.partial}`;
    return `| ${row.nr} | ${row.name}(${args}) | ${row.groups.join(' ')} | ${row.restart ?? ''} | ${support} | ${row.man} | ${programs[row.name] ?? ''} |`;
  });
  return `# System calls\n\nGenerated from the rows in packages/kernel/src/syscall/rows. ${SYSCALL_ROWS.length} calls: ${full} full, ${SYSCALL_ROWS.length - full} partial. Every other number answers ENOSYS, is counted, and is named when the kernel ends. The last column names a program of tests/guest/programs that makes the call, natively and under Troupe.\n\n| nr | call | groups | when interrupted | support | man page | guest test |\n|---|---|---|---|---|---|---|\n${lines.join('\n')}\n`;
}

async function isaDoc() {
  const { ISA } = await load('packages/cpu-worker/dist/isa/table.js');
  const mnemonics = new Set(ISA.map((row) => row.mnemonic));
  const lines = ISA.map((row) => {
    const flags = row.flags ?? {};
    const cells = [row.mnemonic, `\`${row.enc}\``, row.ops, flags.r ?? '', flags.w ?? '', flags.undef ?? '', row.feature ?? 'base', row.cite];
    return `| ${cells.join(' | ')} |`;
  });
  return `# Instructions\n\nGenerated from the rows in packages/cpu-worker/src/isa/rows. ${ISA.length} rows, ${mnemonics.size} mnemonics. Flags are letters of odsitzapc.\n\n| mnemonic | encoding | operands | reads | writes | undefined | feature | source |\n|---|---|---|---|---|---|---|---|\n${lines.join('\n')}\n`;
}

export async function generatedDocs() {
  return { 'docs/syscalls.md': await syscallsDoc(), 'docs/isa.md': await isaDoc(), 'docs/seed.md': seedDoc() };
}

/** Names of the generated docs that differ from what is on disk. */
export async function staleDocs() {
  const stale = [];
  for (const [path, text] of Object.entries(await generatedDocs())) {
    let current = '';
    try {
      current = readFileSync(join(root, path), 'utf8');
    } catch {
      // missing counts as stale
    }
    if (current !== text) stale.push(path);
  }
  return stale;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--check')) {
    const stale = await staleDocs();
    if (stale.length > 0) {
      console.error(`stale: ${stale.join(', ')} (run pnpm docs)`);
      process.exit(1);
    }
  } else {
    for (const [path, text] of Object.entries(await generatedDocs())) writeFileSync(join(root, path), text);
  }
}
