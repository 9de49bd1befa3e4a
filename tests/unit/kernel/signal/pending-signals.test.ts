import { NSIG, SIGRTMIN, SYNCHRONOUS_SIGNALS, Sig, sigBit, sigHas, sigSet } from '@troupe/abi';
import { PendingSignals } from '@troupe/kernel/signal/pending-signals.js';
import { expect } from 'chai';
import fc from 'fast-check';

/** The obvious model: a list of entries. */
class Model {
  entries: { readonly signo: number; readonly code: number }[] = [];

  enqueue(signo: number, code: number): void {
    if (signo < SIGRTMIN && this.entries.some((entry) => entry.signo === signo)) return;
    this.entries.push({ signo, code });
  }

  dequeue(mask: bigint): { readonly signo: number; readonly code: number } | null {
    const ready = this.entries.filter((entry) => sigHas(mask, entry.signo));
    const urgent = ready.filter((entry) => sigHas(SYNCHRONOUS_SIGNALS, entry.signo));
    const pool = urgent.length > 0 ? urgent : ready;
    const lowest = Math.min(...pool.map((entry) => entry.signo));
    const chosen = pool.find((entry) => entry.signo === lowest) ?? null;
    if (chosen) this.entries.splice(this.entries.indexOf(chosen), 1);
    return chosen;
  }

  discard(mask: bigint): void {
    this.entries = this.entries.filter((entry) => !sigHas(mask, entry.signo));
  }
}

type Step = { readonly kind: 'enqueue' | 'dequeue' | 'discard'; readonly signo: number; readonly mask: bigint };

describe('pending signals', () => {
  it('behave like a list of entries', () => {
    const steps = fc.array(fc.record<Step>({ kind: fc.constantFrom('enqueue', 'enqueue', 'dequeue', 'discard'), signo: fc.integer({ min: 1, max: NSIG }), mask: fc.bigInt(0n, (1n << 64n) - 1n) }), { maxLength: 60 });
    fc.assert(fc.property(steps, (list) => {
      const pending = new PendingSignals();
      const model = new Model();
      list.forEach(({ kind, signo, mask }, code) => {
        if (kind === 'enqueue') {
          pending.enqueue({ signo, code });
          model.enqueue(signo, code);
        } else if (kind === 'discard') {
          pending.discard(mask);
          model.discard(mask);
        } else expect(pending.dequeue(mask)).to.deep.equal(model.dequeue(mask));
        expect(pending.set).to.equal(model.entries.reduce((set, entry) => set | sigBit(entry.signo), 0n));
        expect(pending.count).to.equal(model.entries.length);
      });
    }), { numRuns: 300 });
  });

  it('takes synchronous signals before lower numbers', () => {
    const pending = new PendingSignals();
    for (const signo of [Sig.HUP, Sig.SEGV, Sig.USR1]) pending.enqueue({ signo, code: 0 });
    const all = sigSet(Sig.HUP, Sig.SEGV, Sig.USR1);
    expect([1, 2, 3].map(() => pending.dequeue(all)!.signo)).to.deep.equal([Sig.SEGV, Sig.HUP, Sig.USR1]);
  });
});
