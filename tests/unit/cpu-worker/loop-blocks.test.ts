// Which blocks of a loop go round without a call:
//   head → plain → head,  head → calling → head,  head → after
import type { Block, Terminator } from '@troupe/cpu-worker/jit/control-flow.js';
import { LoopBlocks } from '@troupe/cpu-worker/jit/loop-blocks.js';
import { expect } from 'chai';

function blockAt(order: number): Block {
  return { at: order, insns: [], order, end: { kind: 'return' } };
}

describe('blocks of loops', () => {
  const [head, choice, plain, calling, after] = [0, 1, 2, 3, 4].map(blockAt) as [Block, Block, Block, Block, Block];
  const blocks = [head, choice, plain, calling, after];
  const to = (block: Block): { block: Block } => ({ block });
  const call: Terminator = { kind: 'call', returnAt: 0, next: to(head) };

  beforeEach(() => {
    head.end = { kind: 'condition', taken: to(choice), next: to(after) };
    choice.end = { kind: 'condition', taken: to(plain), next: to(calling) };
    plain.end = { kind: 'go', to: to(head) };
    calling.end = call;
    after.end = { kind: 'return' };
  });

  it('leaves out those that call, and what is behind the loop', () => {
    expect(new LoopBlocks(blocks).withoutCalls(head)).to.have.members([head, choice, plain]);
  });

  it('is none when each way calls', () => {
    plain.end = { ...call };
    expect(new LoopBlocks(blocks).withoutCalls(head)).to.deep.equal([]);
  });
});
