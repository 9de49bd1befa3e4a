/** Ancillary data in guest memory (cmsg(3), unix(7) SCM_RIGHTS and SCM_CREDENTIALS). */
import { Af, CMSGHDR, Cap, Errno, ErrnoError, NO_ID, O_PATH, SCM_MAX_FD, SOL_SOCKET, Scm, UCRED, cmsgSpaceBytes, hasOwnCap } from '@troupe/abi';
import type { FileDescription, IncomingMessage, Socket, SocketCredentials } from '@troupe/vfs';
import { installFile } from '../fdtable.js';
import { kernelGid, kernelPid, kernelUid, shownGid, shownPid, shownUid } from '../namespace/id-view.js';
import type { Task } from '../task/task.js';

export interface OutgoingControl {
  readonly rights: readonly FileDescription[];
  readonly credentials: SocketCredentials;
}

export function credentialsOf(task: Task): SocketCredentials {
  return { pid: task.group.tgid, uid: task.creds.euid, gid: task.creds.egid };
}

/** Parses msg_control of sendmsg(2). */
export function readControl(task: Task, socket: Socket, at: number, sizeBytes: number): OutgoingControl {
  let control: OutgoingControl = { rights: [], credentials: { pid: task.group.tgid, uid: task.creds.uid, gid: task.creds.gid } };
  if (at === 0 || sizeBytes < CMSGHDR.sizeBytes) return control;
  const bytes = task.mm.copyIn(at, sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let pos = 0; pos + CMSGHDR.sizeBytes <= sizeBytes; ) {
    const length = Number(view.getBigUint64(pos, true));
    if (length < CMSGHDR.sizeBytes || pos + length > sizeBytes) throw new ErrnoError(Errno.EINVAL);
    const level = view.getUint32(pos + CMSGHDR.off.level, true);
    const type = view.getUint32(pos + CMSGHDR.off.type, true);
    if (level === SOL_SOCKET) control = addControl(task, socket, control, type, bytes.subarray(pos + CMSGHDR.sizeBytes, pos + length));
    pos += (length + 7) & ~7;
  }
  return control;
}

function addControl(task: Task, socket: Socket, control: OutgoingControl, type: number, data: Uint8Array): OutgoingControl {
  if (socket.domain !== Af.UNIX) throw new ErrnoError(Errno.EINVAL);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (type === Scm.RIGHTS) return { ...control, rights: [...control.rights, ...readRights(task, view)] };
  if (type !== Scm.CREDENTIALS || data.length !== UCRED.sizeBytes) throw new ErrnoError(Errno.EINVAL);
  const credentials = { pid: kernelPid(task, view.getInt32(0, true)), uid: kernelUid(task, view.getUint32(4, true)), gid: kernelGid(task, view.getUint32(8, true)) };
  if (credentials.uid === NO_ID || credentials.gid === NO_ID) throw new ErrnoError(Errno.EINVAL);
  checkCredentials(task, credentials);
  return { ...control, credentials };
}

function readRights(task: Task, view: DataView): FileDescription[] {
  const count = view.byteLength >> 2;
  if (count > SCM_MAX_FD) throw new ErrnoError(Errno.EINVAL);
  return Array.from({ length: count }, (_, index) => {
    const file = task.fds.get(view.getInt32(index * 4, true));
    if (!file || (file.flags & O_PATH) !== 0) throw new ErrnoError(Errno.EBADF);
    return file;
  });
}

/** unix(7): a process may only claim its own ids, unless it has the capability. */
function checkCredentials(task: Task, { gid, pid, uid }: SocketCredentials): void {
  const { creds } = task;
  const isPidOwn = pid === task.group.tgid || hasOwnCap(creds, Cap.SYS_ADMIN);
  const isUidOwn = [creds.uid, creds.euid, creds.suid].includes(uid) || hasOwnCap(creds, Cap.SETUID);
  const isGidOwn = [creds.gid, creds.egid, creds.sgid].includes(gid) || hasOwnCap(creds, Cap.SETGID);
  if (!isPidOwn || !isUidOwn || !isGidOwn) throw new ErrnoError(Errno.EPERM);
}

export interface StoredControl {
  readonly sizeBytes: number;
  /** What did not fit (MSG_CTRUNC). */
  readonly isTruncated: boolean;
}

function header(length: number, type: number): Uint8Array {
  const bytes = new Uint8Array(cmsgSpaceBytes(length));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(CMSGHDR.sizeBytes + length), true);
  view.setUint32(CMSGHDR.off.level, SOL_SOCKET, true);
  view.setUint32(CMSGHDR.off.type, type, true);
  return bytes;
}

/** Writes what came with a message into msg_control, installing passed descriptors. Drops the message's references. */
export function writeControl(task: Task, message: IncomingMessage, at: number, roomBytes: number, closeOnExec: boolean): StoredControl {
  let used = 0;
  let isTruncated = false;
  if (message.credentials !== null) {
    const bytes = header(UCRED.sizeBytes, Scm.CREDENTIALS);
    const { gid, pid, uid } = message.credentials;
    new DataView(bytes.buffer).setInt32(CMSGHDR.sizeBytes, shownPid(task, pid), true);
    new DataView(bytes.buffer).setUint32(CMSGHDR.sizeBytes + 4, shownUid(task, uid), true);
    new DataView(bytes.buffer).setUint32(CMSGHDR.sizeBytes + 8, shownGid(task, gid), true);
    if (roomBytes >= CMSGHDR.sizeBytes + UCRED.sizeBytes) used += store(task, bytes, at, roomBytes);
    else isTruncated = true;
  }
  if (message.rights.length === 0) return { sizeBytes: used, isTruncated };
  const fds = installRights(task, message.rights, Math.floor((roomBytes - used - CMSGHDR.sizeBytes) / 4), closeOnExec);
  if (fds.length < message.rights.length) isTruncated = true;
  if (fds.length === 0) return { sizeBytes: used, isTruncated };
  const bytes = header(fds.length * 4, Scm.RIGHTS);
  fds.forEach((fd, index) => new DataView(bytes.buffer).setInt32(CMSGHDR.sizeBytes + index * 4, fd, true));
  return { sizeBytes: used + store(task, bytes, at + used, roomBytes - used), isTruncated };
}

/** The padding of the last header may be cut off. */
function store(task: Task, bytes: Uint8Array, at: number, roomBytes: number): number {
  const count = Math.min(bytes.length, roomBytes);
  task.mm.copyOut(at, bytes.subarray(0, count));
  return count;
}

function installRights(task: Task, files: readonly FileDescription[], max: number, closeOnExec: boolean): number[] {
  const fds: number[] = [];
  for (const file of files) {
    const fd = fds.length < max ? installFile(task, file, closeOnExec) : -Errno.EMFILE;
    if (fd >= 0) fds.push(fd);
    file.decRef();
    if (fd < 0) max = fds.length;
  }
  return fds;
}
