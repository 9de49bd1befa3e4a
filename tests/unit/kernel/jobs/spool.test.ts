import { expect } from 'chai';
import fc from 'fast-check';
import { OutputSpool } from '@troupe/kernel/jobs/output-spool.js';

const text = (pieces: Iterable<Uint8Array>): string => Buffer.concat([...pieces]).toString();

describe('the output spool', () => {
  it('gives back what was written, in order, however small its memory', () => {
    const step = fc.record({ stream: fc.nat(3), size: fc.nat(9000), action: fc.constantFrom('write', 'write', 'settle', 'take', 'discard') });
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 5000, 1 << 20), (steps, budgetBytes) => {
      const spool = new OutputSpool(budgetBytes);
      const streams = [0, 1, 2, 3].map(() => spool.stream());
      const model = ['', '', '', ''];
      for (const [index, { stream, size, action }] of steps.entries()) {
        const bytes = String.fromCharCode(97 + (index % 26)).repeat(size);
        if (action === 'write') {
          streams[stream]!.write(Buffer.from(bytes));
          model[stream] += bytes;
        } else if (action === 'settle') streams[stream]!.settle();
        else {
          if (action === 'take') expect(text(streams[stream]!.take())).to.equal(model[stream]);
          else streams[stream]!.discard();
          model[stream] = '';
        }
      }
      for (const [index, stream] of streams.entries()) expect(text(stream.take())).to.equal(model[index]);
      expect(spool.memoryBytes).to.equal(0);
      spool.close();
    }), { numRuns: 100 });
  });

  it('holds much more than its memory', () => {
    const spool = new OutputSpool(1 << 20);
    const streams = Array.from({ length: 500 }, () => spool.stream());
    for (let round = 0; round < 10; round++) for (const stream of streams) stream.write(Buffer.alloc(5000, round));
    expect(spool.memoryBytes).to.be.at.most((1 << 20) + 500 * 4096);
    for (const stream of streams) expect(text(stream.take()).length).to.equal(50_000);
    spool.close();
  });
});
