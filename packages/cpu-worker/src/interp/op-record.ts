/**
 * A pre-decoded instruction in shared memory: 32 bytes, written once by the decoder (except `link` and the window).
 * It holds no guest address, so that all address spaces that map the frame share it.
 *
 *    0 u16 handler   index of the interpreter's handler
 *    2 u16 place     offset in the page | length << 12
 *    4 u16 reg0      first, second, third register operand, as byte offset in the TCB
 *    6 u16 reg1
 *    8 u16 base      base and index register of the memory operand, as byte offset in the TCB
 *   10 u16 index       (TCB.zero when absent, TCB.pcBase for rip)
 *   12 u8  scale     log2
 *   13 u8  wrap32    bit 0: effective address is cut to 32 bits (67 prefix); above: window of the operand
 *                    (WindowKind or NO_WINDOW; 0 = not seen), written by cores while they sample
 *   14 u16 segment   byte offset of fsBase, gsBase or zero in the TCB
 *   16 i32 disp
 *   20 u32 link      direct jump: linear address of the target op in the same page, 0 = unknown
 *   20 u16 reg2      (instructions with three registers never jump)
 *   24 u64 imm       immediate; direct jump: target relative to the start of the page
 *   28 u32 imm1      second immediate
 */
export const OP = { handler: 0, place: 2, reg: [4, 6, 20], base: 8, index: 10, scale: 12, wrap32: 13, segment: 14, disp: 16, link: 20, imm: 24, imm1: 28 } as const;
export const OP_BYTES = 32;
/** The operand was in no window. */
export const NO_WINDOW = 7;
export const WINDOW_SHIFT = 1;
export const OP_SHIFT = 5;

/**
 * Decoded code of one frame: header, then the op address of each byte offset (u32, 0 = not decoded),
 * then the first ops; further ops in chunks.
 */
export const CODE_PAGE = {
  /** Frame this is the code of. */
  frame: 0,
  /** Changes when the page is invalidated: guards of straddling instructions compare it. */
  generation: 4,
  lock: 8,
  /** Next free op and end of the chunk it is in. */
  cursor: 12,
  limit: 16,
  /** Last chunk: its first word links to the one before. */
  chunk: 20,
  opCount: 24,
  index: 64,
} as const;
/** Header, index and the first ops: five frames. */
export const CODE_PAGE_BYTES = 20480;
export const CODE_PAGE_OPS = CODE_PAGE.index + 4096 * 4;
