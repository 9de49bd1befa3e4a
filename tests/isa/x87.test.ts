/**
 * The x87 run-time library against the host CPU, called directly: every operation with random and
 * special operands under random control words, bit for bit. X87_CASES sets the cases per operation.
 */
import { assert } from 'chai';
import { HostOracle, oracleUnavailable } from '../support/oracle/host.js';
import { X87_CASES } from './x87/cases.js';
import { Library, compareCase } from './x87/runner.js';

const CASES = Number(process.env['X87_CASES'] ?? 300);
const SEED = Number(process.env['X87_SEED'] ?? 1);

describe('x87 library against the host CPU', function () {
  this.timeout(Math.max(10_000, CASES * 20));
  let oracle: HostOracle;
  let library: Library;

  before(function () {
    const why = oracleUnavailable();
    if (why !== undefined) throw new Error(`the oracle cannot run: ${why}`);
    oracle = new HostOracle();
    library = new Library(new URL('../../../packages/cpu-worker/dist/runtime.wasm', import.meta.url));
  });

  after(() => oracle?.close());

  for (const test of X87_CASES) {
    it(test.name, async () => {
      const { differences } = await compareCase(oracle, library, test, CASES, SEED);
      assert.deepEqual(differences.slice(0, 1), [], `${differences.length} of ${CASES} cases differ`);
    });
  }
});
