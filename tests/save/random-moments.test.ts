/** Real programs are saved at random moments and go on in another kernel with the same result. */
import { expect } from 'chai';
import { hasRootfs } from '../support/debian.js';
import { ensureRootfs } from '../support/rootfs.js';
import { jobMachine, jobs } from '../support/save-jobs.js';
import { afterMs, runInterrupted, runWhole } from '../support/save.js';

/** Images per job; scripts/save-soak.mjs makes more. */
const MOMENTS = Number(process.env['SAVE_MOMENTS'] ?? 1);
const SEED = Number(process.env['SAVE_SEED'] ?? 20);

function randomFractions(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('save and restore at random moments', () => {
  before(function () {
    this.timeout(300_000);
    ensureRootfs();
    if (hasRootfs()) return;
    console.log('      skipped: Debian programs (apt-get or dpkg-deb is missing)');
    this.skip();
  });

  for (const [name, argv] of Object.entries(jobs)) {
    it(name, async function () {
      this.timeout(120_000 * (MOMENTS + 1));
      const startMs = performance.now();
      const whole = await runWhole(argv, jobMachine);
      const lengthMs = performance.now() - startMs;
      expect(whole.code, whole.output).to.equal(0);
      const fraction = randomFractions(SEED);
      for (let n = 0; n < MOMENTS; n++) {
        const atMs = fraction() * lengthMs * 0.8;
        const outcome = await runInterrupted(argv, {
          first: { ...jobMachine, cores: 1 + (n & 1) }, second: { cores: 1 + ((n >> 1) & 1) }, compress: n % 3 === 2,
          when: afterMs(atMs),
        });
        expect(outcome, `image ${n} after ${Math.round(atMs)} ms`).to.deep.equal(whole);
      }
    });
  }
});
