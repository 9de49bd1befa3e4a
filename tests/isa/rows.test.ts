/**
 * Every row of the ISA table against the host CPU: registers, flags, memory, XMM, x87, faults.
 */
import { expect } from 'chai';
import { HostOracle, oracleUnavailable } from '../support/oracle/host.js';
import type { Emulator } from './engine/emulator.js';
import { InterpEmulator } from './engine/interp-emulator.js';
import { DifferentialRun } from './fuzz.js';
import { programPool } from './gen/program.js';
import type { Template } from './gen/template.js';
import { testableRows } from './rows.js';

const CASES_PER_ROW = 200;
const CASES_PER_SEQUENCE = 50;
const PROGRAM_BATCHES = 10;
const SEED = 0x7101;

function byMnemonic(templates: readonly Template[]): Map<string, Template[]> {
  const groups = new Map<string, Template[]>();
  for (const t of templates) groups.set(t.row.mnemonic, [...(groups.get(t.row.mnemonic) ?? []), t]);
  return groups;
}

const unavailable = oracleUnavailable();

describe(`instruction rows against the host CPU${unavailable ? ` (skipped: ${unavailable})` : ''}`, function () {
  this.timeout(30_000);
  const rows = testableRows();
  const exercised = new Set<string>();
  let oracle: HostOracle;
  let emulator: Emulator;

  before(async function () {
    if (unavailable) return this.skip();
    oracle = new HostOracle();
    emulator = await InterpEmulator.create();
  });

  after(() => oracle?.close());

  async function expectAgreement(templates: readonly Template[], cases: number): Promise<void> {
    const run = new DifferentialRun(oracle, emulator, SEED);
    const reports: string[] = [];
    for (const template of templates) {
      const result = await run.row(template, cases);
      expect(result.cases, template.name).to.be.greaterThan(cases / 2);
      exercised.add(template.name);
      if (result.mismatches > 0) reports.push(`${result.name}: ${result.mismatches} of ${result.cases}\n${result.examples[0]!}`);
    }
    expect(reports, reports.join('\n')).to.have.length(0);
  }

  for (const [mnemonic, templates] of byMnemonic(rows.single)) {
    it(`${mnemonic} (${templates.length} rows)`, () => expectAgreement(templates, CASES_PER_ROW));
  }

  it('exercises every row of the table', () => {
    expect(rows.single.filter((t) => !exercised.has(t.name)).map((t) => t.name)).to.deep.equal([]);
  });

  it('flags read back by the next instruction', () => expectAgreement(rows.readBack, CASES_PER_SEQUENCE));

  it('random programs', async () => {
    const result = await new DifferentialRun(oracle, emulator, SEED).programs(programPool(rows.single), PROGRAM_BATCHES);
    expect(result.mismatches, result.examples[0]).to.equal(0);
  });

  it('chains of instructions', () => expectAgreement(rows.chained, CASES_PER_SEQUENCE));
});
