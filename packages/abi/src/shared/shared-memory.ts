import { MAX_MEMORY_BYTES } from '../layout/memory-map.js';
import { zeroFillOf, type ZeroFill } from './zero-fill.js';

/**
 * Views of the one shared linear memory. The memory never grows (initial = maximum; untouched pages
 * cost the host nothing), so views stay valid for ever in every thread.
 */
export interface SharedMemory {
  readonly memory: WebAssembly.Memory;
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly u64: BigUint64Array;
  readonly f64: Float64Array;
  readonly view: DataView;
  readonly zeroFill: ZeroFill;
}

export function createMemory(sizeBytes: number = MAX_MEMORY_BYTES): WebAssembly.Memory {
  const pages = Math.min(65535, Math.ceil(sizeBytes / 65536));
  return new WebAssembly.Memory({ initial: pages, maximum: 65535, shared: true });
}

export function viewMemory(memory: WebAssembly.Memory): SharedMemory {
  const buffer = memory.buffer as unknown as SharedArrayBuffer;
  return {
    memory,
    buffer,
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    i64: new BigInt64Array(buffer),
    u64: new BigUint64Array(buffer),
    f64: new Float64Array(buffer),
    view: new DataView(buffer),
    zeroFill: zeroFillOf(memory),
  };
}

/** Writes zeros to [start, end). */
export function zeroMemory({ zeroFill }: SharedMemory, start: number, end: number): void {
  if (start < end) zeroFill(start, end - start);
}

/** Adds to a u64 that nobody else writes, without making a bigint; `low`: its index in `u32`, 0 ≤ by < 2^32. */
export function addToU64(u32: Uint32Array, low: number, by: number): void {
  const sum = u32[low]! + by;
  u32[low] = sum;
  if (sum > 0xffff_ffff) u32[low + 1]!++;
}
