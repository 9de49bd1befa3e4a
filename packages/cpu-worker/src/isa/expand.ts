import type { IntSize } from '../ir/types.js';
import type { Row } from './row.js';

/** Operand-size token of an encoding: `o16`, `o32`, `REX.W`; none for 8-bit opcodes. */
export function sizeToken(sizeBits: IntSize): string {
  return { 8: '', 16: 'o16 ', 32: 'o32 ', 64: 'REX.W ' }[sizeBits];
}

/** Immediate token of an operand size: 64-bit instructions have a sign-extended 32-bit immediate. */
export function immToken(sizeBits: IntSize): string {
  return { 8: 'ib', 16: 'iw', 32: 'id', 64: 'id' }[sizeBits];
}

/** Immediate operand of an operand size. */
export function immOperand(sizeBits: IntSize): string {
  return { 8: 'imm8', 16: 'imm16', 32: 'imm32', 64: 'imm32s' }[sizeBits];
}

/** One row for each operand size, 16, 32 and 64 unless told. */
export function sizes(make: (sizeBits: IntSize) => Row | readonly Row[], list: readonly IntSize[] = [16, 32, 64]): Row[] {
  return list.flatMap(make);
}

/** Names of the accumulator by size. */
export function accumulator(sizeBits: IntSize): string {
  return { 8: 'al', 16: 'ax', 32: 'eax', 64: 'rax' }[sizeBits];
}
