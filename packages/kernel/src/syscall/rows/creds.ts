/** User and group ids, supplementary groups, capabilities (credentials(7), capabilities(7)). */
import { ALL_CAPABILITIES, Cap, Errno, NO_ID, hasOwnCap, type Credentials } from '@troupe/abi';
import { kernelGid, kernelUid, shownGid, shownPid, shownUid, taskWithPid } from '../../namespace/id-view.js';
import { SecureBit } from '../../task/capability-control.js';
import type { Task } from '../../task/task.js';
import { addr, inBuf, int, outBuf, uint, type SyscallRow } from '../row.js';

/** -1 as a 32-bit id: leave unchanged. */
const KEEP = NO_ID;

/** Capability changes when user ids change (capabilities(7), "Effect of user ID changes on capabilities"). */
function fixCapabilities(before: Credentials, after: Credentials): Credentials {
  if (after.securebits & SecureBit.NO_SETUID_FIXUP) return after;
  let { capEffective, capPermitted, capAmbient } = after;
  const root = after.userNamespace.uidOutside(0);
  const hadRoot = isAnyUid(before, root);
  const hasRoot = isAnyUid(after, root);
  if (hadRoot && !hasRoot) {
    if (!(after.securebits & SecureBit.KEEP_CAPS)) capPermitted = 0n;
    capEffective = 0n;
    capAmbient = 0n;
  }
  if (before.euid === root && after.euid !== root) capEffective = 0n;
  if (before.euid !== root && after.euid === root) capEffective = capPermitted;
  return { ...after, capEffective, capPermitted, capAmbient };
}

/** The task has these ids from now on. */
function commit(task: Task, after: Credentials): number {
  const before = task.creds;
  task.creds = after;
  task.kernel.processEvents.changedIds(task, before);
  return 0;
}

function setUids(task: Task, change: Partial<Pick<Credentials, 'uid' | 'euid' | 'suid' | 'fsuid'>>): number {
  const after = { ...task.creds, ...change };
  if (after.euid !== task.creds.euid) task.dumpable = 0;
  return commit(task, fixCapabilities(task.creds, after));
}

function isAnyUid(creds: Credentials, id: number): boolean {
  return id === creds.uid || id === creds.euid || id === creds.suid;
}

function isAnyGid(creds: Credentials, id: number): boolean {
  return id === creds.gid || id === creds.egid || id === creds.sgid;
}

/** The ids a call names, as the kernel knows them; null when one has no mapping (EINVAL). */
function mapped(task: Task, kind: 'uid' | 'gid', ids: readonly number[]): readonly number[] | null {
  const result = ids.map((id) => (kind === 'uid' ? kernelUid(task, id) : kernelGid(task, id)));
  return result.some((id, index) => id === NO_ID && ids[index] !== KEEP) ? null : result;
}

type SetIds = (task: Task, ...ids: number[]) => number;

/** Maps the arguments before the call looks at them. */
function mapping(kind: 'uid' | 'gid', set: SetIds): SetIds {
  return (task, ...raw) => {
    const ids = mapped(task, kind, raw.slice(0, set.length - 1));
    return ids === null ? -Errno.EINVAL : set(task, ...ids);
  };
}

function sysSetuid(task: Task, uid: number): number {
  if (uid === KEEP) return -Errno.EINVAL;
  if (hasOwnCap(task.creds, Cap.SETUID)) return setUids(task, { uid, euid: uid, suid: uid, fsuid: uid });
  if (uid !== task.creds.uid && uid !== task.creds.suid) return -Errno.EPERM;
  return setUids(task, { euid: uid, fsuid: uid });
}

function sysSetgid(task: Task, gid: number): number {
  if (gid === KEEP) return -Errno.EINVAL;
  const { creds } = task;
  if (hasOwnCap(creds, Cap.SETGID)) return commit(task, { ...creds, gid, egid: gid, sgid: gid, fsgid: gid });
  return gid === creds.gid || gid === creds.sgid ? commit(task, { ...creds, egid: gid, fsgid: gid }) : -Errno.EPERM;
}

function sysSetreuid(task: Task, ruid: number, euid: number): number {
  const { creds } = task;
  const privileged = hasOwnCap(creds, Cap.SETUID);
  if (!privileged && ruid !== KEEP && ruid !== creds.uid && ruid !== creds.euid) return -Errno.EPERM;
  if (!privileged && euid !== KEEP && !isAnyUid(creds, euid)) return -Errno.EPERM;
  const uid = ruid === KEEP ? creds.uid : ruid;
  const newEuid = euid === KEEP ? creds.euid : euid;
  const suid = ruid !== KEEP || (euid !== KEEP && euid !== creds.uid) ? newEuid : creds.suid;
  return setUids(task, { uid, euid: newEuid, suid, fsuid: newEuid });
}

function sysSetregid(task: Task, rgid: number, egid: number): number {
  const { creds } = task;
  const privileged = hasOwnCap(creds, Cap.SETGID);
  if (!privileged && rgid !== KEEP && rgid !== creds.gid && rgid !== creds.egid) return -Errno.EPERM;
  if (!privileged && egid !== KEEP && !isAnyGid(creds, egid)) return -Errno.EPERM;
  const gid = rgid === KEEP ? creds.gid : rgid;
  const newEgid = egid === KEEP ? creds.egid : egid;
  const sgid = rgid !== KEEP || (egid !== KEEP && egid !== creds.gid) ? newEgid : creds.sgid;
  return commit(task, { ...creds, gid, egid: newEgid, sgid, fsgid: newEgid });
}

function sysSetresuid(task: Task, ruid: number, euid: number, suid: number): number {
  const { creds } = task;
  if (!hasOwnCap(creds, Cap.SETUID) && [ruid, euid, suid].some((id) => id !== KEEP && !isAnyUid(creds, id))) return -Errno.EPERM;
  const newEuid = euid === KEEP ? creds.euid : euid;
  return setUids(task, { uid: ruid === KEEP ? creds.uid : ruid, euid: newEuid, suid: suid === KEEP ? creds.suid : suid, fsuid: newEuid });
}

function sysSetresgid(task: Task, rgid: number, egid: number, sgid: number): number {
  const { creds } = task;
  if (!hasOwnCap(creds, Cap.SETGID) && [rgid, egid, sgid].some((id) => id !== KEEP && !isAnyGid(creds, id))) return -Errno.EPERM;
  const newEgid = egid === KEEP ? creds.egid : egid;
  return commit(task, { ...creds, gid: rgid === KEEP ? creds.gid : rgid, egid: newEgid, sgid: sgid === KEEP ? creds.sgid : sgid, fsgid: newEgid });
}

function writeIds(task: Task, places: readonly number[], ids: readonly number[]): number {
  places.forEach((at, index) => task.mm.writeU32(at, ids[index]!));
  return 0;
}

function sysSetfsuid(task: Task, wanted: number): number {
  const fsuid = kernelUid(task, wanted);
  const old = task.creds.fsuid;
  if (fsuid !== KEEP && (hasOwnCap(task.creds, Cap.SETUID) || isAnyUid(task.creds, fsuid) || fsuid === old)) commit(task, { ...task.creds, fsuid });
  return shownUid(task, old);
}

function sysSetfsgid(task: Task, wanted: number): number {
  const fsgid = kernelGid(task, wanted);
  const old = task.creds.fsgid;
  if (fsgid !== KEEP && (hasOwnCap(task.creds, Cap.SETGID) || isAnyGid(task.creds, fsgid) || fsgid === old)) commit(task, { ...task.creds, fsgid });
  return shownGid(task, old);
}

const NGROUPS_MAX = 65536;

function sysGetgroups(task: Task, size: number, list: number): number {
  const { groups } = task.creds;
  if (size < 0) return -Errno.EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -Errno.EINVAL;
  groups.forEach((gid, index) => task.mm.writeU32(list + index * 4, shownGid(task, gid)));
  return groups.length;
}

function sysSetgroups(task: Task, size: number, list: number): number {
  const { gidMap, maySetGroups } = task.creds.userNamespace;
  if (!hasOwnCap(task.creds, Cap.SETGID) || !maySetGroups || gidMap.length === 0) return -Errno.EPERM;
  if (size < 0 || size > NGROUPS_MAX) return -Errno.EINVAL;
  const groups = mapped(task, 'gid', Array.from({ length: size }, (_, index) => task.mm.readU32(list + index * 4)));
  if (groups === null || groups.includes(NO_ID)) return -Errno.EINVAL;
  task.creds = { ...task.creds, groups };
  return 0;
}

const CAP_VERSION_1 = 0x1998_0330;
const CAP_VERSION_2 = 0x2007_1026;
const CAP_VERSION_3 = 0x2008_0522;

/** Number of 32-bit words per set for the header's version, or -EINVAL after storing the preferred version. */
function capWords(task: Task, header: number): number {
  const version = task.mm.readU32(header);
  if (version === CAP_VERSION_1) return 1;
  if (version === CAP_VERSION_2 || version === CAP_VERSION_3) return 2;
  task.mm.writeU32(header, CAP_VERSION_3);
  return -Errno.EINVAL;
}

function sysCapget(task: Task, header: number, data: number): number {
  const words = capWords(task, header);
  if (words < 0) return data === 0 ? 0 : words;
  const pid = task.mm.readI32(header + 4);
  const target = pid === 0 ? task : taskWithPid(task, pid);
  if (pid < 0) return -Errno.EINVAL;
  if (!target) return -Errno.ESRCH;
  if (data === 0) return 0;
  const sets = [target.creds.capEffective, target.creds.capPermitted, target.creds.capInheritable];
  for (let word = 0; word < words; word++) {
    sets.forEach((set, index) => task.mm.writeU32(data + word * 12 + index * 4, Number((set >> BigInt(word * 32)) & 0xffff_ffffn)));
  }
  return 0;
}

function sysCapset(task: Task, header: number, data: number): number {
  const words = capWords(task, header);
  if (words < 0) return words;
  const pid = task.mm.readI32(header + 4);
  if (pid !== 0 && pid !== shownPid(task, task.tid)) return -Errno.EPERM;
  const sets = [0n, 0n, 0n];
  for (let word = 0; word < words; word++) {
    for (let index = 0; index < 3; index++) sets[index]! |= BigInt(task.mm.readU32(data + word * 12 + index * 4)) << BigInt(word * 32);
  }
  const [effective, permitted, inheritable] = sets.map((set) => set & ALL_CAPABILITIES) as [bigint, bigint, bigint];
  const { creds } = task;
  if (permitted & ~creds.capPermitted || effective & ~permitted) return -Errno.EPERM;
  if (inheritable & ~(creds.capInheritable | creds.capPermitted) && !hasOwnCap(creds, Cap.SETPCAP)) return -Errno.EPERM;
  if (inheritable & ~(creds.capInheritable | creds.capBounding)) return -Errno.EPERM;
  task.creds = { ...creds, capEffective: effective, capPermitted: permitted, capInheritable: inheritable, capAmbient: creds.capAmbient & permitted & inheritable };
  return 0;
}

const CREDS = ['%creds'] as const;

export const rows: readonly SyscallRow[] = [
  { nr: 102, name: 'getuid', args: [], groups: CREDS, inCore: true, support: 'full', man: 'getuid(2)', handler: (task: Task) => shownUid(task, task.creds.uid) },
  { nr: 104, name: 'getgid', args: [], groups: CREDS, inCore: true, support: 'full', man: 'getgid(2)', handler: (task: Task) => shownGid(task, task.creds.gid) },
  { nr: 107, name: 'geteuid', args: [], groups: CREDS, inCore: true, support: 'full', man: 'geteuid(2)', handler: (task: Task) => shownUid(task, task.creds.euid) },
  { nr: 108, name: 'getegid', args: [], groups: CREDS, inCore: true, support: 'full', man: 'getegid(2)', handler: (task: Task) => shownGid(task, task.creds.egid) },
  { nr: 105, name: 'setuid', args: [uint('uid')], groups: CREDS, support: 'full', man: 'setuid(2)', handler: mapping('uid', sysSetuid) },
  { nr: 106, name: 'setgid', args: [uint('gid')], groups: CREDS, support: 'full', man: 'setgid(2)', handler: mapping('gid', sysSetgid) },
  { nr: 113, name: 'setreuid', args: [uint('ruid'), uint('euid')], groups: CREDS, support: 'full', man: 'setreuid(2)', handler: mapping('uid', sysSetreuid) },
  { nr: 114, name: 'setregid', args: [uint('rgid'), uint('egid')], groups: CREDS, support: 'full', man: 'setregid(2)', handler: mapping('gid', sysSetregid) },
  { nr: 117, name: 'setresuid', args: [uint('ruid'), uint('euid'), uint('suid')], groups: CREDS, support: 'full', man: 'setresuid(2)', handler: mapping('uid', sysSetresuid) },
  { nr: 119, name: 'setresgid', args: [uint('rgid'), uint('egid'), uint('sgid')], groups: CREDS, support: 'full', man: 'setresgid(2)', handler: mapping('gid', sysSetresgid) },
  { nr: 118, name: 'getresuid', args: [outBuf('ruid', 4), outBuf('euid', 4), outBuf('suid', 4)], groups: CREDS, support: 'full', man: 'getresuid(2)', handler: (task: Task, r: number, e: number, s: number) => writeIds(task, [r, e, s], [task.creds.uid, task.creds.euid, task.creds.suid].map((id) => shownUid(task, id))) },
  { nr: 120, name: 'getresgid', args: [outBuf('rgid', 4), outBuf('egid', 4), outBuf('sgid', 4)], groups: CREDS, support: 'full', man: 'getresgid(2)', handler: (task: Task, r: number, e: number, s: number) => writeIds(task, [r, e, s], [task.creds.gid, task.creds.egid, task.creds.sgid].map((id) => shownGid(task, id))) },
  { nr: 122, name: 'setfsuid', args: [uint('fsuid')], groups: CREDS, support: 'full', man: 'setfsuid(2)', handler: sysSetfsuid },
  { nr: 123, name: 'setfsgid', args: [uint('fsgid')], groups: CREDS, support: 'full', man: 'setfsgid(2)', handler: sysSetfsgid },
  { nr: 115, name: 'getgroups', args: [int('size'), addr('list')], groups: CREDS, support: 'full', man: 'getgroups(2)', handler: sysGetgroups },
  { nr: 116, name: 'setgroups', args: [int('size'), addr('list')], groups: CREDS, support: 'full', man: 'setgroups(2)', handler: sysSetgroups },
  { nr: 125, name: 'capget', args: [inBuf('hdrp', 8), addr('datap')], groups: CREDS, support: 'full', man: 'capget(2)', handler: sysCapget },
  { nr: 126, name: 'capset', args: [inBuf('hdrp', 8), addr('datap')], groups: CREDS, support: 'full', man: 'capset(2)', handler: sysCapset },
];
