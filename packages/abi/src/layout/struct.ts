/**
 * One definition per shared struct: field name -> width, from which byte offsets, sizes and typed
 * accessors follow. Used for structs in the shared memory (wasm immediates, JS views) and for
 * structs in guest memory (Linux ABI).
 */

export type FieldType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64' | 'f64';

/** A field: its scalar type, or [type, count] for an array, or a byte count for an opaque area. */
export type FieldSpec = FieldType | readonly [FieldType, number] | { readonly bytes: number; readonly align: number };

const WIDTH: Record<FieldType, number> = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, u64: 8, i64: 8, f64: 8 };

export interface StructLayout<F extends Record<string, FieldSpec>> {
  readonly name: string;
  readonly sizeBytes: number;
  /** Byte offset of each field from the start of the struct. */
  readonly off: { readonly [K in keyof F]: number };
  readonly fields: F;
}

function widthAlign(spec: FieldSpec): [number, number] {
  if (typeof spec === 'string') return [WIDTH[spec], WIDTH[spec]];
  if (isArraySpec(spec)) return [WIDTH[spec[0]] * spec[1], WIDTH[spec[0]]];
  return [spec.bytes, spec.align];
}

function isArraySpec(spec: FieldSpec): spec is readonly [FieldType, number] {
  return Array.isArray(spec);
}

/**
 * Lays fields out in order with natural alignment (as the SysV ABI does for C structs).
 * `sizeBytes`, when given, pads the struct and fails when the fields do not fit.
 */
export function struct<F extends Record<string, FieldSpec>>(name: string, fields: F, sizeBytes?: number): StructLayout<F> {
  const off: Record<string, number> = {};
  let at = 0;
  let maxAlign = 1;
  for (const [field, spec] of Object.entries(fields)) {
    const [width, align] = widthAlign(spec);
    at = (at + align - 1) & -align;
    off[field] = at;
    at += width;
    maxAlign = Math.max(maxAlign, align);
  }
  const natural = (at + maxAlign - 1) & -maxAlign;
  if (sizeBytes !== undefined && natural > sizeBytes) throw new RangeError(`struct ${name}: ${natural} bytes do not fit in ${sizeBytes}`);
  return { name, sizeBytes: sizeBytes ?? natural, off: off as { readonly [K in keyof F]: number }, fields };
}
