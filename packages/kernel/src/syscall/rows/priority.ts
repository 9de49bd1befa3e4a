/** Nice values and I/O priorities (getpriority(2), ioprio_set(2)). */
import { Cap, Errno, hasCap, hasCapIn } from '@troupe/abi';
import { kernelPid, kernelUid, taskWithPid } from '../../namespace/id-view.js';
import { applySchedule, mayRaiseTo } from '../../task/schedule.js';
import type { Task } from '../../task/task.js';
import { choice, int, type SyscallRow } from '../row.js';

const Prio = { PROCESS: 0, PGRP: 1, USER: 2 } as const;

/** Whom a call means; undefined for an unknown kind. `who` 0 is the caller, its group or its user. */
function targetsOf(task: Task, which: number, who: number): Task[] | undefined {
  const all = [...task.kernel.tasks.all()].filter((other) => other.isAlive && task.group.pidNamespace.shown(other.tid) > 0);
  const uid = who === 0 ? task.creds.uid : kernelUid(task, who);
  switch (which) {
    case Prio.PROCESS: return all.filter((other) => other === (who === 0 ? task : taskWithPid(task, who)));
    case Prio.PGRP: return all.filter((other) => other.group.processGroup.pgid === (who === 0 ? task.group.processGroup.pgid : kernelPid(task, who)));
    case Prio.USER: return all.filter((other) => other.creds.uid === uid);
    default: return undefined;
  }
}

/** Returns 20 - nice so that results are positive (getpriority(2), C library/kernel differences). */
function sysGetpriority(task: Task, which: number, who: number): number {
  const targets = targetsOf(task, which, who);
  if (!targets) return -Errno.EINVAL;
  if (targets.length === 0) return -Errno.ESRCH;
  return 20 - Math.min(...targets.map((target) => target.nice));
}

/** The last refusal counts; what is allowed is done. */
function sysSetpriority(task: Task, which: number, who: number, value: number): number {
  const targets = targetsOf(task, which, who);
  if (!targets) return -Errno.EINVAL;
  const nice = Math.max(-20, Math.min(19, value));
  let result = targets.length === 0 ? -Errno.ESRCH : 0;
  for (const target of targets) {
    const refused = refusalOf(task, target, nice);
    if (refused !== 0) {
      result = refused;
      continue;
    }
    target.nice = nice;
    applySchedule(target);
  }
  return result;
}

function refusalOf(task: Task, target: Task, nice: number): number {
  const isPrivileged = hasCapIn(task.creds, target.creds.userNamespace, Cap.SYS_NICE);
  if (task.creds.euid !== target.creds.uid && task.creds.euid !== target.creds.euid && !isPrivileged) return -Errno.EPERM;
  return nice < target.nice && !mayRaiseTo(target, nice) && !isPrivileged ? -Errno.EACCES : 0;
}

const IO_CLASS_SHIFT = 13;
const IoClass = { NONE: 0, RT: 1, BE: 2, IDLE: 3 } as const;
const IO_LEVELS = 8;
/** Which of ioprio_get(2) counts from 1. */
const WHICH_SHIFT = 1;

function sysIoprioGet(task: Task, which: number, who: number): number {
  const targets = targetsOf(task, which - WHICH_SHIFT, who);
  if (!targets) return -Errno.EINVAL;
  if (targets.length === 0) return -Errno.ESRCH;
  const strength = (value: number): number => (value >> IO_CLASS_SHIFT === IoClass.NONE ? (IoClass.BE << IO_CLASS_SHIFT) | 4 : value);
  return targets.reduce((best, { ioPriority }) => (strength(ioPriority) < strength(best) ? ioPriority : best), targets[0]!.ioPriority);
}

function sysIoprioSet(task: Task, which: number, who: number, ioPriority: number): number {
  const ioClass = ioPriority >> IO_CLASS_SHIFT;
  const level = ioPriority & ((1 << IO_CLASS_SHIFT) - 1);
  if (ioClass < IoClass.NONE || ioClass > IoClass.IDLE || (ioClass === IoClass.NONE && level !== 0) || (ioClass !== IoClass.IDLE && level >= IO_LEVELS)) return -Errno.EINVAL;
  if (ioClass === IoClass.RT && !hasCap(task.creds, Cap.SYS_ADMIN) && !hasCap(task.creds, Cap.SYS_NICE)) return -Errno.EPERM;
  const targets = targetsOf(task, which - WHICH_SHIFT, who);
  if (!targets) return -Errno.EINVAL;
  if (targets.length === 0) return -Errno.ESRCH;
  for (const target of targets) {
    if (target.creds.uid !== task.creds.euid && target.creds.uid !== task.creds.uid && !hasCapIn(task.creds, target.creds.userNamespace, Cap.SYS_NICE)) return -Errno.EPERM;
    target.ioPriority = ioPriority;
  }
  return 0;
}

const WHICH = Object.entries(Prio).map(([name, value]) => [`PRIO_${name}`, value] as const);
const IO_WHICH = [['IOPRIO_WHO_PROCESS', 1], ['IOPRIO_WHO_PGRP', 2], ['IOPRIO_WHO_USER', 3]] as const;
const SCHED = ['%sched'] as const;

export const rows: readonly SyscallRow[] = [
  { nr: 140, name: 'getpriority', args: [choice('which', WHICH), int('who')], groups: SCHED, support: 'full', man: 'getpriority(2)', handler: sysGetpriority },
  { nr: 141, name: 'setpriority', args: [choice('which', WHICH), int('who'), int('prio')], groups: SCHED, support: { partial: 'nice values change the length of time slices only' }, man: 'setpriority(2)', handler: sysSetpriority },
  { nr: 251, name: 'ioprio_set', args: [choice('which', IO_WHICH), int('who'), int('ioprio')], groups: SCHED, support: { partial: 'kept; input and output are not scheduled' }, man: 'ioprio_set(2)', handler: sysIoprioSet },
  { nr: 252, name: 'ioprio_get', args: [choice('which', IO_WHICH), int('who')], groups: SCHED, support: 'full', man: 'ioprio_set(2)', handler: sysIoprioGet },
];
