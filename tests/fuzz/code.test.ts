// Random programs full of control flow, natively and under Troupe (code/asm-case.ts, code/c-case.ts say what is in them).
// `pnpm jit:fuzz` runs more of them.
import { expect } from 'chai';
import { allModes } from '../support/modes.js';
import { buildProgram, Campaign, type FuzzProgram } from './code/campaign.js';

const ASM_CASES = 20;
const FEW_ASM_CASES = 5;
const C_CASES = 3;
const ROUNDS = 12;

describe('random programs', function () {
  this.timeout(240_000);
  let programs: FuzzProgram[];
  /** Where every instruction is translated before it runs. */
  let few: FuzzProgram[];

  before(() => {
    few = [buildProgram('asm', 2001, FEW_ASM_CASES)];
    programs = [buildProgram('asm', 1, ASM_CASES), buildProgram('asm', 1001, ASM_CASES), ...[2, 23, 44].map((seed) => buildProgram('c', seed, C_CASES))];
  });

  for (const mode of allModes()) {
    const cores = mode.name === 'interp' ? 1 : 2;
    it(`end as they do natively (${mode.name}, ${cores} core${cores > 1 ? 's' : ''})`, async () => {
      const differences = await new Campaign(mode, cores, ROUNDS).compare(mode.name === 'eager' ? few : programs);
      expect(differences.map(({ text }) => text).join('\n')).to.equal('');
    });
  }
});
