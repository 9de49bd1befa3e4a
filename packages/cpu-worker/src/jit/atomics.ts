import type { Node } from '../ir/node.js';

export type RmwName = 'add' | 'sub' | 'and' | 'or' | 'xor' | 'xchg';
const NAMES = new Set(['add', 'sub', 'and', 'or', 'xor']);

function reads(tree: Node, local: number): boolean {
  return (tree.op.kind === 'get' && tree.op.local === local) || tree.args.some((arg) => reads(arg, local));
}

/** `old op operand` as one atomic instruction; `old` is a read of a local. Narrow results may be masked. */
export function rmwOperation(result: Node, old: Node): { name: RmwName; operand: Node } | undefined {
  if (old.op.kind !== 'get') return undefined;
  const { local } = old.op;
  if (!reads(result, local)) return { name: 'xchg', operand: result };
  if (result.op.kind !== 'pure') return undefined;
  const name = result.op.info.name.split('.')[1]!;
  const [x, y] = result.args as [Node, Node];
  const isOld = (n: Node): boolean => n.op.kind === 'get' && n.op.local === local;
  if (NAMES.has(name) && isOld(x) && !reads(y, local)) return { name: name as RmwName, operand: y };
  if (NAMES.has(name) && name !== 'sub' && isOld(y) && !reads(x, local)) return { name: name as RmwName, operand: x };
  // and(old + y, 0xff): the access itself cuts the result.
  const isMask = name === 'and' && y.op.kind === 'const' && (y.op.value === 0xff || y.op.value === 0xffff);
  return isMask ? rmwOperation(x, old) : undefined;
}
