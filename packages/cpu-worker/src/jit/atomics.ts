import type { Node } from '../ir/node.js';
import type { IntSize } from '../ir/types.js';

type Widths = Record<IntSize, number>;

function group(first: number): Widths {
  // Order of a group of seven: i32 i64 i32_8 i32_16 i64_8 i64_16 i64_32 (threads proposal).
  return { 8: 0xfe0000 | (first + 2), 16: 0xfe0000 | (first + 3), 32: 0xfe0000 | first, 64: 0xfe0000 | (first + 1) };
}

/** Opcodes of atomic accesses by operand size. */
export const ATOMIC = { load: group(0x10), store: group(0x17), add: group(0x1e), sub: group(0x25), and: group(0x2c), or: group(0x33), xor: group(0x3a), xchg: group(0x41), cmpxchg: group(0x48) } as const;

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
