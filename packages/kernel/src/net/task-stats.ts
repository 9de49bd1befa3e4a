/**
 * Statistics of tasks by generic netlink (linux/taskstats.h): asked for, or told at the end of each task to who registered for a core.
 *
 * Owns: which sockets hear of which cores.
 */
import {
  AcctFlag, Errno, GENLMSGHDR, GENL_FIRST_FREE_ID, TASKSTATS, TASKSTATS_GENL_VERSION, TASKSTATS_VERSION, TaskstatsAttr, TaskstatsCmd, TaskstatsType,
  type ExitStatus, type UserNamespace,
} from '@troupe/abi';
import type { PathNode } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { taskWithPid } from '../namespace/id-view.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import { policyOf } from '../task/schedule.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { groupUsage, taskUsage } from '../task/usage.js';
import type { Usage } from '../task/usage-counts.js';
import { attribute, message, textOf, u32Bytes, viewOf, type NetlinkHeader, type NetlinkRequest } from './netlink-message.js';
import type { NetlinkAnswer, NetlinkSender } from './netlink-request.js';
import type { NetlinkSocket } from './netlink-socket.js';

const NS_PER_US = 1000;
const NS_PER_SEC = 1_000_000_000;
/** Longest list of cores: TASKSTATS_CPUMASK_MAXLEN is 100 + 6 for each core. */
const CPU_LIST_BYTES = 100;
const CPU_LIST_BYTES_EACH = 6;

type Fields = Partial<Record<keyof typeof TASKSTATS.off, number>>;

function encode(fields: Fields, name: string): Uint8Array {
  const bytes = new Uint8Array(TASKSTATS.sizeBytes);
  const view = viewOf(bytes);
  for (const [field, value] of Object.entries({ version: TASKSTATS_VERSION, ...fields })) {
    const at = TASKSTATS.off[field as keyof typeof TASKSTATS.off];
    switch (TASKSTATS.fields[field as keyof typeof TASKSTATS.off]) {
      case 'u8': view.setUint8(at, value); break;
      case 'u16': view.setUint16(at, value, true); break;
      case 'u64': view.setBigUint64(at, BigInt(Math.floor(value)), true); break;
      default: view.setUint32(at, value, true);
    }
  }
  bytes.set(Buffer.from(name, 'latin1').subarray(0, 31), TASKSTATS.off.comm);
  return bytes;
}

const usageFields = ({ cpuTimeNs, involuntarySwitches, majorFaults, minorFaults, voluntarySwitches }: Usage): Fields => ({
  cpuCount: voluntarySwitches + involuntarySwitches, cpuRunRealTotal: cpuTimeNs, cpuRunVirtualTotal: cpuTimeNs, cpuScaledRunRealTotal: cpuTimeNs, nvcsw: voluntarySwitches, nivcsw: involuntarySwitches,
  utimeUs: cpuTimeNs / NS_PER_US, utimeScaled: cpuTimeNs / NS_PER_US, minflt: minorFaults, majflt: majorFaults,
});

function timeFields(task: Task): Fields {
  const { kernel } = task;
  const now = kernel.monotonicNs();
  const beginSec = Math.floor((Number(kernel.realtimeNs()) - (now - task.startNs)) / NS_PER_SEC);
  const etimeUs = (now - task.startNs) / NS_PER_US;
  return { etimeUs, btime: beginSec, btime64: beginSec, tgetimeUs: (now - task.group.leader.startNs) / NS_PER_US };
}

function memoryFields(task: Task): Fields {
  if (task.tcb === 0) return {};
  const { peakRssBytes, sizeBytes } = task.mm.usage();
  const exe = (task.mm.image.exe as PathNode | null)?.inode.stat();
  return { hiwaterRssKib: peakRssBytes / 1024, hiwaterVmKib: sizeBytes / 1024, ...(exe === undefined ? {} : { exeDev: exe.dev, exeInode: exe.ino }) };
}

/** The namespaces whose ids are told. */
interface View {
  readonly pids: PidNamespace;
  readonly users: UserNamespace;
}

function statsOfTask(task: Task, { pids, users }: View, flags = 0, exitCode = 0): Uint8Array {
  const isForked = task.isLeader && !task.group.hasExeced;
  const { creds, group } = task;
  const parent = group.parent;
  return encode({
    ...usageFields(taskUsage(task)), ...timeFields(task), ...memoryFields(task), exitCode: task.isLeader ? exitCode : 0, flag: flags | (isForked ? AcctFlag.FORK : 0), nice: task.nice & 0xff, sched: policyOf(task),
    uid: users.shownUid(creds.uid), gid: users.shownGid(creds.gid), pid: pids.shown(task.tid), tgid: pids.shown(group.tgid), ppid: parent === null ? 0 : pids.shown(parent.tgid),
  }, task.name);
}

/** Sums of a process: what Linux adds up, and no more. `leaving` is not in them otherwise. */
function statsOfGroup(group: ThreadGroup, leaving: Task | null = null): Uint8Array {
  const usage = groupUsage(group);
  if (leaving !== null) usage.add(taskUsage(leaving));
  const { cpuTimeNs, involuntarySwitches, voluntarySwitches } = usage;
  return encode({ cpuCount: voluntarySwitches + involuntarySwitches, cpuRunRealTotal: cpuTimeNs, cpuRunVirtualTotal: cpuTimeNs, nvcsw: voluntarySwitches, nivcsw: involuntarySwitches, utimeUs: cpuTimeNs / NS_PER_US }, '');
}

const aggregate = (type: number, idType: number, id: number, stats: Uint8Array): Uint8Array =>
  attribute(type, Buffer.concat([attribute(idType, u32Bytes(id)), attribute(TaskstatsType.STATS, stats)]));

function newMessage(header: NetlinkHeader, ...parts: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(GENLMSGHDR.sizeBytes);
  head[GENLMSGHDR.off.cmd] = TaskstatsCmd.NEW;
  head[GENLMSGHDR.off.version] = TASKSTATS_GENL_VERSION;
  return message(header, head, ...parts);
}

/** TASKSTATS_CMD_GET: of a task or a process, or for whose ends to wait. */
export function answerTaskstats({ pid, seq, type }: NetlinkRequest, attributes: ReadonlyMap<number, Uint8Array>, { socket, task: viewer }: NetlinkSender): NetlinkAnswer {
  const idOf = (attr: number): number | undefined => {
    const bytes = attributes.get(attr);
    return bytes === undefined ? undefined : bytes.length < 4 ? -Errno.ERANGE : viewOf(bytes).getUint32(0, true);
  };
  const { taskStats } = viewer.kernel;
  const header = { type, flags: 0, seq, pid };
  const add = attributes.get(TaskstatsAttr.REGISTER_CPUMASK);
  const remove = attributes.get(TaskstatsAttr.DEREGISTER_CPUMASK);
  const [tid, tgid] = [idOf(TaskstatsAttr.PID), idOf(TaskstatsAttr.TGID)];
  for (const id of [tid, tgid]) if (id !== undefined && id < 0) return id;
  if (add !== undefined) return taskStats.register(socket, viewer, add);
  if (remove !== undefined) return taskStats.deregister(socket, viewer, remove);
  if (tid !== undefined) {
    const task = taskWithPid(viewer, tid);
    return task === undefined ? -Errno.ESRCH : [newMessage(header, aggregate(TaskstatsType.AGGR_PID, TaskstatsType.PID, tid, statsOfTask(task, { pids: viewer.group.pidNamespace, users: viewer.creds.userNamespace })))];
  }
  if (tgid === undefined) return -Errno.EINVAL;
  const group = taskWithPid(viewer, tgid)?.group;
  return group === undefined ? -Errno.ESRCH : [newMessage(header, aggregate(TaskstatsType.AGGR_TGID, TaskstatsType.TGID, tgid, statsOfGroup(group)))];
}

/** "0-3,5" as a list, or -EINVAL. */
function coresIn(list: Uint8Array, available: number): readonly number[] | number {
  if (list.length > CPU_LIST_BYTES + CPU_LIST_BYTES_EACH * available) return -Errno.ERANGE;
  const cores: number[] = [];
  for (const part of textOf(list).split(',')) {
    const range = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part);
    if (range === null) return -Errno.EINVAL;
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    if (last < first || last >= available) return -Errno.EINVAL;
    for (let core = first; core <= last; core++) cores.push(core);
  }
  return cores;
}

export class TaskStats {
  private readonly _coresOf = new Map<NetlinkSocket, Set<number>>();
  private _lastSeq = 0;

  constructor(readonly kernel: Kernel) {}

  register(socket: NetlinkSocket, viewer: Task, list: Uint8Array): NetlinkAnswer {
    const cores = this._cores(viewer, list);
    if (typeof cores === 'number') return cores;
    this._coresOf.set(socket, new Set([...(this._coresOf.get(socket) ?? []), ...cores]));
    return [];
  }

  deregister(socket: NetlinkSocket, viewer: Task, list: Uint8Array): NetlinkAnswer {
    const cores = this._cores(viewer, list);
    if (typeof cores === 'number') return cores;
    for (const core of cores) this._coresOf.get(socket)?.delete(core);
    return [];
  }

  /** Only programs in the first namespaces may register. */
  private _cores(viewer: Task, list: Uint8Array): readonly number[] | number {
    if (!viewer.creds.userNamespace.isFirst || !viewer.group.pidNamespace.isFirst) return -Errno.EINVAL;
    return coresIn(list, this.kernel.applicationCores);
  }

  /** The socket is closed. */
  forget(socket: NetlinkSocket): void {
    this._coresOf.delete(socket);
  }

  get isHeard(): boolean {
    return this._coresOf.size > 0;
  }

  /** Preconditions: the task still has its memory. `isLast`: of its process. */
  exited(task: Task, { code, signo }: ExitStatus, core: number, isLast: boolean): void {
    const { group } = task;
    const view = { pids: this.kernel.rootPidNamespace, users: this.kernel.rootUserNamespace };
    const flags = (isLast ? AcctFlag.GROUP : 0) | (signo === 0 ? 0 : AcctFlag.SIGNAL);
    const parts = [aggregate(TaskstatsType.AGGR_PID, TaskstatsType.PID, task.tid, statsOfTask(task, view, flags, signo === 0 ? code << 8 : signo))];
    if (isLast && group.hadThreads) parts.push(aggregate(TaskstatsType.AGGR_TGID, TaskstatsType.TGID, group.tgid, statsOfGroup(group, task)));
    const bytes = newMessage({ type: GENL_FIRST_FREE_ID, flags: 0, seq: this._lastSeq++, pid: 0 }, ...parts);
    for (const [socket, cores] of this._coresOf) if (cores.has(core)) socket.deliver(bytes, 0, 0);
  }
}
