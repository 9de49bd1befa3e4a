/** Owner and mode of System V objects, and who may use them (sysvipc(7), "Access control"). */
import { Cap, Errno, IPC_PERM_BYTES, hasCapIn } from '@troupe/abi';
import type { Task } from '../task/task.js';

/** struct ipc_perm without the key and the sequence number, which the table knows. */
export interface IpcPermission {
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  /** Permission bits and state bits (SHM_DEST, SHM_LOCKED). */
  mode: number;
}

export const Wants = { READ: 0o444, WRITE: 0o222, EXEC: 0o111 } as const;

export function newPermission(task: Task, flags: number): IpcPermission {
  const { euid, egid } = task.creds;
  return { uid: euid, gid: egid, cuid: euid, cgid: egid, mode: flags & 0o777 };
}

/** 0 or -EACCES. `wanted`: permission bits of any of the three classes. */
export function checkIpcAccess(task: Task, permission: IpcPermission, wanted: number): number {
  const { creds } = task;
  const { cgid, cuid, gid, mode, uid } = permission;
  const asked = (wanted >> 6) | (wanted >> 3) | wanted;
  const isMember = (id: number): boolean => creds.egid === id || creds.groups.includes(id);
  const granted = creds.euid === cuid || creds.euid === uid ? mode >> 6 : isMember(cgid) || isMember(gid) ? mode >> 3 : mode;
  return (asked & ~granted & 7) === 0 || hasCapIn(creds, task.namespaces.ipc.userNamespace, Cap.IPC_OWNER) ? 0 : -Errno.EACCES;
}

/** IPC_SET and IPC_RMID: creator, owner, or CAP_SYS_ADMIN. 0 or -EPERM. */
export function checkIpcOwner(task: Task, { cuid, uid }: IpcPermission): number {
  const { creds } = task;
  return creds.euid === cuid || creds.euid === uid || hasCapIn(creds, task.namespaces.ipc.userNamespace, Cap.SYS_ADMIN) ? 0 : -Errno.EPERM;
}

/** struct ipc64_perm at the start of a *id_ds struct. */
export function writePermission(bytes: Buffer, key: number, id: number, permission: IpcPermission): void {
  const { cgid, cuid, gid, mode, uid } = permission;
  bytes.writeInt32LE(key, 0);
  [uid, gid, cuid, cgid, mode].forEach((value, index) => bytes.writeUInt32LE(value, 4 + index * 4));
  bytes.writeUInt16LE((id >>> 15) & 0xffff, 24);
}

/** The part of struct ipc64_perm that IPC_SET takes over. 0 or -EINVAL. */
export function applyPermission(task: Task, at: number, permission: IpcPermission): number {
  const bytes = Buffer.from(task.mm.copyIn(at, IPC_PERM_BYTES));
  permission.uid = bytes.readUInt32LE(4);
  permission.gid = bytes.readUInt32LE(8);
  permission.mode = (permission.mode & ~0o777) | (bytes.readUInt32LE(20) & 0o777);
  return 0;
}
