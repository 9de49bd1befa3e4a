/** seccomp(2), seccomp_unotify(2), classic BPF (include/uapi/linux/{seccomp,bpf_common}.h). */
export const SeccompOp = { SET_MODE_STRICT: 0, SET_MODE_FILTER: 1, GET_ACTION_AVAIL: 2, GET_NOTIF_SIZES: 3 } as const;
export const SeccompMode = { DISABLED: 0, STRICT: 1, FILTER: 2 } as const;
export const SeccompFlag = { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4, NEW_LISTENER: 8, TSYNC_ESRCH: 0x10, WAIT_KILLABLE_RECV: 0x20 } as const;
export const SECCOMP_FLAG_MASK = 0x3f;

/** Upper half of what a filter returns: in order of precedence when read as signed numbers. */
export const SeccompAction = {
  KILL_PROCESS: 0x8000_0000 | 0, KILL_THREAD: 0, TRAP: 0x3_0000, ERRNO: 0x5_0000,
  USER_NOTIF: 0x7fc0_0000, TRACE: 0x7ff0_0000, LOG: 0x7ffc_0000, ALLOW: 0x7fff_0000,
} as const;
export const SECCOMP_ACTION_MASK = 0xffff_0000 | 0;
export const SECCOMP_DATA_MASK = 0xffff;
/** struct seccomp_data: s32 nr, u32 arch, u64 ip, u64 args[6]. */
export const SECCOMP_DATA_BYTES = 64;

/** Requests of a notification descriptor. */
export const SeccompIoctl = { RECV: 0xc050_2100, SEND: 0xc018_2101, ID_VALID: 0x4008_2102, ID_VALID_WRONG_DIRECTION: 0x8008_2102, ADDFD: 0x4018_2103, SET_FLAGS: 0x4008_2104 } as const;
export const SECCOMP_NOTIF_BYTES = 80;
export const SECCOMP_NOTIF_RESP_BYTES = 24;
export const SECCOMP_NOTIF_ADDFD_BYTES = 24;
/** flags of struct seccomp_notif_resp and seccomp_notif_addfd. */
export const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;
export const SeccompAddFd = { SETFD: 1, SEND: 2 } as const;

export const BPF_MAXINSNS = 4096;
export const BPF_MEMWORDS = 16;
