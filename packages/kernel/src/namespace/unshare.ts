/** New namespaces for clone(2), clone3(2) and unshare(2) (namespaces(7), user_namespaces(7)). */
import { ALL_CAPABILITIES, Cap, Clone, Errno, MAX_USER_NAMESPACE_DEPTH, NO_ID, UserNamespace, hasOwnCap, type Credentials } from '@troupe/abi';
import { PathNode, UnixNamespace, type Mount } from '@troupe/vfs';
import type { FsContext } from '../fs-context.js';
import type { Task } from '../task/task.js';
import { CgroupNamespace } from './cgroup-namespace.js';
import { IpcNamespace } from './ipc-namespace.js';
import type { NamespaceSet } from './namespace-set.js';
import { NetworkNamespace } from './network-namespace.js';
import { MAX_PID_NAMESPACE_DEPTH, PidNamespace } from './pid-namespace.js';

const PRIVILEGED = Clone.NEWNS | Clone.NEWCGROUP | Clone.NEWUTS | Clone.NEWIPC | Clone.NEWPID | Clone.NEWNET;
export const NEW_NAMESPACES = PRIVILEGED | Clone.NEWUSER;

/** What a task gets that asked for new namespaces. */
export interface NewNamespaces {
  readonly creds: Credentials;
  readonly namespaces: NamespaceSet;
  /** New mount namespace: the copy of each mount of the old one. */
  readonly moved: ReadonlyMap<Mount, Mount> | null;
}

/** Makes the namespaces of the flags; nothing of the caller changes. Or -errno. */
export function makeNamespaces(task: Task, flags: number): NewNamespaces | number {
  if ((flags & Clone.NEWTIME) !== 0) return -Errno.EINVAL;
  const creds = (flags & Clone.NEWUSER) !== 0 ? credsOfNewUserNamespace(task) : task.creds;
  if (typeof creds === 'number') return creds;
  if ((flags & PRIVILEGED) === 0) return { creds, namespaces: task.namespaces, moved: null };
  if (!hasOwnCap(creds, Cap.SYS_ADMIN)) return -Errno.EPERM;
  const owner = creds.userNamespace;
  const { kernel, namespaces: old } = task;
  const inode = (): number => kernel.newNamespaceInode();
  const wants = (flag: number): boolean => (flags & flag) !== 0;
  if (wants(Clone.NEWPID) && old.pidForChildren.level >= MAX_PID_NAMESPACE_DEPTH) return -Errno.ENOSPC;
  const moved = wants(Clone.NEWNS) ? new Map<Mount, Mount>() : null;
  const namespaces: NamespaceSet = {
    uts: wants(Clone.NEWUTS) ? old.uts.copy(owner, inode()) : old.uts,
    ipc: wants(Clone.NEWIPC) ? new IpcNamespace(owner, inode()) : old.ipc,
    mount: moved === null ? old.mount : old.mount.copyNamespace(owner, inode(), moved),
    net: wants(Clone.NEWNET) ? new NetworkNamespace(owner, new UnixNamespace(kernel.ipc), inode()) : old.net,
    cgroup: wants(Clone.NEWCGROUP) ? new CgroupNamespace(owner, inode()) : old.cgroup,
    pidForChildren: wants(Clone.NEWPID) ? new PidNamespace(kernel.tasks, owner, old.pidForChildren, inode()) : old.pidForChildren,
  };
  return { creds, namespaces, moved };
}

/** The root directory is not that of the mount namespace (chroot(2)). */
function isChrooted(task: Task): boolean {
  const { root } = task.namespaces.mount;
  let top = root;
  for (let above = top.children.get(top.root); above !== undefined; above = top.children.get(top.root)) top = above;
  return !task.fs.root.equals(top.rootNode);
}

function credsOfNewUserNamespace(task: Task): Credentials | number {
  const { creds } = task;
  const { egid, euid, userNamespace } = creds;
  if (userNamespace.level >= MAX_USER_NAMESPACE_DEPTH) return -Errno.ENOSPC;
  if (isChrooted(task)) return -Errno.EPERM;
  if (userNamespace.uidInside(euid) === NO_ID || userNamespace.gidInside(egid) === NO_ID) return -Errno.EPERM;
  return credsIn(creds, new UserNamespace(userNamespace, euid, egid, task.kernel.newNamespaceInode()));
}

/** Credentials of a task that enters a user namespace: it has every capability there. */
export function credsIn(creds: Credentials, userNamespace: UserNamespace): Credentials {
  return {
    ...creds, userNamespace, securebits: 0, capInheritable: 0n, capPermitted: ALL_CAPABILITIES, capEffective: ALL_CAPABILITIES,
    capBounding: ALL_CAPABILITIES, capAmbient: 0n,
  };
}

/** Root and working directory in the new mount namespace. */
export function moveDirectories(fs: FsContext, moved: ReadonlyMap<Mount, Mount>): void {
  const inNew = (node: PathNode): PathNode => new PathNode(moved.get(node.mount) ?? node.mount, node.dentry);
  fs.root = inNew(fs.root);
  fs.cwd = inNew(fs.cwd);
}
