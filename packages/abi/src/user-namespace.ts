/**
 * User namespaces: ids as their members see them, and capabilities over what they own
 * (user_namespaces(7); auth.UserNamespace of the seed). Ids in the rest of the kernel are those of
 * the first namespace; they are mapped where they meet programs.
 *
 * Owns: the maps, written once each (/proc/pid/uid_map, gid_map), and whether setgroups(2) may be used.
 */

import { ROOT_NAMESPACE_INODES } from './linux/namespaces.js';

/** ids [inside, inside + count) of the namespace stand for [outside, …) of the first namespace. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** No id (uid_t) -1. */
export const NO_ID = 0xffff_ffff;
/** Shown in place of an id that has no mapping (/proc/sys/kernel/overflowuid). */
export const OVERFLOW_ID = 65534;
export const MAX_USER_NAMESPACE_DEPTH = 32;

const EVERYTHING: readonly IdRange[] = [{ inside: 0, outside: 0, count: NO_ID }];
const FIRST_INODE = ROOT_NAMESPACE_INODES.user;

/** An id of the namespace as the kernel knows it; NO_ID when unmapped. */
function idOutside(map: readonly IdRange[], id: number): number {
  for (const { count, inside, outside } of map) if (id >= inside && id - inside < count) return outside + (id - inside);
  return NO_ID;
}

function idInside(map: readonly IdRange[], id: number): number {
  for (const { count, inside, outside } of map) if (id >= outside && id - outside < count) return inside + (id - outside);
  return NO_ID;
}

export class UserNamespace {
  /** Empty until written. */
  uidMap: readonly IdRange[];
  gidMap: readonly IdRange[];
  /** /proc/pid/setgroups. */
  maySetGroups: boolean;
  readonly level: number;

  /** Without a parent: the first namespace, where every id is itself. */
  constructor(readonly parent: UserNamespace | null = null, readonly ownerUid = 0, readonly ownerGid = 0, readonly inode: number = FIRST_INODE) {
    this.uidMap = parent === null ? EVERYTHING : [];
    this.gidMap = parent === null ? EVERYTHING : [];
    this.maySetGroups = parent?.maySetGroups ?? true;
    this.level = parent === null ? 0 : parent.level + 1;
  }

  get isFirst(): boolean {
    return this.parent === null;
  }

  /** The first namespaces of two kernels count as one: they have no state. */
  is(other: UserNamespace): boolean {
    return this === other || (this.isFirst && other.isFirst);
  }

  /** The namespace itself or one below it. */
  contains(other: UserNamespace): boolean {
    for (let at: UserNamespace | null = other; at !== null; at = at.parent) if (this.is(at)) return true;
    return false;
  }

  uidOutside(uid: number): number {
    return this.isFirst ? uid : idOutside(this.uidMap, uid);
  }

  gidOutside(gid: number): number {
    return this.isFirst ? gid : idOutside(this.gidMap, gid);
  }

  uidInside(uid: number): number {
    return this.isFirst ? uid : idInside(this.uidMap, uid);
  }

  gidInside(gid: number): number {
    return this.isFirst ? gid : idInside(this.gidMap, gid);
  }

  /** As stat(2) and getuid(2) show it. */
  shownUid(uid: number): number {
    const inside = this.uidInside(uid);
    return inside === NO_ID ? OVERFLOW_ID : inside;
  }

  shownGid(gid: number): number {
    const inside = this.gidInside(gid);
    return inside === NO_ID ? OVERFLOW_ID : inside;
  }
}

/** The first user namespace, for credentials that are made without a kernel. */
export const FIRST_USER_NAMESPACE = new UserNamespace();
