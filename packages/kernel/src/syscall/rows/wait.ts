/** wait4(2), waitid(2). */
import { Errno, IdType, Sig, Wait } from '@troupe/abi';
import { kernelPid } from '../../namespace/id-view.js';
import { groupOfPidFd } from '../../task/pid-file.js';
import type { Task } from '../../task/task.js';
import type { Usage } from '../../task/usage-counts.js';
import { waitForChild } from '../../task/wait.js';
import type { WaitReport } from '../../task/wait.js';
import { addr, flags, int, outBuf, waitOn, type SyscallResult, type SyscallRow } from '../row.js';
import { writeTimevalNs } from '../timespec.js';

const OPTIONS = [
  ['WNOHANG', Wait.NOHANG], ['WSTOPPED', Wait.STOPPED], ['WEXITED', Wait.EXITED], ['WCONTINUED', Wait.CONTINUED], ['WNOWAIT', Wait.NOWAIT],
  ['__WNOTHREAD', Wait.NOTHREAD], ['__WALL', Wait.ALL], ['__WCLONE', Wait.CLONE],
] as const;
const ID_TYPES = [['P_ALL', IdType.ALL], ['P_PID', IdType.PID], ['P_PGID', IdType.PGID], ['P_PIDFD', IdType.PIDFD]] as const;
const INT_MIN = -0x8000_0000;
const SIGINFO_HEAD_BYTES = 32;

function matcher(task: Task, pid: number): (child: Task) => boolean {
  if (pid === -1) return () => true;
  if (pid > 0) {
    const tid = kernelPid(task, pid);
    return (child) => child.tid === tid;
  }
  const pgid = pid === 0 ? task.group.processGroup.pgid : kernelPid(task, -pid);
  return (child) => child.group.processGroup.pgid === pgid;
}

function sysWait4(task: Task, pid: number, statusAt: number, options: number, rusageAt: number): SyscallResult {
  if ((options & ~(Wait.NOHANG | Wait.UNTRACED | Wait.CONTINUED | Wait.NOTHREAD | Wait.CLONE | Wait.ALL)) !== 0) return -Errno.EINVAL;
  if (pid === INT_MIN) return -Errno.ESRCH;
  const result = waitForChild(task, { matches: matcher(task, pid), options: options | Wait.EXITED });
  if (result === 'none') return -Errno.ECHILD;
  if (result === 'later') return (options & Wait.NOHANG) !== 0 ? 0 : waitOn(task.group.childWaiters, 0);
  if (statusAt !== 0) task.mm.writeU32(statusAt, result.status);
  if (rusageAt !== 0) writeRusage(task, rusageAt, result.usage);
  return result.pid;
}

function sysWaitid(task: Task, idType: number, id: number, infoAt: number, options: number, rusageAt: number): SyscallResult {
  const events = Wait.EXITED | Wait.STOPPED | Wait.CONTINUED;
  if ((options & ~(events | Wait.NOHANG | Wait.NOWAIT | Wait.NOTHREAD | Wait.CLONE | Wait.ALL)) !== 0 || (options & events) === 0) return -Errno.EINVAL;
  const matches = idMatcher(task, idType, id);
  if (typeof matches === 'number') return matches;
  const result = waitForChild(task, { matches, options });
  if (result === 'none') return -Errno.ECHILD;
  if (result === 'later' && (options & Wait.NOHANG) === 0) return waitOn(task.group.childWaiters, 0);
  if (infoAt !== 0) writeChildInfo(task, infoAt, result === 'later' ? null : result);
  if (result !== 'later' && rusageAt !== 0) writeRusage(task, rusageAt, result.usage);
  return 0;
}

function idMatcher(task: Task, idType: number, id: number): ((child: Task) => boolean) | number {
  switch (idType) {
    case IdType.ALL:
      return () => true;
    case IdType.PID:
      return id > 0 ? matcher(task, id) : -Errno.EINVAL;
    case IdType.PGID:
      return id < 0 ? -Errno.EINVAL : matcher(task, id === 0 ? 0 : -id);
    case IdType.PIDFD: {
      if (id < 0) return -Errno.EINVAL;
      const group = groupOfPidFd(task, id);
      return typeof group === 'number' ? group : (child) => child === group.leader;
    }
    default:
      return -Errno.EINVAL;
  }
}

/** The fields of siginfo_t that waitid(2) sets; null: nothing to report, all are 0. */
function writeChildInfo(task: Task, at: number, report: WaitReport | null): void {
  const view = new DataView(new ArrayBuffer(SIGINFO_HEAD_BYTES));
  if (report !== null) {
    view.setInt32(0, Sig.CHLD, true);
    view.setInt32(8, report.code, true);
    view.setInt32(16, report.pid, true);
    view.setUint32(20, report.uid, true);
    view.setInt32(24, report.value, true);
  }
  task.mm.copyOut(at, new Uint8Array(view.buffer).subarray(0, 12));
  task.mm.copyOut(at + 16, new Uint8Array(view.buffer, 16, 12));
}

const RUSAGE_BYTES = 144;

/** struct rusage (getrusage(2)). */
function writeRusage(task: Task, at: number, usage: Usage): void {
  task.mm.zeroOut(at, RUSAGE_BYTES);
  writeTimevalNs(task.mm, at, usage.cpuTimeNs);
  task.mm.writeU64(at + 32, BigInt(usage.maxRssPages * 4));
  task.mm.writeU64(at + 64, BigInt(usage.minorFaults));
  task.mm.writeU64(at + 72, BigInt(usage.majorFaults));
  task.mm.writeU64(at + 128, BigInt(usage.voluntarySwitches));
  task.mm.writeU64(at + 136, BigInt(usage.involuntarySwitches));
}

export const rows: readonly SyscallRow[] = [
  { nr: 61, name: 'wait4', args: [int('pid'), outBuf('wstatus', 4), flags('options', OPTIONS), outBuf('rusage', RUSAGE_BYTES)], groups: ['%process'], restart: 'ERESTARTSYS', support: 'full', man: 'wait4(2)', handler: sysWait4 },
  { nr: 247, name: 'waitid', args: [flags('idtype', ID_TYPES), int('id'), outBuf('infop', 128), flags('options', OPTIONS), addr('rusage')], groups: ['%process'], restart: 'ERESTARTSYS', support: 'full', man: 'waitid(2)', handler: sysWaitid },
];
