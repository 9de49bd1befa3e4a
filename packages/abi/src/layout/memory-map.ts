/**
 * The fixed part of the shared linear memory. All addresses are byte addresses in that memory
 * ("linear addresses"), as opposed to guest virtual addresses. See docs/memory-model.md.
 *
 *   0x0000_0000  never used: linear address 0 means "none"
 *   0x0000_1000  KernelHeader
 *   0x0000_8000  static data of the wasm run-time library (constants; written at module start)
 *   0x0001_0000  tables of the decoder (the same)
 *   0x0003_0000  vector constants of the rows (the same)
 *   0x0004_0000  CoreBlock x MAX_CORES
 *   0x0008_0000  run queue ring (u32 TCB addresses)
 *   0x000a_0000  kernel mailbox ring (u32 TCB addresses)
 *   0x000c_0000  frame reference counts (u32 per 4 KiB frame of the whole memory)
 *   HEAP_START   frames, TCBs, address-space tables, decoded code
 */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
export const MAX_CORES = 64;
/** 4 GiB less one wasm page, so that every byte count fits 32 bits. */
export const MAX_MEMORY_BYTES = 65535 * 65536;
export const MAX_FRAMES = MAX_MEMORY_BYTES / PAGE_SIZE;

export const KERNEL_HEADER = 0x1000;
export const RUNTIME_STATIC = 0x8000;
export const DECODER_STATIC = 0x1_0000;
export const VECTOR_TABLES = 0x3_0000;
export const RUNTIME_STATIC_END = 0x4_0000;
export const CORE_BLOCKS = 0x4_0000;
export const CORE_BLOCK_BYTES = 4096;
export const RUN_QUEUE = 0x8_0000;
export const RUN_QUEUE_SLOTS = 16384;
export const KERNEL_RING = 0xa_0000;
export const KERNEL_RING_SLOTS = 16384;
export const FRAME_REFS = 0xc_0000;
export const HEAP_START = FRAME_REFS + 4 * 1024 * 1024;

/**
 * Entries of the addend tables are `frame - guestPage - ADDEND_BIAS (mod 2^32)`; 0 means "leave the
 * fast path". Because of the bias no valid entry is 0. The access itself is
 * `load(va32 + entry, memarg.offset = ADDEND_BIAS)`.
 */
export const ADDEND_BIAS = 64;

/** Byte size of one flat table: a u32 for each 4 KiB page below 4 GiB. */
export const FLAT_TABLE_BYTES = 4 * 1024 * 1024;

/** Pages below 4 GiB, the only ones that flat tables know. */
export const LOW_PAGES = FLAT_TABLE_BYTES / 4;

/** Byte size of a map with a bit for each of those pages: bit `page & 31` of word `page >>> 5`. */
export const PAGE_MAP_BYTES = FLAT_TABLE_BYTES / 32;

const PAGE_MAPS = 3 * FLAT_TABLE_BYTES;
const SET_WORDS = PAGE_MAPS + 2 * PAGE_MAP_BYTES;

/**
 * A set of flat tables, by byte offset. `fresh` and `granted` are page maps: a fresh bit says that the core that writes to
 * the page may put a zeroed frame there, a granted bit that the kernel set the fresh one and has not looked since.
 * `filled` (i32): pages that cores have filled, modulo 2^32. `breakState` (u64): the program break, and how far cores may
 * move it. `windowVersion` (u32): odd while entries are withdrawn, so that cores make no windows of them. `blocks`: where
 * the frames of each 1,024 pages should lie (u32 linear address; 0 = anywhere). See docs/memory-model.md.
 */
export const FLAT_SET = {
  read: 0, write: FLAT_TABLE_BYTES, exec: 2 * FLAT_TABLE_BYTES,
  fresh: PAGE_MAPS, granted: PAGE_MAPS + PAGE_MAP_BYTES,
  filled: SET_WORDS, breakState: SET_WORDS + 8, windowVersion: SET_WORDS + 16,
  blocks: SET_WORDS + PAGE_SIZE,
} as const;
export const FLAT_SET_BYTES = FLAT_SET.blocks + PAGE_SIZE;
/** Pages of an entry of `blocks`. */
export const BLOCK_PAGES = 1024;
