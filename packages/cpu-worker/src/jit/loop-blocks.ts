import { successors, type Block } from './control-flow.js';

/** After a call or a cold instruction the TCB has all state. */
export function isReload({ end }: Block): boolean {
  return end.kind === 'call' || end.kind === 'callIndirect' || end.kind === 'cold';
}

/** Bodies of loops of a reducible region whose blocks are in reverse postorder. */
export class LoopBlocks {
  readonly #predecessors = new Map<Block, Block[]>();

  constructor(blocks: readonly Block[]) {
    for (const block of blocks) this.#predecessors.set(block, []);
    for (const block of blocks) for (const next of successors(block)) this.#predecessors.get(next)!.push(block);
  }

  /** All blocks on the ways from the head of a loop back to it; undefined when some make calls. */
  ifNoCalls(head: Block): Block[] | undefined {
    const body = new Set([head]);
    for (const block of body) {
      if (isReload(block)) return undefined;
      for (const before of this.#predecessors.get(block)!) if (before.order >= head.order) body.add(before);
    }
    return [...body];
  }

  /** Blocks on the ways from the head of a loop back to it that make no calls. */
  withoutCalls(head: Block): Block[] {
    const ends = this.#predecessors.get(head)!.filter((block) => block.order >= head.order && !isReload(block));
    const reaching = reach(ends, (block) => (block === head ? [] : this.#predecessors.get(block)!));
    const reached = reach(isReload(head) ? [] : [head], (block) => successors(block).filter((next) => reaching.has(next)));
    return [...reached].filter((block) => reaching.has(block));
  }
}

function reach(from: readonly Block[], nextOf: (block: Block) => readonly Block[]): Set<Block> {
  const found = new Set(from);
  for (const block of found) for (const next of nextOf(block)) if (!isReload(next)) found.add(next);
  return found;
}
