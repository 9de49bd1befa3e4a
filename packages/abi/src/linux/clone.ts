/** Flags of clone(2), clone3(2), unshare(2). */
export const Clone = {
  CSIGNAL: 0xff,
  NEWTIME: 0x80,
  VM: 0x100, FS: 0x200, FILES: 0x400, SIGHAND: 0x800, PIDFD: 0x1000, PTRACE: 0x2000, VFORK: 0x4000, PARENT: 0x8000,
  THREAD: 0x1_0000, NEWNS: 0x2_0000, SYSVSEM: 0x4_0000, SETTLS: 0x8_0000, PARENT_SETTID: 0x10_0000,
  CHILD_CLEARTID: 0x20_0000, DETACHED: 0x40_0000, UNTRACED: 0x80_0000, CHILD_SETTID: 0x100_0000,
  NEWCGROUP: 0x200_0000, NEWUTS: 0x400_0000, NEWIPC: 0x800_0000, NEWUSER: 0x1000_0000, NEWPID: 0x2000_0000,
  NEWNET: 0x4000_0000, IO: 0x8000_0000,
  /** clone3 only (bits above 32). */
  CLEAR_SIGHAND: 0x1_0000_0000, INTO_CGROUP: 0x2_0000_0000,
} as const;

/** struct clone_args: sizes of its published versions. */
export const CLONE_ARGS_SIZE_VER0 = 64;
export const CLONE_ARGS_SIZE_VER2 = 88;

export interface CloneArgs {
  /** Clone flags without the exit signal; may exceed 32 bits. */
  readonly flags: number;
  readonly pidfdAddr: number;
  readonly childTidAddr: number;
  readonly parentTidAddr: number;
  readonly exitSignal: number;
  /** Initial rsp of the child; 0 = the parent's. */
  readonly stackPointer: number;
  readonly tls: number;
  readonly setTid: readonly number[];
}
