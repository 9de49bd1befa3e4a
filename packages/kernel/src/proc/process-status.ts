/** /proc/pid/stat and status (proc(5)). */
import { NS_PER_SEC, NSIG, Rlimit, SIG_DFL, SIG_IGN, TCB, type UserNamespace } from '@troupe/abi';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import { filtersOf } from '../seccomp/filter.js';
import { CLOCK_TICK_NS } from '../task/running-tasks.js';
import { policyOf } from '../task/schedule.js';
import type { Task } from '../task/task.js';
import { groupUsage, taskUsage } from '../task/usage.js';
import { stateLetter, stateText } from './task-lookup.js';

const ticks = (ns: number): number => Math.floor(ns / CLOCK_TICK_NS);
const TICKS_PER_SECOND = NS_PER_SEC / CLOCK_TICK_NS;
/** RLIM_INFINITY as stat prints it. */
const INFINITE = '18446744073709551615';

/** Masks of ignored and caught signals. */
export function dispositionMasks(task: Task): { ignored: bigint; caught: bigint } {
  let ignored = 0n;
  let caught = 0n;
  for (let signo = 1; signo <= NSIG; signo++) {
    const { handler } = task.group.handlers.get(signo);
    const bit = 1n << BigInt(signo - 1);
    if (handler === BigInt(SIG_IGN)) ignored |= bit;
    else if (handler !== BigInt(SIG_DFL)) caught |= bit;
  }
  return { ignored, caught };
}

/** One line of 52 fields; `whole`: the process, else one thread. Ids as `viewer` shows them. */
export function statText(task: Task, whole: boolean, viewer: PidNamespace): string {
  const { group } = task;
  const isGone = task.state === 'zombie' || task.state === 'dead';
  const usage = whole ? groupUsage(group) : taskUsage(task);
  const { ignored, caught } = dispositionMasks(task);
  const mask31 = (set: bigint): string => (set & 0x7fff_ffffn).toString();
  const session = group.processGroup?.session;
  const image = isGone ? null : task.mm.image;
  const memory = isGone ? null : task.mm.usage();
  const rssLimit = group.limits.soft(Rlimit.RSS);
  const realtime = task.rtPriority;
  return [
    viewer.shown(task.tid), `(${task.name})`, stateLetter(task), viewer.shown(group.ppid), viewer.shown(group.processGroup?.pgid ?? 0), viewer.shown(session?.sid ?? 0),
    session?.terminal?.device ?? 0, viewer.shown(session?.terminal?.foreground ?? 0) || -1, 0x400000,
    usage.minorFaults, group.childUsage.minorFaults, usage.majorFaults, group.childUsage.majorFaults,
    ticks(usage.cpuTimeNs), 0, ticks(group.childUsage.cpuTimeNs), 0,
    realtime > 0 ? -1 - realtime : 20 + task.nice, task.nice, group.liveTasks.length, 0, Math.floor(task.startNs / NS_PER_SEC * TICKS_PER_SECOND),
    memory?.sizeBytes ?? 0, Math.floor((memory?.rssBytes ?? 0) / 4096), rssLimit === Infinity ? INFINITE : rssLimit,
    image?.startCode ?? 0, image?.endCode ?? 0, image?.startStack ?? 0, 0, 0,
    mask31(task.pending.set), isGone ? 0 : mask31(task.sigMask), mask31(ignored), mask31(caught), 0, 0, 0,
    group.exitSignal, isGone ? 0 : Math.max(0, task.shared.i32[(task.tcb + TCB.off.lastCore) >> 2]!), realtime, policyOf(task), 0, 0, 0,
    image?.startData ?? 0, image?.endData ?? 0, isGone ? 0 : task.mm.brk.start, image?.argStart ?? 0, image?.argEnd ?? 0, image?.envStart ?? 0, image?.envEnd ?? 0, 0,
  ].join(' ') + '\n';
}

/** CPUs the task may use, limited to those that exist. */
function affinityOf(task: Task): bigint {
  const all = (1n << BigInt(task.kernel.applicationCores)) - 1n;
  return task.tcb === 0 ? all : task.shared.u64[(task.tcb + TCB.off.affinity) / 8]! & all;
}

const hex64 = (value: bigint): string => value.toString(16).padStart(16, '0');
const kib = (bytes: number): string => `${String(Math.floor(bytes / 1024)).padStart(8)} kB`;

/** Names with tabs and newlines escaped, as status prints them. */
const escapedName = (name: string): string => name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function memoryLines(task: Task): string[] {
  if (!task.isAlive) return [];
  const usage = task.mm.usage();
  return [
    `VmPeak:\t${kib(usage.sizeBytes)}`, `VmSize:\t${kib(usage.sizeBytes)}`, `VmLck:\t${kib(usage.lockedBytes)}`, `VmPin:\t${kib(0)}`,
    `VmHWM:\t${kib(usage.peakRssBytes)}`, `VmRSS:\t${kib(usage.rssBytes)}`, `RssAnon:\t${kib(usage.rssAnonBytes)}`,
    `RssFile:\t${kib(usage.rssFileBytes)}`, `RssShmem:\t${kib(0)}`, `VmData:\t${kib(usage.dataBytes)}`, `VmStk:\t${kib(usage.stackBytes)}`,
    `VmExe:\t${kib(usage.textBytes)}`, `VmLib:\t${kib(0)}`, `VmPTE:\t${kib(4096)}`, `VmSwap:\t${kib(0)}`, `HugetlbPages:\t${kib(0)}`, 'CoreDumping:\t0', 'THP_enabled:\t0',
  ];
}

/** "0-3,5" of a bit mask. */
export function cpuList(mask: bigint): string {
  const parts: string[] = [];
  for (let cpu = 0; mask >> BigInt(cpu) !== 0n; cpu++) {
    if ((mask >> BigInt(cpu)) % 2n === 0n) continue;
    let end = cpu;
    while ((mask >> BigInt(end + 1)) % 2n === 1n) end++;
    parts.push(end === cpu ? String(cpu) : `${cpu}-${end}`);
    cpu = end;
  }
  return parts.join(',');
}

/** Numbers of an id from the viewing namespace down to the task's own. */
function idChain(task: Task, viewer: PidNamespace, id: number): string {
  const numbers: number[] = [];
  for (let at: PidNamespace | null = task.group.pidNamespace; at !== null; at = at.parent) {
    numbers.unshift(at.shown(id));
    if (at === viewer) break;
  }
  return numbers.join('\t');
}

export function statusText(task: Task, viewer: PidNamespace, users: UserNamespace): string {
  const { group, creds } = task;
  const { ignored, caught } = dispositionMasks(task);
  const usage = taskUsage(task);
  const cpus = affinityOf(task);
  const { NOFILE } = Rlimit;
  const chain = (id: number): string => idChain(task, viewer, id);
  return [
    `Name:\t${escapedName(task.name)}`,
    ...(task.isAlive ? [`Umask:\t${task.fs.umask.toString(8).padStart(4, '0')}`] : []),
    `State:\t${stateText(task)}`, `Tgid:\t${viewer.shown(group.tgid)}`, 'Ngid:\t0', `Pid:\t${viewer.shown(task.tid)}`, `PPid:\t${viewer.shown(group.ppid)}`, `TracerPid:\t${viewer.shown(task.tracing?.tracer.group.tgid ?? 0)}`,
    `Uid:\t${[creds.uid, creds.euid, creds.suid, creds.fsuid].map((id) => users.shownUid(id)).join('\t')}`,
    `Gid:\t${[creds.gid, creds.egid, creds.sgid, creds.fsgid].map((id) => users.shownGid(id)).join('\t')}`,
    `FDSize:\t${Math.min(group.limits.soft(NOFILE), 256)}`, `Groups:\t${creds.groups.map((gid) => users.shownGid(gid)).join(' ')} `,
    `NStgid:\t${chain(group.tgid)}`, `NSpid:\t${chain(task.tid)}`, `NSpgid:\t${chain(group.processGroup?.pgid ?? 0)}`, `NSsid:\t${chain(group.processGroup?.session.sid ?? 0)}`,
    ...memoryLines(task),
    `Threads:\t${group.liveTasks.length}`, `SigQ:\t0/${group.limits.soft(Rlimit.SIGPENDING)}`,
    `SigPnd:\t${hex64(task.pending.set)}`, `ShdPnd:\t${hex64(group.pending.set)}`, `SigBlk:\t${hex64(task.isAlive ? task.sigMask : 0n)}`,
    `SigIgn:\t${hex64(ignored)}`, `SigCgt:\t${hex64(caught)}`,
    `CapInh:\t${hex64(creds.capInheritable)}`, `CapPrm:\t${hex64(creds.capPermitted)}`, `CapEff:\t${hex64(creds.capEffective)}`,
    `CapBnd:\t${hex64(creds.capBounding)}`, `CapAmb:\t${hex64(creds.capAmbient)}`,
    `NoNewPrivs:\t${task.noNewPrivs ? 1 : 0}`, `Seccomp:\t${task.seccomp === null ? 0 : task.seccomp === 'strict' ? 1 : 2}`, `Seccomp_filters:\t${filtersOf(task.seccomp).length}`, 'Speculation_Store_Bypass:\tnot vulnerable',
    'SpeculationIndirectBranch:\talways disabled', `Cpus_allowed:\t${cpus.toString(16)}`, `Cpus_allowed_list:\t${cpuList(cpus)}`,
    'Mems_allowed:\t1', 'Mems_allowed_list:\t0',
    `voluntary_ctxt_switches:\t${usage.voluntarySwitches}`, `nonvoluntary_ctxt_switches:\t${usage.involuntarySwitches}`, '',
  ].join('\n');
}
