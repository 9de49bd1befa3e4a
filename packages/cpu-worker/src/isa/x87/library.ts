import { Vector } from '@troupe/abi/layout/tcb.js';
import type { Builder } from '../../ir/builder.js';
import { runtimeFn } from '../../ir/types.js';
import type { I32, RuntimeFn } from '../../ir/types.js';
import type { Operand } from '../operand.js';

/**
 * x87 functions of the run-time library (packages/cpu-worker/assembly/x87-*.ts). The first argument
 * is the TCB; memory operands are linear addresses. None of them can fault: rows check for pending
 * exceptions and translate addresses first.
 */
const X87 = ['x87'] as const;
const X87_MEMORY = ['x87', 'memory'] as const;

function onState(name: string, more: number): RuntimeFn<'void'> {
  return runtimeFn(name, Array.from({ length: 1 + more }, () => 'i32' as const), 'void', X87);
}

function onMemory(name: string, more: number): RuntimeFn<'void'> {
  return runtimeFn(name, Array.from({ length: 2 + more }, () => 'i32' as const), 'void', X87_MEMORY);
}

export const x87 = {
  load: onMemory('x87_load', 1),
  fldSt: onState('x87_fld_st', 1),
  constant: onState('x87_constant', 1),
  /** (tcb, format, pop, at): 1 when memory was written. */
  store: runtimeFn('x87_store', ['i32', 'i32', 'i32', 'i32'], 'i32', X87_MEMORY),
  /** (tcb, format, at): 1 when memory was written. */
  storeTruncated: runtimeFn('x87_store_truncated', ['i32', 'i32', 'i32'], 'i32', X87_MEMORY),
  fstSt: onState('x87_fst_st', 2),
  fxch: onState('x87_fxch', 1),
  fcmov: onState('x87_fcmov', 2),
  ffree: onState('x87_ffree', 2),
  rotate: onState('x87_rotate', 1),
  /** (tcb, op, dst, src, pop) */
  arith: onState('x87_arith', 4),
  /** (tcb, op, format, at) */
  arithMemory: onMemory('x87_arith_mem', 2),
  /** (tcb, i, quiet, pops) */
  compare: onState('x87_compare', 3),
  /** (tcb, format, pops, at) */
  compareMemory: onMemory('x87_compare_mem', 2),
  /** (tcb, i, quiet, pop): ZF PF CF in their RFLAGS positions. */
  compareFlags: runtimeFn('x87_compare_flags', ['i32', 'i32', 'i32', 'i32'], 'i32', X87),
  unary: onState('x87_unary', 1),
  scale: onState('x87_scale', 0),
  remainder: onState('x87_remainder', 1),
  extract: onState('x87_extract', 0),
  f2xm1: onState('x87_f2xm1', 0),
  fyl2x: onState('x87_fyl2x', 0),
  fyl2xp1: onState('x87_fyl2xp1', 0),
  fpatan: onState('x87_fpatan', 0),
  fptan: onState('x87_fptan', 0),
  fsincos: onState('x87_fsincos', 0),
  sine: onState('x87_sine', 1),
  fldcw: onState('x87_fldcw', 1),
  fnclex: onState('x87_fnclex', 0),
  fninit: onState('x87_fninit', 0),
  /** (tcb, at, is16): 1 = the 14-byte form of a 16-bit operand size. */
  fnstenv: onMemory('x87_fnstenv', 1),
  fldenv: onMemory('x87_fldenv', 1),
  fnsave: onMemory('x87_fnsave', 1),
  frstor: onMemory('x87_frstor', 1),
  /** (tcb, at, wide): 64-bit pointers. */
  fxsave: runtimeFn('x87_fxsave', ['i32', 'i32', 'i32'], 'void', ['x87', 'xmm', 'mxcsr', 'memory']),
  /** (tcb, at, wide): 0 when the image's MXCSR is invalid. */
  fxrstor: runtimeFn('x87_fxrstor', ['i32', 'i32', 'i32'], 'i32', ['x87', 'xmm', 'mxcsr', 'memory']),
} as const;

/** Memory formats: number in the library and size. */
export const FORMATS = {
  f32: { number: 0, sizeBits: 32 },
  f64: { number: 1, sizeBits: 64 },
  f80: { number: 2, sizeBits: 80 },
  i16: { number: 3, sizeBits: 16 },
  i32: { number: 4, sizeBits: 32 },
  i64: { number: 5, sizeBits: 64 },
  bcd: { number: 6, sizeBits: 80 },
} as const;
export type Format = keyof typeof FORMATS;

/** Error summary bit of FSW (SDM Vol. 1 8.1.3.3). */
const FSW_ES = 0x80;

/** Start of every waiting instruction: #MF when an unmasked exception is pending. */
export function wait(b: Builder): void {
  b.raiseIf(b.and(b.field('fsw'), b.i32(FSW_ES)), Vector.MF);
}

/**
 * The processor accesses wide operands in parts and the first part faults first: 80-bit numbers as 8
 * and 2 bytes, environments field by field.
 */
function firstPartBytes(bytes: number): number {
  if (bytes <= 8) return 0;
  return bytes === 10 ? 8 : 2;
}

/** Linear address of a memory operand of `bytes` bytes, for reading. */
export function readAddress(b: Builder, o: Operand, bytes: number): I32 {
  const va = b.ea(o);
  const first = firstPartBytes(bytes);
  if (first > 0) b.hostRead(va, first);
  return b.hostRead(va, bytes);
}

/** Calls `write` with the linear address of a memory operand; the operand changes when it returns 1 (or nothing). */
export function writeMemory(b: Builder, o: Operand, bytes: number, write: (at: I32) => I32 | undefined): void {
  const va = b.ea(o);
  const first = firstPartBytes(bytes);
  if (first > 0) b.hostWrite(va, first);
  const at = b.hostWrite(va, bytes);
  const written = write(at);
  if (written === undefined) b.hostCommit(at);
  else b.if(written, () => b.hostCommit(at));
}

/** Calls a void function of the library on the TCB. */
export function call(b: Builder, fn: RuntimeFn<'void'>, ...args: (number | I32)[]): void {
  b.callVoid(fn, b.tcb(), ...args.map((x) => (typeof x === 'number' ? b.i32(x) : x)));
}
