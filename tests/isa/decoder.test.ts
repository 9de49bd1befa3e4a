/** Decoder audit against iced-x86. */
import { ISA } from '@troupe/cpu-worker/isa/table.js';
import { expect } from 'chai';
import { type AuditFinding, auditRandomBytes, auditRow } from './decoder-audit.js';
import { Generator } from './gen/generator.js';
import { templateOf } from './gen/template.js';

const SEED = 0x1ced;
const CASES_PER_ROW = 40;
const RANDOM_CASES = 100_000;

function show(findings: readonly AuditFinding[]): string {
  return findings.slice(0, 20).map((f) => `${f.bytes}: ours ${f.ours}; iced ${f.iced}`).join('\n');
}

describe('decoder against iced-x86', function () {
  this.timeout(30_000);

  it('generated encodings of every row', () => {
    const generator = new Generator(SEED);
    const findings = ISA.flatMap((row) => auditRow(generator, templateOf(row), CASES_PER_ROW));
    expect(findings.length, show(findings)).to.equal(0);
  });

  it('random bytes', () => {
    const implemented = new Set(ISA.map((row) => row.mnemonic));
    const findings = auditRandomBytes(SEED, RANDOM_CASES, implemented);
    expect(findings.length, show(findings)).to.equal(0);
  });
});
