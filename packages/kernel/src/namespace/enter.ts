/** setns(2): a task moves into namespaces that exist. */
import { Cap, Errno, hasCapIn, hasOwnCap, type NamespaceKind, type UserNamespace } from '@troupe/abi';
import type { MountTable } from '@troupe/vfs';
import { releaseSemaphoreUndo } from '../task/exit.js';
import type { Task } from '../task/task.js';
import type { IpcNamespace } from './ipc-namespace.js';
import type { Namespace } from './namespace-file.js';
import type { NamespaceSet } from './namespace-set.js';
import type { PidNamespace } from './pid-namespace.js';
import { credsIn } from './unshare.js';

/** Enters one namespace. 0 or -errno. */
export function enterNamespace(task: Task, kind: NamespaceKind, namespace: Namespace): number {
  switch (kind) {
    case 'user': return enterUser(task, namespace as UserNamespace);
    case 'mnt': return enterMount(task, namespace as MountTable);
    case 'pid': return enterPid(task, namespace as PidNamespace);
    case 'ipc': return enterIpc(task, namespace as IpcNamespace);
    case 'uts': case 'net': case 'cgroup': return enterOther(task, kind, namespace as NamespaceSet[typeof kind]);
    default: return -Errno.EINVAL;
  }
}

function mayEnter(task: Task, owner: UserNamespace): boolean {
  return hasCapIn(task.creds, owner, Cap.SYS_ADMIN) && hasOwnCap(task.creds, Cap.SYS_ADMIN);
}

function enterUser(task: Task, namespace: UserNamespace): number {
  if (namespace.is(task.creds.userNamespace) || task.group.liveTasks.length > 1 || task.fs.users > 1) return -Errno.EINVAL;
  if (!hasCapIn(task.creds, namespace, Cap.SYS_ADMIN)) return -Errno.EPERM;
  task.creds = credsIn(task.creds, namespace);
  return 0;
}

function enterMount(task: Task, namespace: MountTable): number {
  if (!mayEnter(task, namespace.userNamespace) || !hasOwnCap(task.creds, Cap.SYS_CHROOT)) return -Errno.EPERM;
  if (task.fs.users > 1) return -Errno.EINVAL;
  task.namespaces = { ...task.namespaces, mount: namespace };
  task.fs.root = namespace.root.rootNode;
  task.fs.cwd = task.fs.root;
  return 0;
}

/** Only for children to come, and only into the own namespace or one below it (pid_namespaces(7)). */
function enterPid(task: Task, namespace: PidNamespace): number {
  if (!mayEnter(task, namespace.userNamespace)) return -Errno.EPERM;
  if (!task.group.pidNamespace.contains(namespace)) return -Errno.EINVAL;
  task.namespaces = { ...task.namespaces, pidForChildren: namespace };
  return 0;
}

function enterIpc(task: Task, namespace: IpcNamespace): number {
  if (!mayEnter(task, namespace.userNamespace)) return -Errno.EPERM;
  releaseSemaphoreUndo(task);
  task.namespaces = { ...task.namespaces, ipc: namespace };
  return 0;
}

function enterOther<K extends 'uts' | 'net' | 'cgroup'>(task: Task, kind: K, namespace: NamespaceSet[K]): number {
  if (!mayEnter(task, namespace.userNamespace)) return -Errno.EPERM;
  task.namespaces = { ...task.namespaces, [kind]: namespace };
  return 0;
}

/** The namespaces of a task by kind. */
export function namespacesOfTask(task: Task): Readonly<Partial<Record<NamespaceKind, Namespace>>> {
  const { cgroup, ipc, mount, net, uts } = task.namespaces;
  return { cgroup, ipc, mnt: mount, net, pid: task.group.pidNamespace, user: task.creds.userNamespace, uts };
}
