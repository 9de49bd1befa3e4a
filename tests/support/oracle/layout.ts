/**
 * Records exchanged with oracle.c and the guest addresses of a case. oracle.c asserts the sizes.
 */
import { struct } from '@troupe/abi/layout/struct.js';

export const DATA_ADDR = 0x1000_0000;
export const DATA_BYTES = 8192;
/** First byte after the data pages: not mapped. */
export const GUARD_ADDR = DATA_ADDR + DATA_BYTES;
export const RO_ADDR = 0x1000_4000;
export const RO_BYTES = 4096;
export const CODE_ADDR = 0x2000_0000;
export const CODE_PAGES = 17;
/** Data and code pages appear once more, above 4 GiB, this far up. */
export const HIGH_OFFSET = 0x1_f000_0000;
/** The high data pages again, 16 pages on: the same place in a cache of 16 pages. */
export const HIGH_TWIN_DISTANCE = 0x1_0000;

export const FX_BYTES = 416;
export const PATCHES = 2;
export const PATCH_BYTES = 64;
export const MAX_CODE_BYTES = 32;
export const INLINE_DIFF_BYTES = 144;
export const BATCH_MAGIC = 0x31435249;
export const MAX_BATCH_CASES = 4096;

export const BatchHead = struct('batch_head', {
  magic: 'u32',
  count: 'u32',
  data: { bytes: DATA_BYTES, align: 1 },
  ro: { bytes: RO_BYTES, align: 1 },
  /** What the code pages hold apart from the code of the cases. */
  code: { bytes: CODE_PAGES * 4096, align: 1 },
});

export const Patch = struct('patch', {
  offset: 'u32',
  size: 'u32',
  bytes: { bytes: PATCH_BYTES, align: 1 },
});

/** Initial state of one case. `fx` is the start of an FXSAVE image (SDM Vol. 2A FXSAVE, 64-bit format). */
export const CaseIn = struct('case_in', {
  codeAddr: 'u32',
  codeSize: 'u32',
  code: { bytes: MAX_CODE_BYTES, align: 1 },
  rflags: 'u64',
  gpr: ['u64', 16],
  fsBase: 'u64',
  gsBase: 'u64',
  fx: { bytes: FX_BYTES, align: 1 },
  patches: { bytes: PATCHES * Patch.sizeBytes, align: 4 },
  /** 1: the code runs HIGH_OFFSET above codeAddr. */
  highCode: 'u32',
}, 768);

/** State after one case. `vector` is 3 (int3 after the code) when nothing went wrong. */
export const CaseOut = struct('case_out', {
  signo: 'u32',
  vector: 'u32',
  error: 'u32',
  siCode: 'u32',
  faultAddr: 'u64',
  rip: 'u64',
  rflags: 'u64',
  signalAddr: 'u64',
  gpr: ['u64', 16],
  fsBase: 'u64',
  gsBase: 'u64',
  fx: { bytes: FX_BYTES, align: 1 },
  diffStart: 'u32',
  diffEnd: 'u32',
  diffHash: 'u64',
  diff: { bytes: INLINE_DIFF_BYTES, align: 1 },
}, 768);

/** Byte offsets in an FXSAVE image. */
export const Fx = { fcw: 0, fsw: 2, ftw: 4, fop: 6, fip: 8, fdp: 16, mxcsr: 24, mxcsrMask: 28, st: 32, xmm: 160 } as const;

/** Signal that ends a case which ran for two timer ticks (SIGVTALRM). */
export const TIMEOUT_SIGNAL = 26;

/** FNV-1a over the changed bytes, as oracle.c computes it. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
