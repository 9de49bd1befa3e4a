/**
 * Where things go in a guest address space. Everything the kernel may place freely lies below
 * 4 GiB, where the flat tables reach; no address-space randomisation, so that decoded code and page
 * tables of one process fit the next one.
 */
/** End of user addresses (47 bits, less the guard page Linux keeps). */
export const TASK_SIZE = 0x7fff_ffff_f000;
export const LOW_END = 0x1_0000_0000;
/** /proc/sys/vm/mmap_min_addr. */
export const MMAP_MIN_ADDR = 0x1_0000;
/** mmap(2) without a fixed address searches downwards from here. */
export const MMAP_TOP = 0xf000_0000;
/** The same for private anonymous writable memory, so that it lies together (address-windows.ts). */
export const HEAPS_TOP = 0xe000_0000;
/** Requests that do not fit below 4 GiB are placed downwards from here. */
export const HIGH_MMAP_TOP = 0x7f00_0000_0000;
/** Base of position-independent executables. */
export const PIE_BASE = 0x5555_5000;
/** Highest stack address + 1. */
export const STACK_TOP = 0xff00_0000;
/** Pages kept free below a growing stack (stack_guard_gap). */
export const STACK_GUARD_BYTES = 256 * 4096;
/** Where vvar and vDSO go. */
export const VDSO_BASE = 0xff10_0000;
/** /proc/sys/vm/max_map_count. */
export const MAX_MAP_COUNT = 65530;
/** MAP_32BIT searches this range. */
export const BIT32_LOW = 0x4000_0000;
export const BIT32_HIGH = 0x8000_0000;
