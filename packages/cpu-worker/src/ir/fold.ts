import type { I32, I64, Int, Val } from './types.js';
import type { PureOp } from './wasm-ops.js';

/** What folding needs of a builder. */
interface ConstantSource {
  i32(value: number): I32;
  i64(value: bigint): I64;
  constOf(v: Val): number | bigint | undefined;
}

const FOLD: Record<string, (x: bigint, y: bigint, bits: bigint) => bigint> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y, bits) => x << (y & (bits - 1n)),
  shr_s: (x, y, bits) => x >> (y & (bits - 1n)),
  shr_u: (x, y, bits) => BigInt.asUintN(Number(bits), x) >> (y & (bits - 1n)),
  eqz: (x) => (x === 0n ? 1n : 0n),
  eq: (x, y) => (x === y ? 1n : 0n),
  ne: (x, y) => (x === y ? 0n : 1n),
};

/** Operations that leave x unchanged when y is 0. */
const NEUTRAL_ZERO = new Set(['add', 'sub', 'or', 'xor', 'shl', 'shr_s', 'shr_u', 'rotl', 'rotr']);

/** Constant folding and the cheapest identities; undefined = emit the operation. */
export function fold(name: PureOp, args: readonly Val[], b: ConstantSource): Int | undefined {
  const dot = name.indexOf('.');
  const ty = name.slice(0, dot);
  const operation = name.slice(dot + 1);
  if (ty !== 'i32' && ty !== 'i64') return undefined;
  const [x, y] = args.map((a) => b.constOf(a));
  if (operation === 'wrap_i64') return typeof x === 'bigint' ? b.i32(Number(BigInt.asIntN(32, x))) : unwrapExtension(args[0]!);
  if (operation === 'extend_i32_u' && typeof x === 'number') return b.i64(BigInt(x >>> 0));
  if (operation === 'extend_i32_s' && typeof x === 'number') return b.i64(BigInt(x));
  if (args.length === 2 && y !== undefined && BigInt(y) === 0n && NEUTRAL_ZERO.has(operation)) return args[0] as Int;
  const compute = FOLD[operation];
  if (!compute || x === undefined || (args.length === 2 && y === undefined)) return undefined;
  const bits = args[0]!.ty === 'i64' ? 64n : 32n;
  const result = compute(BigInt(x), BigInt(y ?? 0), bits);
  const isCompare = operation.startsWith('e') || operation === 'ne';
  return ty === 'i64' && !isCompare ? b.i64(BigInt.asIntN(64, result)) : b.i32(Number(BigInt.asIntN(32, result)));
}

/** wrap(extend(x)) is x. */
function unwrapExtension(v: Val): Int | undefined {
  const { op, args } = v as unknown as { op: { kind: string; info?: { name: string } }; args: Val[] };
  if (op.kind === 'pure' && (op.info?.name === 'i64.extend_i32_u' || op.info?.name === 'i64.extend_i32_s')) return args[0] as Int;
  return undefined;
}
