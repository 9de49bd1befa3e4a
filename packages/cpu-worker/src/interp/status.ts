/** What a cold handler returns to the main loop. */
export const Status = {
  NEXT: 0,
  /** Jump to TCB.rip. */
  JUMP: 1,
  /** An exception was raised at this instruction; nothing has changed. */
  FAULT: 2,
  /** Run this instruction again after a poll. */
  AGAIN: 3,
  /** Leave with Trap.EXCEPTION, rip already set. */
  LEAVE: 4,
  /** Leave with Trap.SYSCALL, rip already set. */
  SYSCALL: 5,
  /** The instruction after this op may run; this op is none (Special.GUARD). */
  GUARD: 6,
  /** The instruction must be decoded anew. */
  DECODE: 7,
  /** Jump to TCB.rip, by no instruction (Special.CHAIN). */
  CHAIN: 8,
} as const;
