/** Process groups and sessions (setpgid(2), setsid(2), credentials(7)). */
import { Cap, Errno, hasCap } from '@troupe/abi';
import { groupWithPid, kernelPid, shownPid, taskWithPid } from '../../namespace/id-view.js';
import type { Task } from '../../task/task.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import { int, type SyscallRow } from '../row.js';

function find(task: Task, pid: number): ThreadGroup | undefined {
  return pid === 0 ? task.group : taskWithPid(task, pid)?.group;
}

function sysSetpgid(task: Task, pid: number, wantedPgid: number): number {
  const { tasks } = task.kernel;
  if (wantedPgid < 0) return -Errno.EINVAL;
  const group = pid === 0 ? task.group : groupWithPid(task, pid);
  if (!group || group.isReaped) return -Errno.ESRCH;
  const pgid = wantedPgid === 0 ? group.tgid : kernelPid(task, wantedPgid);
  const { session } = group.processGroup;
  const refused = mayMove(task, group);
  if (refused < 0) return refused;
  const existing = tasks.processGroups.get(pgid);
  if (pgid !== group.tgid && existing?.session !== session) return -Errno.EPERM;
  if (existing && existing.session !== session) return -Errno.EPERM;
  tasks.joinProcessGroup(group, existing ?? tasks.newProcessGroup(pgid, session));
  return 0;
}

/** Only the caller itself and its children of the same session that have not called execve. */
function mayMove(task: Task, group: ThreadGroup): number {
  const { session } = group.processGroup;
  if (group !== task.group) {
    if (group.parent !== task.group) return -Errno.ESRCH;
    if (session !== task.group.processGroup.session) return -Errno.EPERM;
    if (group.hasExeced) return -Errno.EACCES;
  }
  return session.leader === group ? -Errno.EPERM : 0;
}

function sysGetpgid(task: Task, pid: number): number {
  const group = find(task, pid);
  return group ? shownPid(task, group.processGroup.pgid) : -Errno.ESRCH;
}

function sysGetsid(task: Task, pid: number): number {
  const group = find(task, pid);
  return group ? shownPid(task, group.processGroup.session.sid) : -Errno.ESRCH;
}

function sysSetsid(task: Task): number {
  const { group, kernel } = task;
  if (kernel.tasks.processGroups.has(group.tgid)) return -Errno.EPERM;
  const { sid } = kernel.tasks.newSession(group);
  kernel.processEvents.startedSession(task);
  return shownPid(task, sid);
}

/** vhangup(2): the terminal of the session hangs up. */
function sysVhangup(task: Task): number {
  if (!hasCap(task.creds, Cap.SYS_TTY_CONFIG)) return -Errno.EPERM;
  task.group.processGroup.session.terminal?.hangUp();
  return 0;
}

export const rows: readonly SyscallRow[] = [
  { nr: 109, name: 'setpgid', args: [int('pid'), int('pgid')], groups: ['%process'], support: 'full', man: 'setpgid(2)', handler: sysSetpgid },
  { nr: 111, name: 'getpgrp', args: [], groups: ['%process'], support: 'full', man: 'getpgrp(2)', handler: (task: Task) => shownPid(task, task.group.processGroup.pgid) },
  { nr: 112, name: 'setsid', args: [], groups: ['%process'], support: 'full', man: 'setsid(2)', handler: sysSetsid },
  { nr: 153, name: 'vhangup', args: [], groups: ['%system'], support: { partial: 'the terminal cannot be opened again' }, man: 'vhangup(2)', handler: sysVhangup },
  { nr: 121, name: 'getpgid', args: [int('pid')], groups: ['%process'], support: 'full', man: 'getpgid(2)', handler: sysGetpgid },
  { nr: 124, name: 'getsid', args: [int('pid')], groups: ['%process'], support: 'full', man: 'getsid(2)', handler: sysGetsid },
];
