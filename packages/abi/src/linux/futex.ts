/** futex(2) operations and flags. */
export const Futex = {
  WAIT: 0, WAKE: 1, FD: 2, REQUEUE: 3, CMP_REQUEUE: 4, WAKE_OP: 5, LOCK_PI: 6, UNLOCK_PI: 7, TRYLOCK_PI: 8,
  WAIT_BITSET: 9, WAKE_BITSET: 10, WAIT_REQUEUE_PI: 11, CMP_REQUEUE_PI: 12, LOCK_PI2: 13,
  PRIVATE_FLAG: 128, CLOCK_REALTIME: 256, BITSET_MATCH_ANY: 0xffff_ffff,
} as const;

/** Bits of a robust or PI futex word. */
export const FutexWord = { WAITERS: 0x8000_0000, OWNER_DIED: 0x4000_0000, TID_MASK: 0x3fff_ffff } as const;
