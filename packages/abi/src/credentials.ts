/** Identity and privileges of a task (credentials(7), capabilities(7)). Immutable: changes make a new object. Ids are those of the first user namespace. */
import { FIRST_USER_NAMESPACE, NO_ID, type UserNamespace } from './user-namespace.js';

export interface Credentials {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly capEffective: bigint;
  readonly capPermitted: bigint;
  readonly capInheritable: bigint;
  readonly capBounding: bigint;
  readonly capAmbient: bigint;
  readonly securebits: number;
  /** Where the capabilities count. */
  readonly userNamespace: UserNamespace;
}

export const ALL_CAPABILITIES = (1n << 41n) - 1n;

export function rootCredentials(): Credentials {
  return userCredentials(0, 0, []);
}

/** Credentials of a fresh login: uid 0 has every capability, others none. */
export function userCredentials(uid: number, gid: number, groups: readonly number[]): Credentials {
  const caps = uid === 0 ? ALL_CAPABILITIES : 0n;
  return {
    uid, euid: uid, suid: uid, fsuid: uid, gid, egid: gid, sgid: gid, fsgid: gid, groups,
    capEffective: caps, capPermitted: caps, capInheritable: 0n, capBounding: ALL_CAPABILITIES, capAmbient: 0n, securebits: 0, userNamespace: FIRST_USER_NAMESPACE,
  };
}

/** Capability numbers (capabilities(7)). */
export const Cap = { CHOWN: 0, DAC_OVERRIDE: 1, DAC_READ_SEARCH: 2, FOWNER: 3, FSETID: 4, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8, NET_ADMIN: 12, IPC_LOCK: 14, IPC_OWNER: 15, SYS_CHROOT: 18, SYS_PTRACE: 19, SYS_ADMIN: 21, SYS_NICE: 23, SYS_RESOURCE: 24, SYS_TIME: 25, SYS_TTY_CONFIG: 26, MKNOD: 27, SYSLOG: 34 } as const;

const holds = (creds: Credentials, cap: number): boolean => (creds.capEffective >> BigInt(cap)) % 2n === 1n;

/** A capability over the whole system: only those of the first user namespace count (capable of Linux). */
export function hasCap(creds: Credentials, cap: number): boolean {
  return creds.userNamespace.isFirst && holds(creds, cap);
}

/** A capability over what the caller's own user namespace owns. */
export function hasOwnCap(creds: Credentials, cap: number): boolean {
  return holds(creds, cap);
}

/**
 * A capability over what `target` owns (user_namespaces(7), "Capabilities"): held in that namespace or
 * one above it; the owner of a namespace has all of them in it.
 */
export function hasCapIn(creds: Credentials, target: UserNamespace, cap: number): boolean {
  for (let at: UserNamespace | null = target; at !== null; at = at.parent) {
    if (at.is(creds.userNamespace)) return holds(creds, cap);
    if (at.level <= creds.userNamespace.level) return false;
    if (at.parent?.is(creds.userNamespace) && at.ownerUid === creds.euid) return true;
  }
  return false;
}

/** A capability over a file: its ids must be mapped in the caller's user namespace (capable_wrt_inode_uidgid of Linux). */
export function hasCapOver(creds: Credentials, file: { readonly uid: number; readonly gid: number }, cap: number): boolean {
  const { userNamespace } = creds;
  return holds(creds, cap) && (userNamespace.isFirst || (userNamespace.uidInside(file.uid) !== NO_ID && userNamespace.gidInside(file.gid) !== NO_ID));
}
