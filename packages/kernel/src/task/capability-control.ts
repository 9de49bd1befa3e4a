/** Bounding and ambient sets, securebits (capabilities(7), prctl(2)). */
import { Cap, Errno, hasOwnCap } from '@troupe/abi';
import type { Task } from './task.js';

export const LAST_CAPABILITY = 40;

/** Each bit has a lock bit beside it, which keeps it as it is for ever. */
export const SecureBit = { NOROOT: 1, NOROOT_LOCKED: 2, NO_SETUID_FIXUP: 4, NO_SETUID_FIXUP_LOCKED: 8, KEEP_CAPS: 16, KEEP_CAPS_LOCKED: 32, NO_CAP_AMBIENT_RAISE: 64, NO_CAP_AMBIENT_RAISE_LOCKED: 128 } as const;
const ALL_LOCKS = SecureBit.NOROOT_LOCKED | SecureBit.NO_SETUID_FIXUP_LOCKED | SecureBit.KEEP_CAPS_LOCKED | SecureBit.NO_CAP_AMBIENT_RAISE_LOCKED;
const ALL_BITS = ALL_LOCKS | (ALL_LOCKS >> 1);

export function hasSecureBit(task: Task, bit: number): boolean {
  return (task.creds.securebits & bit) !== 0;
}

export function setSecureBits(task: Task, bits: number): number {
  const { securebits } = task.creds;
  const locked = (securebits & ALL_LOCKS) >> 1;
  if ((locked & (securebits ^ bits)) !== 0 || (securebits & ALL_LOCKS & ~bits) !== 0 || (bits & ~ALL_BITS) !== 0) return -Errno.EPERM;
  if (!hasOwnCap(task.creds, Cap.SETPCAP)) return -Errno.EPERM;
  task.creds = { ...task.creds, securebits: bits };
  return 0;
}

/** PR_SET_KEEPCAPS: permitted capabilities survive the loss of the last root id; until the next execve. */
export function setKeepCapabilities(task: Task, value: number): number {
  if (value > 1) return -Errno.EINVAL;
  if (hasSecureBit(task, SecureBit.KEEP_CAPS_LOCKED)) return -Errno.EPERM;
  const { securebits } = task.creds;
  task.creds = { ...task.creds, securebits: value === 1 ? securebits | SecureBit.KEEP_CAPS : securebits & ~SecureBit.KEEP_CAPS };
  return 0;
}

export function dropBounding(task: Task, cap: number): number {
  if (!hasOwnCap(task.creds, Cap.SETPCAP)) return -Errno.EPERM;
  if (cap > LAST_CAPABILITY) return -Errno.EINVAL;
  task.creds = { ...task.creds, capBounding: task.creds.capBounding & ~(1n << BigInt(cap)) };
  return 0;
}

const Ambient = { IS_SET: 1, RAISE: 2, LOWER: 3, CLEAR_ALL: 4 } as const;

/** PR_CAP_AMBIENT. */
export function changeAmbient(task: Task, operation: number, cap: number, arg4: number, arg5: number): number {
  if (arg4 !== 0 || arg5 !== 0) return -Errno.EINVAL;
  const { creds } = task;
  if (operation === Ambient.CLEAR_ALL) {
    if (cap !== 0) return -Errno.EINVAL;
    task.creds = { ...creds, capAmbient: 0n };
    return 0;
  }
  if (cap > LAST_CAPABILITY) return -Errno.EINVAL;
  const bit = 1n << BigInt(cap);
  if (operation === Ambient.IS_SET) return (creds.capAmbient & bit) === 0n ? 0 : 1;
  if (operation !== Ambient.RAISE && operation !== Ambient.LOWER) return -Errno.EINVAL;
  const mayRaise = (creds.capPermitted & creds.capInheritable & bit) !== 0n && !hasSecureBit(task, SecureBit.NO_CAP_AMBIENT_RAISE);
  if (operation === Ambient.RAISE && !mayRaise) return -Errno.EPERM;
  task.creds = { ...creds, capAmbient: operation === Ambient.RAISE ? creds.capAmbient | bit : creds.capAmbient & ~bit };
  return 0;
}
