/** Scheduling policy, priority and affinity (sched(7)). */
import { Cap, Errno, hasCapIn, Rlimit, TCB } from '@troupe/abi';
import { taskWithPid } from '../../namespace/id-view.js';
import { applySchedule, isRealTime, mayRaiseTo, policyOf, RR_INTERVAL_US, SCHED_RESET_ON_FORK, SchedPolicy } from '../../task/schedule.js';
import type { Task } from '../../task/task.js';
import { addr, inBuf, int, outBuf, size, uint, type SyscallRow, choice } from '../row.js';

const POLICIES = [['SCHED_OTHER', 0], ['SCHED_FIFO', 1], ['SCHED_RR', 2], ['SCHED_BATCH', 3], ['SCHED_IDLE', 5]] as const;
const SCHED_DEADLINE = 6;
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
  if (!target.isAlive) return 0;
  Atomics.store(task.shared.u64, affinityWord(target), mask === coreMask(task) ? ALL_CORES : mask);
  if (target !== task && target.state === 'running') task.kernel.runner.attend(target);
  return 0;
}

function priorityRange(policy: number): readonly [number, number] | undefined {
  if (isRealTime(policy)) return [1, 99];
  return POLICIES.some(([, value]) => value === policy) || policy === SCHED_DEADLINE ? [0, 0] : undefined;
}

/** A policy with what belongs to it. */
interface Schedule {
  /** With SCHED_RESET_ON_FORK. */
  readonly policy: number;
  readonly priority: number;
  /** null = as it is. */
  readonly nice: number | null;
}

/** sched_setscheduler(2), sched_setattr(2): checks, then takes over. */
function setSchedule(task: Task, target: Task, schedule: Schedule): number {
  const policy = schedule.policy & ~SCHED_RESET_ON_FORK;
  const range = priorityRange(policy);
  if (!range || policy === SCHED_DEADLINE || schedule.priority < range[0] || schedule.priority > range[1]) return -Errno.EINVAL;
  if (!hasCapIn(task.creds, target.creds.userNamespace, Cap.SYS_NICE) && !mayWithoutPrivilege(task, target, schedule)) return -Errno.EPERM;
  target.schedPolicy = schedule.policy;
  target.rtPriority = schedule.priority;
  if (schedule.nice !== null && !isRealTime(policy)) target.nice = schedule.nice;
  applySchedule(target);
  return 0;
}

/** Own tasks, within RLIMIT_RTPRIO and RLIMIT_NICE; nobody leaves SCHED_IDLE or loses the reset flag (sched(7), "Privileges and resource limits"). */
function mayWithoutPrivilege(task: Task, target: Task, { nice, policy: word, priority }: Schedule): boolean {
  const policy = word & ~SCHED_RESET_ON_FORK;
  const limit = target.group.limits.soft(Rlimit.RTPRIO);
  if (task.creds.euid !== target.creds.uid && task.creds.euid !== target.creds.euid) return false;
  if (isRealTime(policy) && ((policy !== policyOf(target) && limit === 0) || (priority > target.rtPriority && priority > limit))) return false;
  if (nice !== null && nice < target.nice && !mayRaiseTo(target, nice)) return false;
  if (policyOf(target) === SchedPolicy.IDLE && policy !== SchedPolicy.IDLE && !mayRaiseTo(target, target.nice)) return false;
  return (target.schedPolicy & SCHED_RESET_ON_FORK) === 0 || (word & SCHED_RESET_ON_FORK) !== 0;
}

function setScheduler(task: Task, pid: number, policy: number, param: number): number {
  if (pid < 0 || param === 0) return -Errno.EINVAL;
  const target = find(task, pid);
  const priority = task.mm.readI32(param);
  return target ? setSchedule(task, target, { policy, priority, nice: null }) : -Errno.ESRCH;
}

function sysSchedGetparam(task: Task, pid: number, out: number): number {
  if (pid < 0 || out === 0) return -Errno.EINVAL;
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  task.mm.writeU32(out, target.rtPriority);
  return 0;
}

/** First published size of struct sched_attr, and the one known here. */
const SCHED_ATTR_BYTES = 48;
const SCHED_ATTR_KNOWN_BYTES = 56;
const SchedFlag = { RESET_ON_FORK: 1, KEEP_POLICY: 8, KEEP_PARAMS: 16 } as const;

/** struct sched_attr: size, policy, flags u64, nice, priority, then runtime, deadline and period of SCHED_DEADLINE. */
function sysSchedSetattr(task: Task, pid: number, at: number, callFlags: number): number {
  if (at === 0 || pid < 0 || callFlags !== 0) return -Errno.EINVAL;
  const sizeBytes = task.mm.readU32(at) || SCHED_ATTR_BYTES;
  if (sizeBytes < SCHED_ATTR_BYTES || sizeBytes > 4096) {
    task.mm.writeU32(at, SCHED_ATTR_KNOWN_BYTES);
    return -Errno.E2BIG;
  }
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  const [flagBits, policy] = [task.mm.readU32(at + 8), task.mm.readI32(at + 4)];
  if (policy < 0 || (flagBits & ~0x7f) !== 0) return -Errno.EINVAL;
  const keeps = (flag: number): boolean => (flagBits & flag) !== 0;
  return setSchedule(task, target, {
    policy: (keeps(SchedFlag.KEEP_POLICY) ? policyOf(target) : policy) | (keeps(SchedFlag.RESET_ON_FORK) ? SCHED_RESET_ON_FORK : 0),
    priority: keeps(SchedFlag.KEEP_PARAMS) ? target.rtPriority : task.mm.readU32(at + 20),
    nice: keeps(SchedFlag.KEEP_PARAMS) ? null : Math.max(-20, Math.min(19, task.mm.readI32(at + 16))),
  });
}

function sysSchedGetattr(task: Task, pid: number, out: number, sizeBytes: number): number {
  const target = find(task, pid);
  if (!target) return -Errno.ESRCH;
  if (sizeBytes < SCHED_ATTR_BYTES) return -Errno.EINVAL;
  const shownBytes = Math.min(sizeBytes, SCHED_ATTR_KNOWN_BYTES);
  task.mm.zeroOut(out, shownBytes);
  task.mm.writeU32(out, shownBytes);
  task.mm.writeU32(out + 4, policyOf(target));
  task.mm.writeU32(out + 8, target.schedPolicy & SCHED_RESET_ON_FORK ? SchedFlag.RESET_ON_FORK : 0);
  task.mm.writeU32(out + 16, target.nice >>> 0);
  task.mm.writeU32(out + 20, target.rtPriority);
  return 0;
}

function sysGetcpu(task: Task, cpu: number, node: number): number {
  if (cpu !== 0) task.mm.writeU32(cpu, Math.max(0, task.shared.i32[(task.tcb + TCB.off.lastCore) >> 2]!));
  if (node !== 0) task.mm.writeU32(node, 0);
  return 0;
}

function sysSchedYield(task: Task): number {
  task.kernel.host.reschedule();
  return 0;
}

const SCHED = ['%sched'] as const;

export const rows: readonly SyscallRow[] = [
  { nr: 24, name: 'sched_yield', args: [], groups: SCHED, inCore: true, support: 'full', man: 'sched_yield(2)', handler: sysSchedYield },
  { nr: 204, name: 'sched_getaffinity', args: [int('pid'), size('cpusetsize'), outBuf('mask', 8)], groups: SCHED, support: 'full', man: 'sched_getaffinity(2)', handler: sysSchedGetaffinity },
  { nr: 203, name: 'sched_setaffinity', args: [int('pid'), size('cpusetsize'), inBuf('mask', 'cpusetsize')], groups: SCHED, support: 'full', man: 'sched_setaffinity(2)', handler: sysSchedSetaffinity },
  { nr: 144, name: 'sched_setscheduler', args: [int('pid'), choice('policy', POLICIES), inBuf('param', 4)], groups: SCHED, support: { partial: 'no SCHED_DEADLINE; real-time tasks are not throttled' }, man: 'sched_setscheduler(2)', handler: setScheduler },
  { nr: 145, name: 'sched_getscheduler', args: [int('pid')], groups: SCHED, support: 'full', man: 'sched_getscheduler(2)', handler: (task: Task, pid: number) => (pid < 0 ? -Errno.EINVAL : find(task, pid)?.schedPolicy ?? -Errno.ESRCH) },
  { nr: 142, name: 'sched_setparam', args: [int('pid'), inBuf('param', 4)], groups: SCHED, support: { partial: 'no SCHED_DEADLINE; real-time tasks are not throttled' }, man: 'sched_setparam(2)', handler: (task: Task, pid: number, param: number) => setScheduler(task, pid, find(task, pid)?.schedPolicy ?? 0, param) },
  { nr: 143, name: 'sched_getparam', args: [int('pid'), outBuf('param', 4)], groups: SCHED, support: 'full', man: 'sched_getparam(2)', handler: sysSchedGetparam },
  { nr: 146, name: 'sched_get_priority_max', args: [choice('policy', POLICIES)], groups: SCHED, support: 'full', man: 'sched_get_priority_max(2)', handler: (_task: Task, policy: number) => priorityRange(policy)?.[1] ?? -Errno.EINVAL },
  { nr: 147, name: 'sched_get_priority_min', args: [choice('policy', POLICIES)], groups: SCHED, support: 'full', man: 'sched_get_priority_min(2)', handler: (_task: Task, policy: number) => priorityRange(policy)?.[0] ?? -Errno.EINVAL },
  { nr: 148, name: 'sched_rr_get_interval', args: [int('pid'), outBuf('tp', 16)], groups: SCHED, support: 'full', man: 'sched_rr_get_interval(2)', handler: (task: Task, pid: number, out: number) => {
    const target = find(task, pid);
    if (!target) return -Errno.ESRCH;
    task.mm.writeU64(out, 0n);
    task.mm.writeU64(out + 8, policyOf(target) === SchedPolicy.RR ? BigInt(RR_INTERVAL_US * 1000) : 0n);
    return 0;
  } },
  { nr: 314, name: 'sched_setattr', args: [int('pid'), addr('attr'), uint('flags')], groups: SCHED, support: { partial: 'no SCHED_DEADLINE, no utilization clamps' }, man: 'sched_setattr(2)', handler: sysSchedSetattr },
  { nr: 315, name: 'sched_getattr', args: [int('pid'), addr('attr'), uint('size'), uint('flags')], groups: SCHED, support: 'full', man: 'sched_getattr(2)', handler: sysSchedGetattr },
  { nr: 309, name: 'getcpu', args: [outBuf('cpu', 4), outBuf('node', 4), addr('tcache')], groups: SCHED, support: 'full', man: 'getcpu(2)', handler: sysGetcpu },
];
