// Order, dominators and loops of regions, on graphs drawn by hand and at random.
import { expect } from 'chai';
import fc from 'fast-check';
import { successors, type Block, type Edge, type Terminator } from '@troupe/cpu-worker/jit/control-flow.js';
import { orderRegion, type RegionOrder } from '@troupe/cpu-worker/jit/order.js';

/** Block i goes to the blocks named in `graph[i]` (at most two). */
function blocksOf(graph: readonly (readonly number[])[]): Block[] {
  const blocks: Block[] = graph.map((_, at) => ({ at, insns: [], end: { kind: 'return' }, order: -1 }));
  const edge = (to: number): Edge => ({ block: blocks[to]! });
  graph.forEach((targets, i) => {
    const [first, second] = targets;
    if (first === undefined) return;
    const end: Terminator = second === undefined ? { kind: 'go', to: edge(first) } : { kind: 'condition', taken: edge(first), next: edge(second) };
    blocks[i]!.end = end;
  });
  return blocks;
}

function numbers(blocks: Iterable<Block>): number[] {
  return [...blocks].map(({ at }) => at).sort((x, y) => x - y);
}

/** Blocks on every path from the entry to `to`, found by leaving each one out. */
function dominatorsOf(order: RegionOrder, to: Block): Set<Block> {
  const found = new Set<Block>();
  for (const without of order.blocks) {
    const seen = new Set<Block>([without]);
    const pending = order.blocks[0] === without ? [] : [order.blocks[0]!];
    for (let block = pending.pop(); block; block = pending.pop()) {
      if (seen.has(block)) continue;
      seen.add(block);
      pending.push(...successors(block));
    }
    if (without === to || !seen.has(to)) found.add(without);
  }
  return found;
}

function parentOf(order: RegionOrder, child: Block): Block | undefined {
  return [...order.children].find(([, children]) => children.includes(child))?.[0];
}

describe('order of regions', () => {
  it('a loop with a branch inside', () => {
    // 0 → 1; 1 → 2 or 3; both → 4; 4 → 1 or 5
    const order = orderRegion(blocksOf([[1], [2, 3], [4], [4], [1, 5], []])[0]!);
    expect(numbers(order.loops)).to.deep.equal([1]);
    expect(numbers(order.merges)).to.deep.equal([4]);
    expect(parentOf(order, order.blocks.find(({ at }) => at === 4)!)!.at).to.equal(1);
  });

  it('a jump into the middle of a loop leaves the region', () => {
    // 0 → 1 or 2; 1 ⇄ 2: neither dominates the other
    const blocks = blocksOf([[1, 2], [2], [1]]);
    const order = orderRegion(blocks[0]!);
    expect(order.loops.size).to.equal(0);
    const exits = blocks.flatMap(({ end }) => (end.kind === 'go' && 'exit' in end.to ? [end.to.exit] : []));
    expect(exits).to.have.length(1);
  });

  it('random graphs: parents are the nearest dominators, jumps back go to dominators only', () => {
    const graphs = fc.array(fc.array(fc.nat(11), { maxLength: 2 }), { minLength: 12, maxLength: 12 });
    fc.assert(fc.property(graphs, (graph) => {
      const order = orderRegion(blocksOf(graph)[0]!);
      for (const block of order.blocks) {
        const dominators = dominatorsOf(order, block);
        for (const next of successors(block)) {
          if (next.order <= block.order) expect(dominators.has(next), `${block.at} back to ${next.at}`).to.equal(true);
        }
        if (block.order === 0) continue;
        const parent = parentOf(order, block)!;
        dominators.delete(block);
        const nearest = Math.max(...[...dominators].map((d) => d.order));
        expect(parent.order, `parent of ${block.at}`).to.equal(nearest);
      }
    }), { numRuns: 300 });
  });
});
