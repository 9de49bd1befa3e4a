/** System V and POSIX message queue constants and struct layouts (sysvipc(7), mq_overview(7)), x86-64. */

export const IPC_PRIVATE = 0;

/** Flags of shmget, semget, msgget above the permission bits. */
export const IpcFlag = { CREAT: 0o1000, EXCL: 0o2000, NOWAIT: 0o4000 } as const;

/** Commands that shmctl, semctl and msgctl share. */
export const IpcCommand = { RMID: 0, SET: 1, STAT: 2, INFO: 3 } as const;
export const ShmCommand = { LOCK: 11, UNLOCK: 12, STAT: 13, INFO: 14, STAT_ANY: 15 } as const;
export const SemCommand = { GETPID: 11, GETVAL: 12, GETALL: 13, GETNCNT: 14, GETZCNT: 15, SETVAL: 16, SETALL: 17, STAT: 18, INFO: 19, STAT_ANY: 20 } as const;
export const MsgCommand = { STAT: 11, INFO: 12, STAT_ANY: 13 } as const;

/** Flags of shmget and shmat, state bits in shm_perm.mode. */
export const Shm = { HUGETLB: 0o4000, NORESERVE: 0o10000, RDONLY: 0o10000, RND: 0o20000, REMAP: 0o40000, EXEC: 0o100000, DEST: 0o1000, LOCKED: 0o2000 } as const;
export const SEM_UNDO = 0x1000;
/** Flags of msgrcv. */
export const MsgFlag = { NOERROR: 0o10000, EXCEPT: 0o20000, COPY: 0o40000 } as const;

/** Sizes of the structs that the calls exchange. */
export const IPC_PERM_BYTES = 48;
export const SHMID_DS_BYTES = 112;
export const SEMID_DS_BYTES = 104;
export const MSQID_DS_BYTES = 120;
/** struct sembuf: sem_num u16, sem_op i16, sem_flg i16. */
export const SEMBUF_BYTES = 6;

/** Limits of the kernel (semget(2), semctl(2)): largest value, most operations per call. */
export const SEM_VALUE_MAX = 32767;
