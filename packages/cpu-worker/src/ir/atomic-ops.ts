import type { IntSize } from './types.js';

type Widths = Record<IntSize, number>;

function group(first: number): Widths {
  // Order of a group of seven: i32 i64 i32_8 i32_16 i64_8 i64_16 i64_32 (threads proposal).
  return { 8: 0xfe0000 | (first + 2), 16: 0xfe0000 | (first + 3), 32: 0xfe0000 | first, 64: 0xfe0000 | (first + 1) };
}

/** Opcodes of atomic accesses by operand size. */
export const ATOMIC = { load: group(0x10), store: group(0x17), add: group(0x1e), sub: group(0x25), and: group(0x2c), or: group(0x33), xor: group(0x3a), xchg: group(0x41), cmpxchg: group(0x48) } as const;
