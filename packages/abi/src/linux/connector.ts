/** The netlink connector and its process events (linux/connector.h, linux/cn_proc.h). */
import { struct } from '../layout/struct.js';

/** struct cn_msg, before its data. */
export const CN_MSG = struct('cn_msg', { idx: 'u32', val: 'u32', seq: 'u32', ack: 'u32', len: 'u16', flags: 'u16' }, 20);
export const CONNECTOR_MAX_MSG_BYTES = 16384;
export const CN_IDX_PROC = 1;
export const CN_VAL_PROC = 1;
/** enum proc_cn_mcast_op. */
export const ProcMulticast = { LISTEN: 1, IGNORE: 2 } as const;

/** struct proc_event; `data` is a union. */
export const PROC_EVENT = struct('proc_event', { what: 'u32', cpu: 'u32', timestampNs: 'u64', data: { bytes: 24, align: 8 } }, 40);
export const ProcEvent = {
  NONE: 0, FORK: 1, EXEC: 2, UID: 4, GID: 0x40, SID: 0x80, PTRACE: 0x100, COMM: 0x200, COREDUMP: 0x4000_0000, EXIT: 0x8000_0000,
} as const;
