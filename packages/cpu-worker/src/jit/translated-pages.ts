import type { Node } from '../ir/node.js';
import type { RegionLocals } from './region-locals.js';

/** An address as a sum of registers and a constant. */
export interface AddressShape {
  /** Names the registers and their scales. */
  readonly key: string;
  readonly slots: readonly number[];
  readonly displacement: bigint;
}

/** An access whose page is known: what differs from it by a constant is likely to be in the same page. */
export interface TranslatedPage {
  readonly slots: readonly number[];
  readonly displacement: bigint;
  readonly bytes: number;
  /** Local, i64: offset in the page. */
  readonly offset: number;
  /** Local, i32: address less ADDEND_BIAS. */
  readonly address: number;
  /** The access was tested to be aligned to 16 bytes. */
  readonly isAligned?: boolean;
}

/** The registers an address is made of, if it is a sum of them. */
export function shapeOf(address: Node, locals: RegionLocals): AddressShape | undefined {
  const slots: number[] = [];
  const { op, args } = address;
  const isDisplaced = op.kind === 'pure' && op.info.name === 'i64.add' && args[1]!.op.kind === 'const';
  const key = keyOf(isDisplaced ? args[0]! : address, locals, slots);
  if (key === undefined || slots.length === 0) return undefined;
  return { key, slots, displacement: isDisplaced ? constantOf(args[1]!) : 0n };
}

function constantOf({ op }: Node): bigint {
  return op.kind === 'const' ? (op.value as bigint) : 0n;
}

function keyOf({ op, args }: Node, locals: RegionLocals, slots: number[]): string | undefined {
  if (op.kind === 'get') {
    const slot = locals.slotOf(op.local);
    if (slot !== undefined) slots.push(slot);
    return slot === undefined ? undefined : String(slot);
  }
  if (op.kind !== 'pure') return undefined;
  const first = keyOf(args[0]!, locals, slots);
  if (first === undefined) return undefined;
  if (op.info.name === 'i64.shl' && args[1]!.op.kind === 'const') return `${first}<<${constantOf(args[1]!)}`;
  const second = op.info.name === 'i64.add' ? keyOf(args[1]!, locals, slots) : undefined;
  return second === undefined ? undefined : `${first}+${second}`;
}
