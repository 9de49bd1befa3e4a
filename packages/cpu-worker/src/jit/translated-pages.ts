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
  const sum = sumOf(address, locals);
  return sum && sum.slots.length > 0 ? { ...sum, key: sum.terms.join('+') } : undefined;
}

interface Sum {
  readonly terms: readonly string[];
  readonly slots: readonly number[];
  readonly displacement: bigint;
}

function sumOf({ op, args }: Node, locals: RegionLocals): Sum | undefined {
  if (op.kind === 'const') return { terms: [], slots: [], displacement: op.value as bigint };
  if (op.kind === 'get') {
    const slot = locals.slotOf(op.local);
    return slot === undefined ? undefined : { terms: [String(slot)], slots: [slot], displacement: 0n };
  }
  if (op.kind !== 'pure') return undefined;
  const name = op.info.name;
  if (name !== 'i64.add' && name !== 'i64.sub' && name !== 'i64.shl') return undefined;
  const [x, y] = [sumOf(args[0]!, locals), sumOf(args[1]!, locals)];
  if (!x || !y) return undefined;
  if (name === 'i64.add') return { terms: [...x.terms, ...y.terms], slots: [...x.slots, ...y.slots], displacement: x.displacement + y.displacement };
  if (y.terms.length > 0) return undefined;
  if (name === 'i64.sub') return { ...x, displacement: x.displacement - y.displacement };
  return x.terms.length === 1 && x.displacement === 0n ? { ...x, terms: [`${x.terms[0]}<<${y.displacement}`] } : undefined;
}
