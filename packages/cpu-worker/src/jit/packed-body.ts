import { Code } from '../ir/code.js';
import { LocalPool } from '../ir/lower.js';
import type { RuntimeFn, Ty } from '../ir/types.js';
import type { Callee } from './analysed-region.js';
import type { RegionBody } from './region-emitter.js';

/** A body as it is kept for later runs, so that it can be put into modules there. */
interface PackedBody extends Omit<RegionBody, 'locals' | 'code'> {
  readonly params: number;
  readonly locals: readonly Ty[];
  /** Base64. */
  readonly code: string;
}

export function packBodies(bodies: readonly RegionBody[]): Uint8Array {
  return Buffer.from(JSON.stringify(bodies.map(packed)));
}

function packed({ locals, code, callees, ...rest }: RegionBody): PackedBody {
  return { ...rest, params: locals.params, locals: locals.types, code: Buffer.from(code.view()).toString('base64'), callees: callees.map(packedCallee) };
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
