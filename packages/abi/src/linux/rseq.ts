/** Restartable sequences (rseq(2), <linux/rseq.h>). */
import { struct } from '../layout/struct.js';

/** The area of a thread; the first version of it has 32 bytes. */
export const RSEQ = struct('rseq', { cpuIdStart: 'u32', cpuId: 'u32', cs: 'u64', flags: 'u32', nodeId: 'u32', mmCid: 'u32' }, 32);
/** Bytes of the fields that the kernel keeps (AT_RSEQ_FEATURE_SIZE). */
export const RSEQ_FEATURE_BYTES = 28;
export const RSEQ_ALIGN = 32;
/** A critical section: [startIp, startIp + postCommitOffset) is left to abortIp when it is interrupted. */
export const RSEQ_CS = struct('rseq_cs', { version: 'u32', flags: 'u32', startIp: 'u64', postCommitOffset: 'u64', abortIp: 'u64' }, 32);
export const RSEQ_FLAG_UNREGISTER = 1;
/** cpu_id of an area that is not registered. */
export const RSEQ_CPU_ID_UNINITIALIZED = 0xffff_ffff;

/** What a thread registered. Plain data. */
export interface RseqRegistration {
  /** Guest address, below 4 GiB. */
  readonly addr: number;
  readonly sizeBytes: number;
  /** Stands in front of every abort handler. */
  readonly signature: number;
}
