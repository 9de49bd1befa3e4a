/** fcntl(2) commands and structs, flock(2) operations. */
import { struct } from '../layout/struct.js';

export const Fcntl = {
  F_DUPFD: 0, F_GETFD: 1, F_SETFD: 2, F_GETFL: 3, F_SETFL: 4, F_GETLK: 5, F_SETLK: 6, F_SETLKW: 7, F_SETOWN: 8, F_GETOWN: 9, F_SETSIG: 10, F_GETSIG: 11,
  F_SETOWN_EX: 15, F_GETOWN_EX: 16, F_OFD_GETLK: 36, F_OFD_SETLK: 37, F_OFD_SETLKW: 38,
  F_SETLEASE: 1024, F_GETLEASE: 1025, F_NOTIFY: 1026, F_DUPFD_QUERY: 1027, F_DUPFD_CLOEXEC: 1030, F_SETPIPE_SZ: 1031, F_GETPIPE_SZ: 1032, F_ADD_SEALS: 1033, F_GET_SEALS: 1034,
} as const;

export const FD_CLOEXEC = 1;
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;

/** struct flock of x86-64. */
export const FLOCK = struct('flock', { type: 'i16', whence: 'i16', start: 'i64', len: 'i64', pid: 'i32' }, 32);
/** struct f_owner_ex: who gets SIGIO. */
export const F_OWNER_EX = struct('f_owner_ex', { type: 'i32', pid: 'i32' }, 8);
export const F_OWNER_TID = 0;
export const F_OWNER_PID = 1;
export const F_OWNER_PGRP = 2;

export const LockOp = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

export const CLOSE_RANGE_UNSHARE = 2;
export const CLOSE_RANGE_CLOEXEC = 4;
