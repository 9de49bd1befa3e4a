#!/usr/bin/env node
// Writes docs/seed.md from packages/kernel/seed.json: where each part of kernel.go lives here.
// `--check` fails when the page is stale or an entry names something that does not exist;
// `--against FILE` also fails when FILE (kernel.go) has a function or field without an entry.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const DOC = 'docs/seed.md';
const FIELDS = ['seed', 'file', 'name', 'test', 'title', 'status'];

export function seedEntries(path = join(root, 'packages/kernel/seed.json')) {
  return JSON.parse(readFileSync(path, 'utf8')).entries.map((row) => Object.fromEntries(FIELDS.map((field, n) => [field, row[n]])));
}

/** Tests lie in tests/unit unless they name another folder of tests. */
const testPath = ({ test }) => (/^(property|save|unit)\//.test(test) ? `tests/${test}` : `tests/unit/${test}`);

export function seedDoc(entries = seedEntries()) {
  const kind = (status) => status.split(':', 1)[0];
  const count = (wanted) => entries.filter(({ status }) => kind(status) === wanted).length;
  const lines = entries.map((entry) => {
    const place = entry.file === '' ? '' : `${entry.file.replace('packages/', '').replace('/src/', '/')} \`${entry.name}\``;
    const test = entry.test === '' ? '' : entry.title === '*' ? entry.test : `${entry.test}: ${entry.title}`;
    return `| ${entry.seed} | ${place} | ${test} | ${entry.status} |`;
  });
  return `# Where the parts of kernel.go live\n\nGenerated from packages/kernel/seed.json by scripts/seed-table.mjs. ${entries.length} types, functions and fields: ${count('done')} done, ${count('partial')} partial, ${count('later')} later.\n\n\`pnpm seed:faults\` plants faults in the counterparts (packages/kernel/seed-faults.json), one at a time and only in what a test process loads, and shows that the test of the row notices each.\n\n| kernel.go | here | test | status |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

const escaped = (text) => text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');

/** Does the source define `Name`, or the member `name` inside `Name.name`? */
function defines(source, name) {
  const [owner, member] = name.split('.');
  const top = new RegExp(`^export (?:abstract |async )?(?:class|interface|function|const|type) ${escaped(owner)}\\b`, 'm').exec(source);
  if (!top) return false;
  if (member === undefined) return true;
  const body = source.slice(top.index, source.indexOf('\n}', top.index));
  return new RegExp(`^(?:  (?:(?:readonly|abstract|override|static|get|set|async|public) )*|.*\\bconstructor\\(.*\\b(?:readonly|public) )${escaped(member)}\\b\\s*[?!:(=<;]`, 'm').test(body);
}

function problemOf(entry) {
  const where = `${entry.seed}: `;
  if (!/^(done|partial: .+|done: .+|later: .+)$/.test(entry.status)) return `${where}status '${entry.status}'`;
  if (entry.status.startsWith('later')) return entry.file === '' ? null : `${where}is later but names a file`;
  if (!existsSync(join(root, entry.file))) return `${where}no file ${entry.file}`;
  if (!defines(readFileSync(join(root, entry.file), 'utf8'), entry.name)) return `${where}${entry.file} does not define ${entry.name}`;
  if (!existsSync(join(root, testPath(entry)))) return `${where}no test file ${testPath(entry)}`;
  const tests = readFileSync(join(root, testPath(entry)), 'utf8');
  const isThere = entry.title === '*' ? /\bit\(/.test(tests) : ['\'', '"', '`'].some((quote) => tests.includes(`it(${quote}${entry.title}${quote}`));
  return isThere ? null : `${where}${testPath(entry)} has no test '${entry.title}'`;
}

/** What entries name and does not exist, and entries that stand twice. */
export function seedProblems(entries = seedEntries()) {
  const names = entries.map(({ seed }) => seed);
  const twice = names.filter((name, at) => names.indexOf(name) !== at).map((name) => `${name}: two entries`);
  return [...entries.map(problemOf).filter((problem) => problem !== null), ...twice];
}

export function isSeedDocStale() {
  return !existsSync(join(root, DOC)) || readFileSync(join(root, DOC), 'utf8') !== seedDoc();
}

/** Functions, types, constants and fields of Go source, named as the entries name them. */
export function goNames(source) {
  const names = [];
  const typed = /^type (\w+) struct \{\n([^]*?)^\}/gm;
  for (const [, type, body] of source.matchAll(typed)) {
    names.push(type);
    const isListed = type === 'Kernel' || /^[A-Z]\w*Args$/.test(type);
    for (const [, embedded, field] of isListed ? body.matchAll(/^\t(?:(?:\w+\.)?(\w+)(?: `.*`)?$|(\w+) )/gm) : []) names.push(`${type}.${embedded ?? field}`);
  }
  for (const [, receiver, name] of source.matchAll(/^func (?:\(\w+ \*?(\w+)\) )?(\w+)\(/gm)) names.push(receiver === undefined ? name : `${receiver}.${name}`);
  for (const [, block] of source.matchAll(/^const \(\n([^]*?)^\)/gm)) for (const [, name] of block.matchAll(/^\t(\w+)\s+=/gm)) names.push(name);
  for (const [, name] of source.matchAll(/^var ([A-Za-z]\w*) =/gm)) names.push(name);
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = seedProblems();
  const at = process.argv.indexOf('--against');
  if (at > 0) {
    const known = new Set(seedEntries().map(({ seed }) => seed));
    const wanted = new Set(goNames(readFileSync(process.argv[at + 1], 'utf8')));
    for (const name of wanted) if (!known.has(name)) problems.push(`${name}: no entry`);
    for (const name of known) if (!wanted.has(name)) problems.push(`${name}: not in the seed`);
  }
  if (process.argv.includes('--check') && isSeedDocStale()) problems.push(`${DOC} is stale (run node scripts/seed-table.mjs)`);
  if (!process.argv.includes('--check')) writeFileSync(join(root, DOC), seedDoc());
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
