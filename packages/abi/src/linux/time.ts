/** Clock ids (clock_gettime(2)), timer flags and itimers. */
export const ClockId = { REALTIME: 0, MONOTONIC: 1, PROCESS_CPUTIME: 2, THREAD_CPUTIME: 3, MONOTONIC_RAW: 4, REALTIME_COARSE: 5, MONOTONIC_COARSE: 6, BOOTTIME: 7, REALTIME_ALARM: 8, BOOTTIME_ALARM: 9, TAI: 11 } as const;
export const TIMER_ABSTIME = 1;
export const Itimer = { REAL: 0, VIRTUAL: 1, PROF: 2 } as const;
export const SigevNotify = { SIGNAL: 0, NONE: 1, THREAD: 2, THREAD_ID: 4 } as const;
export const NS_PER_SEC = 1_000_000_000;
/** Kernel tick as userspace sees it (sysconf(_SC_CLK_TCK) = 100). */
export const CLOCK_TICK_NS = 10_000_000;
