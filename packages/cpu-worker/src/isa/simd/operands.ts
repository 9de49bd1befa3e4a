import type { Builder } from '../../ir/builder.js';
import type { I64, Int, V128 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import { fromLow64, low64 } from './vector.js';

/** Vector sources and destinations of any width: all 128 bits, or the low part with zero above. */

/** Operand as a vector: an xmm or 128-bit operand whole, an mm or 64-bit operand in the low half (zero above). */
export function getVector(b: Builder, o: Operand): V128 {
  if (o.kind === 'xmm' || o.sizeBits === 128) return b.getV128(o);
  return fromLow64(b, low64Of(b, o));
}

/** Low 64 bits of an xmm, mm or memory operand, which is accessed in its whole size; zero above narrower memory. */
export function low64Of(b: Builder, o: Operand): I64 {
  if (o.kind === 'mem' && o.sizeBits === 128) return low64(b, b.getV128(o));
  return o.kind === 'xmm' ? b.low(o, 'i64') : b.zext64(b.get(o) as Int);
}

/** Writes a vector result: 128 bits to xmm and 128-bit memory, the low 64 to mm and 64-bit memory. */
export function setVector(b: Builder, o: Operand, value: V128): void {
  if (o.kind === 'mm' || (o.kind === 'mem' && o.sizeBits === 64)) b.set(o, low64(b, value));
  else b.set(o, value);
}
