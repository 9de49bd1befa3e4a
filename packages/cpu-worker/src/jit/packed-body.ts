import { Code } from '../ir/code.js';
import { LocalPool, type Relocation } from '../ir/lower.js';
import type { RuntimeFn, Ty } from '../ir/types.js';
import type { Callee } from './analysed-region.js';
import type { RegionBody } from './region-emitter.js';
import type { OpLink } from './region-links.js';

/** A body as it is kept for later runs, so that it can be put into modules there. */
interface PackedBody {
  readonly params: number;
  readonly locals: readonly Ty[];
  /** Base64. */
  readonly code: string;
  readonly relocations: readonly Relocation[];
  readonly rare: readonly number[];
  readonly callees: readonly Callee[];
  readonly ops: readonly OpLink[];
  readonly hasEntries: boolean;
}

export function packBodies(bodies: readonly RegionBody[]): Uint8Array {
  return Buffer.from(JSON.stringify(bodies.map(packed)));
}

function packed({ locals, code, relocations, rare, callees, ops, hasEntries }: RegionBody): PackedBody {
  return { params: locals.params, locals: locals.types, code: Buffer.from(code.view()).toString('base64'), relocations, rare, callees: callees.map(packedCallee), ops, hasEntries };
}

/** Of a run-time function name and type are enough. */
function packedCallee(callee: Callee): Callee {
  if (typeof callee === 'string' || 'at' in callee) return callee;
  const { name, params, result } = callee;
  return { name, params, result, touches: [] } satisfies RuntimeFn;
}

export function unpackBodies(bytes: Uint8Array): RegionBody[] {
  return (JSON.parse(Buffer.from(bytes).toString()) as PackedBody[]).map(({ params, locals, code, ...rest }) => {
    const pool = new LocalPool(params);
    for (const ty of locals) pool.reserve(ty);
    const copy = new Code();
    copy.bytes(Buffer.from(code, 'base64'));
    return { ...rest, locals: pool, code: copy };
  });
}
