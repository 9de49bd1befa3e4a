import { edges, successors, type Block, type Edge, type Terminator } from './control-flow.js';

/**
 * Reverse postorder, dominators (Cooper, Harvey, Kennedy 2001) and loops of a region. Jumps back to
 * a block that does not dominate them (irreducible code) become exits.
 */
export interface RegionOrder {
  /** In reverse postorder; the entry first. */
  readonly blocks: readonly Block[];
  /** Blocks directly dominated, in reverse postorder. */
  readonly children: ReadonlyMap<Block, readonly Block[]>;
  /** Targets of jumps back. */
  readonly loops: ReadonlySet<Block>;
  /** Blocks that several forward edges lead to. */
  readonly merges: ReadonlySet<Block>;
}

function reversePostorder(entry: Block): Block[] {
  const seen = new Set<Block>([entry]);
  const postorder: Block[] = [];
  const stack: { block: Block; next: Block[] }[] = [{ block: entry, next: successors(entry) }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const child = top.next.pop();
    if (child === undefined) {
      postorder.push(top.block);
      stack.pop();
    } else if (!seen.has(child)) {
      seen.add(child);
      stack.push({ block: child, next: successors(child) });
    }
  }
  const blocks = postorder.reverse();
  blocks.forEach((block, i) => { block.order = i; });
  return blocks;
}

/** Immediate dominators by position. */
function dominators(blocks: readonly Block[]): number[] {
  const predecessors = blocks.map((): number[] => []);
  for (const block of blocks) for (const next of successors(block)) predecessors[next.order]!.push(block.order);
  const idom = blocks.map(() => -1);
  idom[0] = 0;
  const meet = (a: number, b: number): number => {
    let [x, y] = [a, b];
    while (x !== y) {
      while (x > y) x = idom[x]!;
      while (y > x) y = idom[y]!;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 1; i < blocks.length; i++) {
      const known = predecessors[i]!.filter((p) => idom[p] !== -1);
      const next = known.reduce(meet);
      if (next !== idom[i]) {
        idom[i] = next;
        changed = true;
      }
    }
  }
  return idom;
}

function dominates(idom: readonly number[], above: number, below: number): boolean {
  let at = below;
  while (at > above) at = idom[at]!;
  return at === above;
}

function replaceEdge(end: Terminator, to: Block, by: Edge): void {
  const isTo = (edge: Edge): boolean => 'block' in edge && edge.block === to;
  if ((end.kind === 'go' || end.kind === 'enter') && isTo(end.to)) end.to = by;
  if (end.kind === 'condition') {
    if (isTo(end.taken)) end.taken = by;
    if (isTo(end.next)) end.next = by;
  }
  if (end.kind === 'dispatch' || end.kind === 'indirect') end.targets = end.targets.filter((block) => block !== to);
  if ((end.kind === 'call' || end.kind === 'callIndirect' || end.kind === 'cold' || end.kind === 'back') && isTo(end.next)) end.next = by;
}

/** Cuts edges that make the graph irreducible; true when there were any. */
function cutIrreducible(blocks: readonly Block[], idom: readonly number[]): boolean {
  let isCut = false;
  for (const block of blocks) {
    for (const next of successors(block)) {
      if (next.order > block.order || dominates(idom, next.order, block.order)) continue;
      replaceEdge(block.end, next, { exit: next.at });
      isCut = true;
    }
  }
  return isCut;
}

export function orderRegion(entry: Block): RegionOrder {
  let blocks = reversePostorder(entry);
  let idom = dominators(blocks);
  while (cutIrreducible(blocks, idom)) {
    blocks = reversePostorder(entry);
    idom = dominators(blocks);
  }
  const children = new Map<Block, Block[]>(blocks.map((block) => [block, []]));
  for (let i = 1; i < blocks.length; i++) children.get(blocks[idom[i]!]!)!.push(blocks[i]!);
  const loops = new Set<Block>();
  const forward = new Map<Block, number>();
  for (const block of blocks) {
    for (const edge of edges(block)) {
      if (!('block' in edge)) continue;
      if (edge.block.order <= block.order) loops.add(edge.block);
      else forward.set(edge.block, (forward.get(edge.block) ?? 0) + 1);
    }
  }
  const merges = new Set([...forward].filter(([, count]) => count > 1).map(([block]) => block));
  return { blocks, children, loops, merges };
}
