/** Inode numbers of the first namespaces (linux/proc_ns.h), as /proc/pid/ns shows them, and of the next ones. */
export const ROOT_NAMESPACE_INODES = {
  cgroup: 4026531835, ipc: 4026531839, mnt: 4026531841, net: 4026531840, pid: 4026531836, time: 4026531834, user: 4026531837, uts: 4026531838,
} as const;

export type NamespaceKind = keyof typeof ROOT_NAMESPACE_INODES;

/** The number of the first namespace that a program makes. */
export const FIRST_FREE_NAMESPACE_INODE = 4026532200;
