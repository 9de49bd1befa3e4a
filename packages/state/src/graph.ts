/**
 * An object graph as plain data: what the graph writer makes and the reader takes.
 *
 * Object number n is `records[n]`: the index of its kind, then its parts. A part is a number, string,
 * boolean, null or undefined as it is; everything else is a pair [Code, payload].
 */
export const Code = {
  /** [0, number of the object] */
  REF: 0,
  /** [1, hexadecimal digits, with a sign] */
  BIGINT: 1,
  /** [2, name of the anchor] */
  ANCHOR: 2,
} as const;

export type Part = number | string | boolean | null | undefined | readonly [number, number | string];

/** How the parts of a record make an object. */
export type Kind =
  /** Parts are the fields in order. `adopts`: name of the object that takes them. */
  | { readonly kind: 'class'; readonly name: string; readonly version: number; readonly fields: readonly string[]; readonly adopts?: string }
  | { readonly kind: 'plain'; readonly fields: readonly string[] }
  /** Keys and values in turn for maps. */
  | { readonly kind: 'array' | 'map' | 'set' | 'weakref' }
  /** One part: the bytes. */
  | { readonly kind: 'bytes'; readonly name: BytesName };

export type Record_ = readonly [kind: number, ...parts: (Part | Uint8Array)[]];

export interface Graph {
  readonly kinds: readonly Kind[];
  /** The first one is the root. */
  readonly records: readonly Record_[];
}

/** Typed arrays that an image may hold. */
export const BYTES_TYPES = { Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, BigInt64Array, BigUint64Array, Float32Array, Float64Array, Buffer } as const;
export type BytesName = keyof typeof BYTES_TYPES;

/** Objects per piece of the graph in an image. */
export const RECORDS_PER_PIECE = 8192;
