import { Vector } from '@troupe/abi/layout/tcb.js';
import type { Builder } from '../../ir/builder.js';
import type { V128 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Feature, Row } from '../row.js';
import { getVector, setVector } from './operands.js';

/** Rows of packed integer instructions that exist on MMX and XMM registers with the same lanes. */

/** Function of two vectors: first the destination's old value, then the source. */
export type Combine = (b: Builder, x: V128, y: V128) => V128;

export interface PackedOp {
  readonly mnemonic: string;
  /** `0F FC`, with the 66 prefix for XMM and without prefix for MMX registers. */
  readonly opcode: string;
  readonly f: Combine;
  /** Semantics on MMX registers (64 bits in the low half), where not the same as `f`; null = no MMX form. */
  readonly mmx?: Combine | null;
  /** Feature of the XMM form (default sse2) and of the MMX form (default mmx). */
  readonly feature?: Feature;
  readonly mmxFeature?: Feature;
  readonly hot?: boolean;
}

/** SDM citation of an instruction by its mnemonic. */
export function sdm(mnemonic: string): string {
  const volume = mnemonic < 'm' ? 'A' : mnemonic < 'v' ? 'B' : mnemonic < 'w' ? 'C' : 'D';
  return `SDM Vol. 2${volume} ${mnemonic.toUpperCase()}`;
}

/** The two rows (XMM, MMX) of a packed integer instruction `op dst, src`. */
export function packedRows(op: PackedOp): Row[] {
  const { mnemonic, opcode, f } = op;
  const cite = sdm(mnemonic);
  const hot = op.hot === true ? { hot: true } : {};
  const xmm: Row = { mnemonic, enc: `66 ${opcode} /r`, ops: 'rw:xmm r:xmm/m128', feature: op.feature ?? 'sse2', cite, ...hot, sem: combineSem(f) };
  if (op.mmx === null) return [xmm];
  const mmx: Row = { mnemonic, enc: `NP ${opcode} /r`, ops: 'rw:mm r:mm/m64', feature: op.mmxFeature ?? 'mmx', cite, sem: mmxSem(combineSem(op.mmx ?? f)) };
  return [xmm, mmx];
}

/** `dst = f(dst, src)` on whole vectors (or 64-bit ones in the low half). */
export function combineSem(f: Combine): (b: Builder, dst: Operand, src: Operand) => void {
  return (b, dst, src) => {
    const y = getVector(b, src);
    setVector(b, dst, f(b, getVector(b, dst), y));
  };
}

/** `dst = f(src)`. */
export function unarySem(f: (b: Builder, x: V128) => V128): Row['sem'] {
  return (b, dst, src) => setVector(b, dst, f(b, getVector(b, src)));
}

const FSW_SUMMARY = 0x80;
const FSW_TOP = 0x3800;

/**
 * MMX instruction: a pending x87 exception is reported first; afterwards TOP is 0 and all tags
 * are valid (SDM Vol. 1 9.6.2).
 */
export function mmxSem(sem: Row['sem']): Row['sem'] {
  return (b, ...ops) => {
    raisePendingX87(b);
    sem(b, ...ops);
    enterMmx(b);
  };
}

export function raisePendingX87(b: Builder): void {
  b.raiseIf(b.and(b.field('fsw'), b.i32(FSW_SUMMARY)), Vector.MF);
}

export function enterMmx(b: Builder): void {
  b.setField('fsw', b.and(b.field('fsw'), b.i32(0xffff & ~FSW_TOP)));
  b.setField('ftw', b.i32(0xff));
}
