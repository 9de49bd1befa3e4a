#!/usr/bin/env node
/**
 * Random instruction cases against the host CPU, by the million.
 *
 *   pnpm isa:fuzz [--cases N] [--row RE] [--seed S] [--case INDEX] [--examples N] [--programs N [--floats]] [--engine E] [--all] [--undefined] [--kind single|readBack|chained] [--inputs N]
 *
 * --cases     total number of cases, spread over the rows (default 200 per row)
 * --row       rows whose mnemonic or name matches the regular expression (or the exact row name)
 * --engine    main (default), driver, fast or eager: tests/isa/engine/interp-emulator.ts
 * --programs  runs N batches of random programs, of the rows that --row selects, instead of single instructions
 * --floats    programs of few xmm registers, with floats as data
 * --case      replays one case of one row
 * --examples  mismatches shown per row (default 1)
 * --inputs    random states that each piece of code is run with (default 1): with eager, one translation for all of them
 * --undefined compares undefined flags too: shows what this host does
 * --kind      rows alone, with a flag reader behind them, or in chains (default: all three)
 * --all       lists the rows without mismatches as well
 */
import { parseArgs } from 'node:util';
import { InterpEmulator } from '../tests/dist/isa/engine/interp-emulator.js';
import { DifferentialRun } from '../tests/dist/isa/fuzz.js';
import { programPool } from '../tests/dist/isa/gen/program.js';
import { selectRows, testableRows } from '../tests/dist/isa/rows.js';
import { HostOracle, oracleUnavailable } from '../tests/dist/support/oracle/host.js';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    cases: { type: 'string' },
    row: { type: 'string' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string' },
    examples: { type: 'string', default: '1' },
    engine: { type: 'string', default: 'main' },
    programs: { type: 'string' },
    floats: { type: 'boolean', default: false },
    kind: { type: 'string' },
    inputs: { type: 'string', default: '1' },
    undefined: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
  },
});

const unavailable = oracleUnavailable();
if (unavailable) {
  console.error(`isa-fuzz: ${unavailable}`);
  process.exit(125);
}

const DEFAULT_CASES_PER_ROW = 200;
const templates = selectRows(testableRows(), values.row, values.kind);
if (templates.length === 0) {
  console.error(`isa-fuzz: no row matches ${values.row}`);
  process.exit(125);
}
const programs = values.programs === undefined ? 0 : Number(values.programs);
const single = values.case === undefined ? undefined : Number(values.case);
const perRow = single !== undefined ? 1 : values.cases ? Math.ceil(Number(values.cases) / templates.length) : DEFAULT_CASES_PER_ROW;

const oracle = new HostOracle();
const emulator = await InterpEmulator.create(values.engine);
const run = new DifferentialRun(oracle, emulator, Number(values.seed), values.undefined ? 'compared' : 'ignored', Number(values.examples), Number(values.inputs));
const startMs = performance.now();
const totals = { cases: 0, mismatches: 0, rows: 0 };

async function* results() {
  if (programs > 0) yield await run.programs(programPool(selectRows(testableRows(), values.row, 'single')), programs, single ?? 0, values.floats ? 'floats' : 'any');
  else for (const template of templates) yield await run.row(template, perRow, single ?? 0);
}

for await (const result of results()) {
  totals.cases += result.cases;
  totals.mismatches += result.mismatches;
  if (result.mismatches > 0) totals.rows++;
  if (result.mismatches > 0 || values.all) {
    const line = `${result.name.padEnd(56)} cases ${String(result.cases).padStart(8)}  faults ${String(result.faults).padStart(7)}  mismatches ${result.mismatches}`;
    console.log(line);
  }
  for (const example of result.examples) console.log(example);
}

const seconds = (performance.now() - startMs) / 1000;
console.log(`${programs > 0 ? `${programs} batches of programs` : `${templates.length} rows`}, ${totals.cases} cases in ${seconds.toFixed(1)} s (${Math.round(totals.cases / seconds)}/s): ${totals.mismatches} mismatches in ${totals.rows} rows`);
const [regions, entries] = [emulator.counter('moduleInstalls'), emulator.counter('regionEntries')];
if (regions > 0) console.log(`${regions} translations, entered ${entries} times`);
oracle.close();
process.exitCode = totals.mismatches > 0 ? 1 : 0;
