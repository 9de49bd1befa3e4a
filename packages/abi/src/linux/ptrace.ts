/** ptrace(2): requests, options, events, register sets (include/uapi/linux/ptrace.h, elf.h). */
export const Ptrace = {
  TRACEME: 0, PEEKTEXT: 1, PEEKDATA: 2, PEEKUSER: 3, POKETEXT: 4, POKEDATA: 5, POKEUSER: 6, CONT: 7, KILL: 8, SINGLESTEP: 9,
  GETREGS: 12, SETREGS: 13, GETFPREGS: 14, SETFPREGS: 15, ATTACH: 16, DETACH: 17, SYSCALL: 24, ARCH_PRCTL: 30, SYSEMU: 31, SYSEMU_SINGLESTEP: 32,
  SETOPTIONS: 0x4200, GETEVENTMSG: 0x4201, GETSIGINFO: 0x4202, SETSIGINFO: 0x4203, GETREGSET: 0x4204, SETREGSET: 0x4205,
  SEIZE: 0x4206, INTERRUPT: 0x4207, LISTEN: 0x4208, PEEKSIGINFO: 0x4209, GETSIGMASK: 0x420a, SETSIGMASK: 0x420b,
  SECCOMP_GET_FILTER: 0x420c, GET_SYSCALL_INFO: 0x420e,
} as const;

/** PTRACE_O_*: bit n of an event option is 1 << PtraceEvent.n. */
export const PtraceOption = {
  TRACESYSGOOD: 1, TRACEFORK: 2, TRACEVFORK: 4, TRACECLONE: 8, TRACEEXEC: 0x10, TRACEVFORKDONE: 0x20, TRACEEXIT: 0x40, TRACESECCOMP: 0x80,
  EXITKILL: 0x10_0000, SUSPEND_SECCOMP: 0x20_0000,
} as const;
export const PTRACE_OPTION_MASK = 0x30_00ff;

export const PtraceEvent = { FORK: 1, VFORK: 2, CLONE: 3, EXEC: 4, VFORK_DONE: 5, EXIT: 6, SECCOMP: 7, STOP: 128 } as const;

/** PTRACE_GETEVENTMSG in a system call stop. */
export const PTRACE_EVENTMSG_SYSCALL_ENTRY = 1;
export const PTRACE_EVENTMSG_SYSCALL_EXIT = 2;

/** op of struct ptrace_syscall_info. */
export const SyscallInfoOp = { NONE: 0, ENTRY: 1, EXIT: 2, SECCOMP: 3 } as const;

/** Types of register sets. */
export const RegSet = { PRSTATUS: 1, PRFPREG: 2, X86_XSTATE: 0x202 } as const;

/** PTRACE_PEEKSIGINFO: the process's queue instead of the thread's. */
export const PEEKSIGINFO_SHARED = 1;

/** AUDIT_ARCH_X86_64: architecture in seccomp_data, SIGSYS and ptrace_syscall_info. */
export const AUDIT_ARCH_X86_64 = 0xc000_003e;
