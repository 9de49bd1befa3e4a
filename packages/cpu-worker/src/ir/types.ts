/** Value types of the IR: those of WebAssembly. */
export type Ty = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/**
 * A value of the IR. Opaque to rows: made and consumed by Builder methods only. Values are
 * immutable; a value that is used several times is computed once.
 */
export interface Val<T extends Ty = Ty> {
  readonly ty: T;
}

export type I32 = Val<'i32'>;
export type I64 = Val<'i64'>;
export type F32 = Val<'f32'>;
export type F64 = Val<'f64'>;
export type V128 = Val<'v128'>;
/** Integer of the width of an operand: i32 for 8, 16 and 32 bits (8 and 16 zero-extended), i64 for 64. */
export type Int = Val<'i32' | 'i64'>;

/** Integer operand sizes in bits. */
export type IntSize = 8 | 16 | 32 | 64;

/**
 * A mutable variable, for loops in a `sem`. Read with `b.getVar`, written with `b.setVar`.
 */
export interface Var<T extends Ty = Ty> {
  readonly ty: T;
  readonly variable: true;
}

/**
 * A function of the run-time library (packages/cpu-worker/assembly), called from rows with `b.call`.
 * `touches` says which guest state (TCB fields) it reads or writes itself, so that translated code
 * that keeps state in locals knows what to write back and reload around the call.
 */
export interface RuntimeFn<R extends Ty | 'void' = Ty | 'void'> {
  readonly name: string;
  readonly params: readonly Ty[];
  readonly result: R;
  readonly touches: readonly StateGroup[];
}

/** Groups of TCB state a run-time function may read or write. */
export type StateGroup = 'gpr' | 'flags' | 'xmm' | 'x87' | 'mxcsr' | 'memory';

/** Declares a run-time function: `const fadd = runtimeFn('x87_fadd', ['i32', 'i32'], 'void', ['x87'])`. */
export function runtimeFn<R extends Ty | 'void'>(name: string, params: readonly Ty[], result: R, touches: readonly StateGroup[]): RuntimeFn<R> {
  return { name, params, result, touches };
}

/**
 * A constant table of 16-byte entries (shuffle masks and the like), indexed by an immediate.
 * Constant operands read it at translation time; the interpreter from static memory.
 */
export interface VectorTable {
  readonly name: string;
  readonly entries: number;
  readonly bytes: Uint8Array;
}

/** Declares a table of `entries` vectors; `entry(i)` gives the 16 bytes of entry i. */
export function vectorTable(name: string, entries: number, entry: (index: number) => ArrayLike<number>): VectorTable {
  const bytes = new Uint8Array(entries * 16);
  for (let i = 0; i < entries; i++) bytes.set(Uint8Array.from(entry(i)), i * 16);
  return { name, entries, bytes };
}
