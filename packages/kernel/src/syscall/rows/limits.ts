/** Resource limits and usage. */
import { Cap, Errno, hasCap, RLIMIT_COUNT, TCB, type Limit } from '@troupe/abi';
import { Usage } from '../../task/thread-group.js';
import { taskWithPid } from '../../namespace/id-view.js';
import type { Task } from '../../task/task.js';
import { groupCpuNs, taskCpuNs } from '../../time/cpu-clocks.js';
import { inBuf, int, outBuf, type SyscallRow, choice } from '../row.js';
import { writeTimevalNs } from '../timespec.js';

const NAMES = ['CPU', 'FSIZE', 'DATA', 'STACK', 'CORE', 'RSS', 'NPROC', 'NOFILE', 'MEMLOCK', 'AS', 'LOCKS', 'SIGPENDING', 'MSGQUEUE', 'NICE', 'RTPRIO', 'RTTIME'].map((name, index) => [`RLIMIT_${name}`, index] as const);
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
const NOFILE = 7;
const NOFILE_MAX = 1 << 20;

function fromRaw(value: bigint): number {
  return value === RLIM_INFINITY ? Infinity : Number(value);
}

function toRaw(value: number): bigint {
  return value === Infinity ? RLIM_INFINITY : BigInt(value);
}

function writeLimit(task: Task, at: number, limit: Limit): void {
  task.mm.writeU64(at, toRaw(limit.soft));
  task.mm.writeU64(at + 8, toRaw(limit.hard));
}

function setLimit(task: Task, target: Task, resource: number, at: number): number {
  const limit = { soft: fromRaw(task.mm.readU64(at)), hard: fromRaw(task.mm.readU64(at + 8)) };
  if (limit.soft > limit.hard) return -Errno.EINVAL;
  const old = target.group.limits.get(resource);
  if (limit.hard > old.hard && !hasCap(task.creds, Cap.SYS_RESOURCE)) return -Errno.EPERM;
  if (resource === NOFILE && limit.hard !== Infinity && limit.hard > NOFILE_MAX) return -Errno.EPERM;
  target.mm.dropReserve();
  target.group.limits.set(resource, limit);
  return 0;
}

function sysPrlimit64(task: Task, pid: number, resource: number, newLimit: number, oldLimit: number): number {
  if (resource < 0 || resource >= RLIMIT_COUNT) return -Errno.EINVAL;
  const target = pid === 0 ? task : taskWithPid(task, pid);
  if (!target) return -Errno.ESRCH;
  if (target.group !== task.group && target.creds.uid !== task.creds.uid && !hasCap(task.creds, Cap.SYS_RESOURCE)) return -Errno.EPERM;
  const old = target.group.limits.get(resource);
  const result = newLimit === 0 ? 0 : setLimit(task, target, resource, newLimit);
  if (result === 0 && oldLimit !== 0) writeLimit(task, oldLimit, old);
  return result;
}

function sysGetrlimit(task: Task, resource: number, out: number): number {
  if (resource < 0 || resource >= RLIMIT_COUNT) return -Errno.EINVAL;
  writeLimit(task, out, task.group.limits.get(resource));
  return 0;
}

function sysSetrlimit(task: Task, resource: number, value: number): number {
  if (resource < 0 || resource >= RLIMIT_COUNT) return -Errno.EINVAL;
  return setLimit(task, task, resource, value);
}

function usageOf(task: Task): Usage {
  const usage = new Usage();
  const { u32 } = task.shared;
  usage.cpuTimeNs = taskCpuNs(task);
  usage.minorFaults = task.minorFaults + u32[(task.tcb + TCB.off.freshFaults) >> 2]!;
  usage.majorFaults = task.majorFaults;
  usage.voluntarySwitches = u32[(task.tcb + TCB.off.nvcsw) >> 2]!;
  usage.involuntarySwitches = u32[(task.tcb + TCB.off.nivcsw) >> 2]!;
  return usage;
}

function groupUsage(task: Task): Usage {
  const usage = new Usage();
  usage.add(task.group.exitedUsage);
  for (const member of task.group.tasks) if (member.isAlive) usage.add(usageOf(member));
  usage.cpuTimeNs = groupCpuNs(task.group);
  return usage;
}

const RUSAGE_BYTES = 144;
const RUSAGE = [['RUSAGE_SELF', 0], ['RUSAGE_CHILDREN', -1], ['RUSAGE_THREAD', 1]] as const;

/** struct rusage (getrusage(2)). */
export function writeRusage(task: Task, at: number, usage: Usage, maxRssKib = 0): void {
  task.mm.zeroOut(at, RUSAGE_BYTES);
  writeTimevalNs(task.mm, at, usage.cpuTimeNs);
  task.mm.writeU64(at + 32, BigInt(maxRssKib));
  task.mm.writeU64(at + 64, BigInt(usage.minorFaults));
  task.mm.writeU64(at + 72, BigInt(usage.majorFaults));
  task.mm.writeU64(at + 128, BigInt(usage.voluntarySwitches));
  task.mm.writeU64(at + 136, BigInt(usage.involuntarySwitches));
}

function sysGetrusage(task: Task, who: number, out: number): number {
  const usage = who === 0 ? groupUsage(task) : who === -1 ? task.group.childUsage : who === 1 ? usageOf(task) : undefined;
  if (!usage) return -Errno.EINVAL;
  writeRusage(task, out, usage);
  return 0;
}

export const rows: readonly SyscallRow[] = [
  { nr: 302, name: 'prlimit64', args: [int('pid'), choice('resource', NAMES), inBuf('new_limit', 16), outBuf('old_limit', 16)], groups: ['%process'], support: 'full', man: 'prlimit(2)', handler: sysPrlimit64 },
  { nr: 97, name: 'getrlimit', args: [choice('resource', NAMES), outBuf('rlim', 16)], groups: ['%process'], support: 'full', man: 'getrlimit(2)', handler: sysGetrlimit },
  { nr: 160, name: 'setrlimit', args: [choice('resource', NAMES), inBuf('rlim', 16)], groups: ['%process'], support: 'full', man: 'setrlimit(2)', handler: sysSetrlimit },
  { nr: 98, name: 'getrusage', args: [choice('who', RUSAGE), outBuf('usage', RUSAGE_BYTES)], groups: ['%process'], support: { partial: 'all CPU time counts as user time' }, man: 'getrusage(2)', handler: sysGetrusage },
];
