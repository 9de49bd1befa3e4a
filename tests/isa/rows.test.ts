/**
 * Every row of the ISA table against the host CPU: registers, flags, memory, XMM, x87, faults; and
 * sequences of instructions. Each way the interpreter runs (engine/interp-emulator.ts) is covered.
 */
import { expect } from 'chai';
import { HostOracle, oracleUnavailable } from '../support/oracle/host.js';
import { InterpEmulator, type InterpMode } from './engine/interp-emulator.js';
import { DifferentialRun, type RunResult } from './fuzz.js';
import { programPool } from './gen/program.js';
import type { Template } from './gen/template.js';
import { testableRows } from './rows.js';

const CASES_PER_ROW = 200;
const CASES_PER_SEQUENCE = 50;
/** A region is translated once for so many cases. */
const CASES_OF_REGION = 40;
const REGIONS_PER_ROW = 2;
const PROGRAM_BATCHES = 10;
const SEED = 0x7101;

function byMnemonic(templates: readonly Template[]): Map<string, Template[]> {
  const groups = new Map<string, Template[]>();
  for (const t of templates) groups.set(t.row.mnemonic, [...(groups.get(t.row.mnemonic) ?? []), t]);
  return groups;
}

function report(result: RunResult): string {
  return `${result.name}: ${result.mismatches} of ${result.cases}\n${result.examples[0]}`;
}

const unavailable = oracleUnavailable();
const skipped = unavailable ? ` (skipped: ${unavailable})` : '';

describe(`instructions against the host CPU${skipped}`, function () {
  this.timeout(60_000);
  const rows = testableRows();
  const pool = programPool(rows.single);
  const exercised = new Set<string>();
  const runs = new Map<InterpMode, DifferentialRun>();
  let oracle: HostOracle;

  before(async function () {
    if (unavailable) return this.skip();
    oracle = new HostOracle();
    for (const mode of ['main', 'driver', 'fast', 'eager'] as const) runs.set(mode, new DifferentialRun(oracle, await InterpEmulator.create(mode), SEED, 'ignored', 1, mode === 'eager' ? CASES_OF_REGION : 1));
  });

  after(() => oracle?.close());

  async function expectAgreement(mode: InterpMode, templates: readonly Template[], cases: number): Promise<void> {
    const failures: RunResult[] = [];
    for (const template of templates) {
      const result = await runs.get(mode)!.row(template, cases);
      expect(result.cases, template.name).to.be.at.least(cases / 2);
      exercised.add(template.name);
      if (result.mismatches > 0) failures.push(result);
    }
    expect(failures, failures.map(report).join('\n')).to.have.length(0);
  }

  for (const [mnemonic, templates] of byMnemonic(rows.single)) {
    it(`${mnemonic} (${templates.length} rows)`, () => expectAgreement('main', templates, CASES_PER_ROW));
  }

  it('exercises every row of the table', () => {
    expect(rows.single.filter((t) => !exercised.has(t.name)).map((t) => t.name)).to.deep.equal([]);
  });

  it('every row before the main loop is compiled', () => expectAgreement('driver', rows.single, CASES_PER_SEQUENCE));
  it('every row through regions', () => expectAgreement('eager', rows.single, CASES_OF_REGION * REGIONS_PER_ROW));
  it('flags read back in regions', () => expectAgreement('eager', rows.readBack, CASES_OF_REGION));
  it('chains of instructions in regions', () => expectAgreement('eager', rows.chained, CASES_OF_REGION));

  for (const mode of ['main', 'fast'] as const) {
    it(`flags read back by the next instruction, ${mode}`, () => expectAgreement(mode, rows.readBack, CASES_PER_SEQUENCE));

    it(`chains of instructions, ${mode}`, () => expectAgreement(mode, rows.chained, CASES_PER_SEQUENCE));

    it(`random programs, ${mode}`, async () => {
      const result = await runs.get(mode)!.programs(pool, PROGRAM_BATCHES);
      expect(result.mismatches, report(result)).to.equal(0);
    });
  }
});
