/** Scheduling policy, priority and affinity (sched(7)). Affinity is honoured; policies are recorded. */
import { Cap, Errno, hasCap, hasCapIn, TCB } from '@troupe/abi';
import { kernelPid, kernelUid, taskWithPid } from '../../namespace/id-view.js';
import type { Task } from '../../task/task.js';
import { addr, inBuf, int, outBuf, size, uint, type SyscallRow, choice } from '../row.js';

const POLICIES = [['SCHED_OTHER', 0], ['SCHED_FIFO', 1], ['SCHED_RR', 2], ['SCHED_BATCH', 3], ['SCHED_IDLE', 5]] as const;
const SCHED_RESET_ON_FORK = 0x4000_0000;
const ALL_CORES = 0xffff_ffff_ffff_ffffn;

function find(task: Task, pid: number): Task | undefined {
  return pid === 0 ? task : taskWithPid(task, pid);
}

function mayChange(task: Task, target: Task): boolean {
  return task.creds.euid === target.creds.uid || task.creds.euid === target.creds.euid || hasCapIn(task.creds, target.creds.userNamespace, Cap.SYS_NICE);
}

function affinityWord(task: Task): number {
  return (task.tcb + TCB.off.affinity) / 8;
}

function coreMask(task: Task): bigint {
  return (1n << BigInt(task.kernel.applicationCores)) - 1n;
}

/** Mask of the CPUs the task may use, limited to those that exist. */
export function affinityOf(task: Task): bigint {
  return task.shared.u64[affinityWord(task)]! & coreMask(task);
}

function sysSchedGetaffinity(task: Task, pid: number, sizeBytes: number, out: number): number {
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  if (sizeBytes < 8 || sizeBytes % 8 !== 0) return -Errno.EINVAL;
  task.mm.writeU64(out, affinityOf(target));
  return 8;
}

function sysSchedSetaffinity(task: Task, pid: number, sizeBytes: number, maskAddr: number): number {
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  if (!mayChange(task, target)) return -Errno.EPERM;
  const bytes = task.mm.copyIn(maskAddr, Math.min(sizeBytes, 8));
  let mask = 0n;
  bytes.forEach((byte, index) => (mask |= BigInt(byte) << BigInt(index * 8)));
  mask &= coreMask(task);
  if (mask === 0n) return -Errno.EINVAL;
  Atomics.store(task.shared.u64, affinityWord(target), mask === coreMask(task) ? ALL_CORES : mask);
  return 0;
}

function priorityRange(policy: number): readonly [number, number] | undefined {
  if (policy === 1 || policy === 2) return [1, 99];
  return POLICIES.some(([, value]) => value === policy) || policy === 6 ? [0, 0] : undefined;
}

function setScheduler(task: Task, pid: number, policy: number, param: number): number {
  if (pid < 0 || param === 0) return -Errno.EINVAL;
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  const range = priorityRange(policy & ~SCHED_RESET_ON_FORK);
  const priority = task.mm.readI32(param);
  if (!range || priority < range[0] || priority > range[1]) return -Errno.EINVAL;
  const needsPrivilege = priority > 0 && !hasCap(task.creds, Cap.SYS_NICE);
  if (!mayChange(task, target) || needsPrivilege) return -Errno.EPERM;
  target.schedPolicy = policy;
  target.rtPriority = priority;
  return 0;
}

function sysSchedGetparam(task: Task, pid: number, out: number): number {
  if (pid < 0 || out === 0) return -Errno.EINVAL;
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  task.mm.writeU32(out, target.rtPriority);
  return 0;
}

const SCHED_ATTR_BYTES = 48;

function sysSchedGetattr(task: Task, pid: number, out: number, sizeBytes: number): number {
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  if (sizeBytes < SCHED_ATTR_BYTES) return -Errno.EINVAL;
  task.mm.zeroOut(out, SCHED_ATTR_BYTES);
  task.mm.writeU32(out, SCHED_ATTR_BYTES);
  task.mm.writeU32(out + 4, target.schedPolicy);
  task.mm.writeU32(out + 16, target.nice >>> 0);
  task.mm.writeU32(out + 20, target.rtPriority);
  return 0;
}

const PRIO_PROCESS = 0;
const PRIO_PGRP = 1;
const PRIO_USER = 2;

function priorityTargets(task: Task, which: number, who: number): Task[] | undefined {
  const all = [...task.kernel.tasks.all()].filter((other) => other.isAlive);
  if (which === PRIO_PROCESS) return all.filter((other) => other === find(task, who));
  if (which === PRIO_PGRP) return all.filter((other) => other.group.processGroup.pgid === (who === 0 ? task.group.processGroup.pgid : kernelPid(task, who)));
  if (which === PRIO_USER) return all.filter((other) => other.creds.uid === (who === 0 ? task.creds.uid : kernelUid(task, who)));
  return undefined;
}

/** Returns 20 - nice so that results are positive (getpriority(2), C library/kernel differences). */
function sysGetpriority(task: Task, which: number, who: number): number {
  const targets = priorityTargets(task, which, who);
  if (!targets) return -Errno.EINVAL;
  if (targets.length === 0) return -Errno.ESRCH;
  return 20 - Math.min(...targets.map((target) => target.nice));
}

function sysSetpriority(task: Task, which: number, who: number, value: number): number {
  const targets = priorityTargets(task, which, who);
  if (!targets) return -Errno.EINVAL;
  if (targets.length === 0) return -Errno.ESRCH;
  const nice = Math.max(-20, Math.min(19, value));
  for (const target of targets) {
    if (!mayChange(task, target)) return -Errno.EPERM;
    if (nice < target.nice && !hasCap(task.creds, Cap.SYS_NICE)) return -Errno.EACCES;
    target.nice = nice;
  }
  return 0;
}

const IOPRIO_DEFAULT = 0;

function sysGetcpu(task: Task, cpu: number, node: number): number {
  if (cpu !== 0) task.mm.writeU32(cpu, Math.max(0, task.shared.i32[(task.tcb + TCB.off.lastCore) >> 2]!));
  if (node !== 0) task.mm.writeU32(node, 0);
  return 0;
}

const SCHED = ['%sched'] as const;

export const rows: readonly SyscallRow[] = [
  { nr: 24, name: 'sched_yield', args: [], groups: SCHED, support: 'full', man: 'sched_yield(2)', handler: () => 0 },
  { nr: 204, name: 'sched_getaffinity', args: [int('pid'), size('cpusetsize'), outBuf('mask', 8)], groups: SCHED, support: 'full', man: 'sched_getaffinity(2)', handler: sysSchedGetaffinity },
  { nr: 203, name: 'sched_setaffinity', args: [int('pid'), size('cpusetsize'), inBuf('mask', 'cpusetsize')], groups: SCHED, support: 'full', man: 'sched_setaffinity(2)', handler: sysSchedSetaffinity },
  { nr: 144, name: 'sched_setscheduler', args: [int('pid'), choice('policy', POLICIES), inBuf('param', 4)], groups: SCHED, support: { partial: 'recorded, all tasks share the cores fairly' }, man: 'sched_setscheduler(2)', handler: setScheduler },
  { nr: 145, name: 'sched_getscheduler', args: [int('pid')], groups: SCHED, support: 'full', man: 'sched_getscheduler(2)', handler: (task: Task, pid: number) => (pid < 0 ? -Errno.EINVAL : find(task, pid)?.schedPolicy ?? -Errno.ESRCH) },
  { nr: 142, name: 'sched_setparam', args: [int('pid'), inBuf('param', 4)], groups: SCHED, support: { partial: 'recorded, all tasks share the cores fairly' }, man: 'sched_setparam(2)', handler: (task: Task, pid: number, param: number) => setScheduler(task, pid, find(task, pid)?.schedPolicy ?? 0, param) },
  { nr: 143, name: 'sched_getparam', args: [int('pid'), outBuf('param', 4)], groups: SCHED, support: 'full', man: 'sched_getparam(2)', handler: sysSchedGetparam },
  { nr: 146, name: 'sched_get_priority_max', args: [choice('policy', POLICIES)], groups: SCHED, support: 'full', man: 'sched_get_priority_max(2)', handler: (_task: Task, policy: number) => priorityRange(policy)?.[1] ?? -Errno.EINVAL },
  { nr: 147, name: 'sched_get_priority_min', args: [choice('policy', POLICIES)], groups: SCHED, support: 'full', man: 'sched_get_priority_min(2)', handler: (_task: Task, policy: number) => priorityRange(policy)?.[0] ?? -Errno.EINVAL },
  { nr: 148, name: 'sched_rr_get_interval', args: [int('pid'), outBuf('tp', 16)], groups: SCHED, support: 'full', man: 'sched_rr_get_interval(2)', handler: (task: Task, pid: number, out: number) => {
    const target = find(task, pid);
    if (!target) return -Errno.ESRCH;
    task.mm.writeU64(out, 0n);
    task.mm.writeU64(out + 8, target.schedPolicy === 2 ? 5_000_000n : 0n);
    return 0;
  } },
  { nr: 315, name: 'sched_getattr', args: [int('pid'), addr('attr'), uint('size'), uint('flags')], groups: SCHED, support: 'full', man: 'sched_getattr(2)', handler: sysSchedGetattr },
  { nr: 140, name: 'getpriority', args: [int('which'), int('who')], groups: SCHED, support: 'full', man: 'getpriority(2)', handler: sysGetpriority },
  { nr: 141, name: 'setpriority', args: [int('which'), int('who'), int('prio')], groups: SCHED, support: { partial: 'recorded, all tasks share the cores fairly' }, man: 'setpriority(2)', handler: sysSetpriority },
  { nr: 252, name: 'ioprio_get', args: [int('which'), int('who')], groups: SCHED, support: 'full', man: 'ioprio_get(2)', handler: () => IOPRIO_DEFAULT },
  { nr: 309, name: 'getcpu', args: [outBuf('cpu', 4), outBuf('node', 4), addr('tcache')], groups: SCHED, support: 'full', man: 'getcpu(2)', handler: sysGetcpu },
];
