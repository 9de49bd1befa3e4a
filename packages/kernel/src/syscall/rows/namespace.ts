/** unshare(2), setns(2). */
import { Clone, Errno, type NamespaceKind } from '@troupe/abi';
import type { FileDescription } from '@troupe/vfs';
import { enterNamespace, namespacesOfTask } from '../../namespace/enter.js';
import { CLONE_FLAG_OF, NamespaceFile } from '../../namespace/namespace-file.js';
import { releaseMountNamespace } from '../../namespace/mount-release.js';
import { makeNamespaces, moveDirectories, NEW_NAMESPACES } from '../../namespace/unshare.js';
import { releaseSemaphoreUndo } from '../../task/exit.js';
import { PidFile } from '../../task/pid-file.js';
import { mayPtrace } from '../../task/permission.js';
import type { Task } from '../../task/task.js';
import { fd, flags, type SyscallRow } from '../row.js';

const UNSHARE_FLAGS = Clone.THREAD | Clone.FS | Clone.NEWTIME | Clone.SIGHAND | Clone.VM | Clone.FILES | Clone.SYSVSEM | NEW_NAMESPACES;

/** What some flags bring along (unshare(2)). */
function impliedFlags(asked: number): number {
  let all = asked;
  if (all & Clone.NEWUSER) all |= Clone.THREAD | Clone.FS;
  if (all & Clone.VM) all |= Clone.SIGHAND;
  if (all & Clone.SIGHAND) all |= Clone.THREAD;
  if (all & Clone.NEWNS) all |= Clone.FS;
  return all;
}

function sysUnshare(task: Task, asked: number): number {
  if ((asked & ~UNSHARE_FLAGS) !== 0) return -Errno.EINVAL;
  const wanted = impliedFlags(asked);
  if ((wanted & (Clone.THREAD | Clone.SIGHAND | Clone.VM)) !== 0 && task.group.liveTasks.length > 1) return -Errno.EINVAL;
  const made = makeNamespaces(task, wanted);
  if (typeof made === 'number') return made;
  if ((wanted & Clone.FILES) !== 0 && task.fds.isShared) {
    const own = task.fds.copy(task.kernel.uniqueId());
    task.fds.release();
    task.fds = own;
  }
  if ((wanted & Clone.FS) !== 0 && task.fs.users > 1) {
    const own = task.fs.copy();
    task.fs.release();
    task.fs = own;
  }
  if ((wanted & (Clone.SYSVSEM | Clone.NEWIPC)) !== 0) releaseSemaphoreUndo(task);
  const { mount } = task.namespaces;
  task.creds = made.creds;
  task.namespaces = made.namespaces;
  if (made.moved !== null) {
    moveDirectories(task.fs, made.moved);
    releaseMountNamespace(task.kernel, mount);
  }
  return 0;
}

/** The user namespace comes first: it may give the right to enter the others. */
const ORDER: readonly NamespaceKind[] = ['user', 'mnt', 'uts', 'ipc', 'pid', 'cgroup', 'net'];

function sysSetns(task: Task, fdNo: number, nsType: number): number {
  const file = task.fds.get(fdNo);
  if (file === null) return -Errno.EBADF;
  const { mount } = task.namespaces;
  const result = enterFile(task, file, nsType);
  if (task.namespaces.mount !== mount) releaseMountNamespace(task.kernel, mount);
  return result;
}

function enterFile(task: Task, file: FileDescription, nsType: number): number {
  if (file instanceof NamespaceFile) return nsType !== 0 && nsType !== CLONE_FLAG_OF[file.kind] ? -Errno.EINVAL : enterNamespace(task, file.kind, file.namespace);
  return file instanceof PidFile ? enterAllOf(task, file, nsType) : -Errno.EINVAL;
}

/** With a pidfd: the namespaces of that process that the flags name; all or none. */
function enterAllOf(task: Task, { group }: PidFile, nsType: number): number {
  if (nsType === 0 || (nsType & ~NEW_NAMESPACES) !== 0) return -Errno.EINVAL;
  const target = group.liveTasks[0];
  if (target === undefined) return -Errno.ESRCH;
  if (!mayPtrace(task, target)) return -Errno.EPERM;
  const targets = namespacesOfTask(target);
  const { creds, namespaces } = task;
  const { cwd, root } = task.fs;
  for (const kind of ORDER) {
    if ((nsType & CLONE_FLAG_OF[kind]) === 0) continue;
    const result = enterNamespace(task, kind, targets[kind]!);
    if (result === 0) continue;
    Object.assign(task, { creds, namespaces });
    Object.assign(task.fs, { cwd, root });
    return result;
  }
  return 0;
}

const FLAGS = Object.entries(Clone).filter(([, value]) => (value & UNSHARE_FLAGS) === value && value <= 0x7fff_ffff).map(([name, value]) => [`CLONE_${name}`, value] as const);

export const rows: readonly SyscallRow[] = [
  { nr: 272, name: 'unshare', args: [flags('flags', FLAGS)], groups: ['%process'], support: { partial: 'no time namespaces; network namespaces have the loopback device only' }, man: 'unshare(2)', handler: sysUnshare },
  { nr: 308, name: 'setns', args: [fd(), flags('nstype', FLAGS)], groups: ['%process', '%desc'], support: { partial: 'no time namespaces' }, man: 'setns(2)', handler: sysSetns },
];
