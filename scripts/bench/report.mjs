// Tables of ratios for the terminal (they are Markdown), JSON and SVG files in .cache/bench.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { barChart } from './chart.mjs';
import { geometricMean } from './measure.mjs';
import { out } from './paths.mjs';

export function machine(node) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  return { cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length, node: version };
}

export function table(header, rows) {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => String(row[i]).length)));
  const line = (cells) => `| ${cells.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join(' | ')} |`;
  return [line(header), `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`, ...rows.map(line)].join('\n');
}

export const ratio = (value) => (value === undefined ? '–' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/** Ratios to native; `isRate`: larger figures are better. Engines that failed have none. */
export function ratiosOf(row, isRate = false) {
  const native = row.medians.native;
  const entries = Object.entries(row.medians).filter(([name]) => name !== 'native' && !row.failures[name]);
  return native === undefined ? {} : Object.fromEntries(entries.map(([name, value]) => [name, isRate ? native / value : value / native]));
}

/** Geometric mean of each engine over the rows that all engines finished, so that the means compare. */
export function geometricMeans(rows, names) {
  const whole = rows.filter((row) => names.every((name) => row.ratios[name] !== undefined));
  return { over: whole.length, means: Object.fromEntries(whole.length === 0 ? [] : names.map((name) => [name, geometricMean(whole.map((row) => row.ratios[name]))])) };
}

/** Each failure once, with the programs it met. */
export function printFailures(rows) {
  const programs = new Map();
  for (const row of rows) {
    for (const [engine, message] of Object.entries(row.failures)) {
      const key = `${engine}: ${message}`;
      programs.set(key, [...(programs.get(key) ?? []), row.name]);
    }
  }
  for (const [failure, names] of programs) console.log(`fails with ${failure} (${names.join('; ')})`);
}

/** Writes NAME.json and NAME.svg; says where. */
export function save(name, data, chart) {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify(data, null, 2)}\n`);
  writeFileSync(join(out, `${name}.svg`), barChart(chart));
  console.log(`written: .cache/bench/${name}.json, .cache/bench/${name}.svg`);
}
