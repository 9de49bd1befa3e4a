import { struct } from './struct.js';
import { TCB } from './tcb.js';

/**
 * A run of guest pages, all present and writable, whose frames lie in the same order: guest address `va` is in it
 * when `va - start < bytes` (unsigned), and is then found at `va + entry` as with an entry of the write table, as is all
 * that is no further than WINDOW_SLACK_BYTES from it: `start` and `bytes` leave out so much at both ends, and the last
 * bytes, so that accesses of up to WINDOW_ACCESS_BYTES never reach beyond. `bytes` 0 = no window.
 */
export const MemoryWindow = struct('MemoryWindow', { start: 'u64', bytes: 'u64', entry: 'u32', pad: 'u32' }, 24);

export const WINDOW_ACCESS_BYTES = 16;
export const WINDOW_SLACK_BYTES = 512;

/** Windows of a task (TCB.windows): program data with the heap behind it, mappings, the stack. 0 stands for none. */
export const WindowKind = { DATA: 1, MAPPINGS: 2, STACK: 3 } as const;
export type WindowKind = (typeof WindowKind)[keyof typeof WindowKind];

/** Offset in the TCB. */
export function windowOffset(kind: WindowKind): number {
  return TCB.off.windows + (kind - 1) * MemoryWindow.sizeBytes;
}

/** Pages below are of programs and their heaps; those from there on of mappings, up to the stack. */
const MAPPINGS_PAGE = 0x7_0000;
const STACK_PAGE = 0xf_0000;

/** Window that a page may be in. The stack's is elsewhere when the stack pointer is. */
export function windowOfPage(page: number): WindowKind {
  return page < MAPPINGS_PAGE ? WindowKind.DATA : page < STACK_PAGE ? WindowKind.MAPPINGS : WindowKind.STACK;
}
