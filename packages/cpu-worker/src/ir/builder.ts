import type { Operand } from '../isa/operand.js';
import type { FlagOperation } from './flag-operation.js';
import type { PureOp } from './wasm-ops.js';
import type { F32, F64, I32, I64, Int, IntSize, RuntimeFn, Ty, V128, Val, Var, VectorTable } from './types.js';

/** TCB fields a sem may read and write by name. */
export type StateField = 'ccRes' | 'ccAux' | 'flagsRest' | 'mxcsr' | 'fsBase' | 'gsBase' | 'fcw' | 'fsw' | 'ftw' | 'fop' | 'fip' | 'fdp';
export type StateTy<F extends StateField> = F extends 'ccRes' | 'ccAux' | 'fsBase' | 'gsBase' | 'fip' | 'fdp' ? 'i64' : 'i32';

/** Width of each field. */
export const FIELD_BITS: Record<StateField, IntSize> = { ccRes: 64, ccAux: 64, flagsRest: 32, mxcsr: 32, fsBase: 64, gsBase: 64, fcw: 16, fsw: 16, ftw: 8, fop: 16, fip: 64, fdp: 64 };

/** A float, or a vector of floats. */
export type FloatShape = 'f32' | 'f64' | 'f32x4' | 'f64x2';

/** Lane types for the low part of vector operands. */
export type LowTy = 'i32' | 'i64' | 'f32' | 'f64';

/**
 * Builds the IR of one instruction. The same `sem` runs with operands that are constants
 * (translation) or fields of a pre-decoded op (interpreter).
 *
 * Integer methods work on i32 or i64 alike; both arguments must have the same type.
 * Shift counts have the type of the value and are taken modulo its width (as wasm does).
 */
export interface Builder {
  // ---- constants
  i32(value: number): I32;
  i64(value: bigint | number): I64;
  f32(value: number): F32;
  f64(value: number): F64;
  v128(bytes: ArrayLike<number>): V128;
  /** Constant of the integer type that carries operands of `sizeBits`. */
  int(sizeBits: number, value: number | bigint): Int;
  /** The number when `v` is a compile-time constant, else undefined. i64 as bigint. */
  constOf(v: Val): number | bigint | undefined;

  // ---- pure operations
  /** Any pure wasm instruction by its text name: `b.op('i8x16.add_sat_s', x, y)`. `lane` for extract/replace_lane. */
  op(name: PureOp, ...args: Val[]): Val<any>;
  lane(name: PureOp, lane: number, ...args: Val[]): Val<any>;
  /** i8x16.shuffle with constant lanes. */
  shuffle(a: V128, b: V128, lanes: ArrayLike<number>): V128;
  add<T extends Int>(a: T, b: T): T;
  sub<T extends Int>(a: T, b: T): T;
  mul<T extends Int>(a: T, b: T): T;
  and<T extends Int>(a: T, b: T): T;
  or<T extends Int>(a: T, b: T): T;
  xor<T extends Int>(a: T, b: T): T;
  not<T extends Int>(a: T): T;
  shl<T extends Int>(a: T, count: T): T;
  shrU<T extends Int>(a: T, count: T): T;
  shrS<T extends Int>(a: T, count: T): T;
  eqz(a: Int): I32;
  eq(a: Int, b: Int): I32;
  ne(a: Int, b: Int): I32;
  ltU(a: Int, b: Int): I32;
  ltS(a: Int, b: Int): I32;
  leU(a: Int, b: Int): I32;
  leS(a: Int, b: Int): I32;
  /** condition ? a : b, both evaluated. */
  select<T extends Val>(condition: I32, a: T, b: T): T;
  /** i64 → i32 (low half); identity on i32. */
  wrap(a: Int): I32;
  /** Zero-extension to i64; identity on i64. */
  zext64(a: Int): I64;
  /** Sign-extension of the low `sizeBits` bits to i64. */
  sext64(a: Int, sizeBits: number): I64;
  /** Sign-extension of the low `sizeBits` bits within the value's type. */
  sext<T extends Int>(a: T, sizeBits: number): T;
  /** Value as the integer type of `sizeBits`, truncated (and masked to 8 or 16 bits). */
  trunc(a: Int, sizeBits: number): Int;
  /** Entry `index` (i32) of a constant vector table. */
  lookup(table: VectorTable, index: I32): V128;

  // ---- operands
  /** Integer value of a gpr, mem, imm, sreg operand (mm: i64; xmm, xmm/m128: v128). */
  get(o: Operand): Val<any>;
  /** Typed variants of `get`. */
  getInt(o: Operand): Int;
  getV128(o: Operand): V128;
  /** Low lane of an xmm/mm register, or memory of exactly that width. */
  low<T extends LowTy>(o: Operand, ty: T): Val<T>;
  /** Memory or low bits of a register, `sizeBits` wide, zero-extended to i32/i64. For xmm/m8, xmm/m16 operands and odd sizes. */
  lowInt(o: Operand, sizeBits: IntSize): Int;
  /**
   * Writes an operand. General registers: 32-bit writes clear the upper half, 8 and 16 merge.
   * xmm register: all 128 bits. Memory: sizeBits of the operand.
   */
  set(o: Operand, value: Val): void;
  /** Writes the low lane of an xmm register and keeps the rest; memory: stores that width. */
  setLow(o: Operand, value: Val): void;
  /** Conditional register write: keeps the old value when `condition` is 0 (32-bit writes still clear the upper half). */
  setIf(condition: I32, o: Operand, value: Int): void;
  /**
   * Read-modify-write of the destination: returns the old value after storing `f(old)`.
   * With LOCK it is atomic: `f` may then run more than once, so it must be pure.
   */
  rmw(o: Operand, f: (old: Int) => Int): { old: Int; value: Int };
  /** The same at a guest address (bit strings in memory). */
  rmwAt(sizeBits: IntSize, va: I64, f: (old: Int) => Int): { old: Int; value: Int };
  /**
   * Compare-and-exchange of the operand, atomic with LOCK: returns the old value; stores `desired`
   * when it equals `expected` (otherwise stores the old value back, as hardware does).
   */
  cmpxchg(o: Operand, expected: Int, desired: Int): Int;
  /** 16-byte compare-and-exchange (cmpxchg16b) at guest address `va`: returns [low, high] of the old value. */
  cmpxchg16(va: I64, expected: [I64, I64], desired: [I64, I64]): [I64, I64];
  /** Effective address of a memory operand, i64: offset (+ extra bytes), then the segment base. */
  ea(o: Operand, extra?: I64): I64;
  /** Effective address without segment base (lea). */
  offset(o: Operand): I64;
  /** Base of the segment an instruction with implicit memory operands reads from (0 without override). */
  segmentBase(): I64;
  /** Register number as a value (0–15; ST(i): i). */
  regNumber(o: Operand): I32;

  // ---- fixed state
  /** General register by number, full 64 bits. */
  gpr(reg: number): I64;
  setGpr(reg: number, value: I64): void;
  /** Low `sizeBits` of a general register by number, as an integer operand value. */
  gprInt(reg: number, sizeBits: number): Int;
  setGprInt(reg: number, sizeBits: number, value: Int): void;
  xmm(reg: number): V128;
  setXmm(reg: number, value: V128): void;
  field<F extends StateField>(name: F): Val<StateTy<F>>;
  setField<F extends StateField>(name: F, value: Val<StateTy<F>>): void;
  /** Linear address of the TCB, for run-time functions. */
  tcb(): I32;
  /** Guest address of this instruction, of the next one. */
  rip(): I64;
  nextRip(): I64;

  // ---- guest memory by address (faults are handled: control does not come back)
  /** Loads `sizeBits` (8–64) zero-extended, as the integer type of that size. */
  load(sizeBits: IntSize, va: I64): Int;
  store(sizeBits: IntSize, va: I64, value: Int): void;
  loadV128(va: I64, aligned: boolean): V128;
  storeV128(va: I64, value: V128, aligned: boolean): void;
  /**
   * Linear address through which `bytes` (≤ 512) of guest memory at `va` can be read (written):
   * the frame itself, or a bounce buffer when the range crosses a page. At most one of each live
   * at a time; `hostCommit` after the last write.
   */
  hostRead(va: I64, bytes: number): I32;
  hostWrite(va: I64, bytes: number): I32;
  hostCommit(address: I32): void;
  /** Raw access to linear memory behind hostRead/hostWrite. */
  rawLoad(sizeBits: IntSize, address: I32, offset?: number): Int;
  rawStore(sizeBits: IntSize, address: I32, value: Int, offset?: number): void;
  rawLoadV128(address: I32, offset?: number): V128;
  rawStoreV128(address: I32, value: V128, offset?: number): void;
  /** memory.copy / memory.fill on linear addresses. */
  rawCopy(to: I32, from: I32, bytes: I32): void;
  rawFill(to: I32, byte: I32, bytes: I32): void;
  /** Orders earlier stores before later loads (mfence). */
  fence(): void;

  // ---- flags (only ir/flags.ts calls these)
  /** Takes over the flags of an operation, to compute them when they are read. False: compute them now. */
  deferFlags?(operation: FlagOperation): boolean;
  /** Condition code of the flags kept back; undefined when there are none, or they do not tell. */
  deferredCondition?(cc: number): I32 | undefined;

  // ---- floats (only isa/simd/float-lanes.ts and float-guards.ts call these)
  /** Everything in `value` is finite and not denormal, as an earlier test showed. */
  isPlain?(value: Val, shape: FloatShape): boolean;
  notePlain?(value: Val, shape: FloatShape): void;
  /** The same value, surely. */
  isSame?(x: Val, y: Val): boolean;
  /** Whether MXCSR is known to be as `noteRounding` said. */
  isRoundingKnown?(): boolean;
  /** A test showed that MXCSR rounds to nearest, with PE set and all exceptions masked. */
  noteRounding?(): void;
  /** `make()`, or what it gave when it was asked for last: it depends on MXCSR only. */
  roundingGuard?(make: () => I32): I32;
  /** Regions: leaves the instruction to the interpreter when `suspect`, and then `isBad` if given, are not 0. */
  leaveIfBoth?(suspect: I32, isBad: (() => I32) | undefined): void;

  // ---- control inside the instruction
  /** Runs `then` when condition is non-zero. Values made inside must not be used outside. */
  if(condition: I32, then: () => void, otherwise?: () => void): void;
  /** Value of one of two branches, only that one is evaluated. */
  ifVal<T extends Val>(condition: I32, then: () => T, otherwise: () => T): T;
  /** Repeats `body` while it returns a non-zero value (checked after the body). */
  loop(body: () => I32): void;
  variable<T extends Ty>(ty: T, initial: Val<T>): Var<T>;
  getVar<T extends Ty>(v: Var<T>): Val<T>;
  setVar<T extends Ty>(v: Var<T>, value: Val<T>): void;
  call<R extends Ty>(fn: RuntimeFn<R>, ...args: Val[]): Val<R>;
  callVoid(fn: RuntimeFn<'void'>, ...args: Val[]): void;

  // ---- leaving the instruction
  /** Raises exception `vector` (Vector in abi) with rip at this instruction; nothing after it runs. */
  raise(vector: number, errorCode?: number | I32): void;
  raiseIf(condition: I32, vector: number, errorCode?: number): void;
  /** Raises a trap-class exception (int3, into): rip is the next instruction. */
  raiseAfter(vector: number): void;
  /** Leaves guest code with Trap.SYSCALL; rip = next instruction. */
  syscall(): void;
  /** Jumps to the target of a rel operand, when `condition` (default: always). Last effect of the sem. */
  jump(o: Operand, condition?: I32): void;
  /** Raises #GP when `va` is not canonical: before a jump to it, and before any change of state. */
  checkTarget(va: I64): void;
  /** Jumps to a computed address. Last effect of the sem. */
  jumpTo(va: I64): void;
  /** Ends this execution of the instruction with rip unchanged: it runs again after a safepoint poll (rep). */
  again(): void;
}
