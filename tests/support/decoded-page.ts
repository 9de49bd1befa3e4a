/** A page of guest code of which some instructions have been decoded, readable under the tables of one address space. */
import { createMemory, FramePool, viewMemory, type SharedMemory } from '@troupe/abi';
import { ADDEND_BIAS, FLAT_TABLE_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { CodeCache } from '@troupe/cpu-worker/decode/code-cache.js';
import { CODE_PAGE, CODE_PAGE_OPS, OP_BYTES } from '@troupe/cpu-worker/interp/op-record.js';

export interface DecodedPage {
  readonly shared: SharedMemory;
  readonly frames: FramePool;
  readonly tableExec: number;
  /** Linear address of the page's bytes. */
  readonly frame: number;
  readonly codePage: number;
  /** Linear address of the op at an offset. */
  readonly opAt: (offset: number) => number;
}

/** `starts`: offsets of decoded instructions. */
export function decodedPage(rip: number, code: readonly number[], starts: readonly number[]): DecodedPage {
  const shared = viewMemory(createMemory());
  const frames = FramePool.initialise(shared, 64 * 1024 * 1024);
  const frame = frames.alloc();
  const codePage = new CodeCache(shared, frames).pageOf(frame);
  shared.u8.set(code, frame);
  const opAt = (offset: number): number => codePage + CODE_PAGE_OPS + offset * OP_BYTES;
  for (const offset of starts) shared.u32[((codePage + CODE_PAGE.index) >>> 2) + offset] = opAt(offset);
  const tables = frames.allocChunk(3 * FLAT_TABLE_BYTES);
  shared.u32[(tables >>> 2) + rip / PAGE_SIZE] = frame - rip - ADDEND_BIAS;
  const tableExec = tables + 2 * FLAT_TABLE_BYTES;
  shared.u32[(tableExec >>> 2) + rip / PAGE_SIZE] = codePage;
  return { shared, frames, tableExec, frame, codePage, opAt };
}
