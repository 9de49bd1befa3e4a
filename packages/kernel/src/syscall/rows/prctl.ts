/** prctl(2) and arch_prctl(2). */
import { Errno, NSIG, SeccompMode } from '@troupe/abi';
import { addFilter, setStrict } from '../../seccomp/install.js';
import { changeAmbient, dropBounding, hasSecureBit, LAST_CAPABILITY, SecureBit, setKeepCapabilities, setSecureBits } from '../../task/capability-control.js';
import { ArchCode, archPrctl } from '../../task/segment-base.js';
import type { Task } from '../../task/task.js';
import { addr, size, type SyscallRow, choice } from '../row.js';

const Pr = {
  SET_PDEATHSIG: 1, GET_PDEATHSIG: 2, GET_DUMPABLE: 3, SET_DUMPABLE: 4, GET_KEEPCAPS: 7, SET_KEEPCAPS: 8, GET_TIMING: 13, SET_TIMING: 14, SET_NAME: 15, GET_NAME: 16,
  GET_SECCOMP: 21, SET_SECCOMP: 22, CAPBSET_READ: 23, CAPBSET_DROP: 24, GET_TSC: 25, SET_TSC: 26, GET_SECUREBITS: 27, SET_SECUREBITS: 28, SET_TIMERSLACK: 29, GET_TIMERSLACK: 30,
  TASK_PERF_EVENTS_DISABLE: 31, TASK_PERF_EVENTS_ENABLE: 32, MCE_KILL_GET: 34,
  SET_CHILD_SUBREAPER: 36, GET_CHILD_SUBREAPER: 37, SET_NO_NEW_PRIVS: 38, GET_NO_NEW_PRIVS: 39, GET_TID_ADDRESS: 40, SET_THP_DISABLE: 41, GET_THP_DISABLE: 42,
  CAP_AMBIENT: 47,
} as const;
const NAME_BYTES = 16;
const DEFAULT_SLACK_NS = 50_000;
const TIMING_STATISTICAL = 0;
const TSC_ENABLE = 1;
const MCE_KILL_DEFAULT = 2;

type Option = (task: Task, arg2: number, arg3: number, arg4: number, arg5: number) => number;

function setName(task: Task, at: number): number {
  const bytes = new Uint8Array(NAME_BYTES);
  task.mm.copyInPartial(at, bytes);
  const end = bytes.indexOf(0);
  task.name = Buffer.from(bytes.subarray(0, end < 0 || end > 15 ? 15 : end)).toString('latin1');
  task.kernel.processEvents.named(task);
  return 0;
}

function getName(task: Task, at: number): number {
  const bytes = new Uint8Array(NAME_BYTES);
  bytes.set(Buffer.from(task.name, 'latin1').subarray(0, 15));
  task.mm.copyOut(at, bytes);
  return 0;
}

function writeWord(task: Task, at: number, value: number): number {
  task.mm.writeU32(at, value);
  return 0;
}

/** Own threads only may read counters that do not exist; the calls have nothing to do. */
const nothing: Option = () => 0;

/** PR_SET_THP_DISABLE: kept, there are no huge pages. */
function setNoHugePages(task: Task, value: number, arg3: number, arg4: number, arg5: number): number {
  if (arg3 !== 0 || arg4 !== 0 || arg5 !== 0) return -Errno.EINVAL;
  task.mm.hasNoHugePages = value !== 0;
  return 0;
}

function setNoNewPrivileges(task: Task, value: number, arg3: number, arg4: number, arg5: number): number {
  if (value !== 1 || arg3 !== 0 || arg4 !== 0 || arg5 !== 0) return -Errno.EINVAL;
  task.noNewPrivs = true;
  return 0;
}

function setSeccomp(task: Task, mode: number, program: number): number {
  if (mode === SeccompMode.STRICT) return setStrict(task);
  return mode === SeccompMode.FILTER ? addFilter(task, 0, program) : -Errno.EINVAL;
}

const OPTIONS: Readonly<Record<number, Option>> = {
  [Pr.SET_PDEATHSIG]: (task, signo) => (signo < 0 || signo > NSIG ? -Errno.EINVAL : ((task.parentDeathSignal = signo), 0)),
  [Pr.GET_PDEATHSIG]: (task, at) => writeWord(task, at, task.parentDeathSignal),
  [Pr.GET_DUMPABLE]: (task) => task.dumpable,
  [Pr.SET_DUMPABLE]: (task, value) => (value > 1 ? -Errno.EINVAL : ((task.dumpable = value), 0)),
  [Pr.GET_KEEPCAPS]: (task) => (hasSecureBit(task, SecureBit.KEEP_CAPS) ? 1 : 0),
  [Pr.SET_KEEPCAPS]: setKeepCapabilities,
  [Pr.GET_TIMING]: nothing,
  [Pr.SET_TIMING]: (_task, mode) => (mode === TIMING_STATISTICAL ? 0 : -Errno.EINVAL),
  [Pr.SET_NAME]: setName,
  [Pr.GET_NAME]: getName,
  [Pr.GET_SECCOMP]: (task) => (task.seccomp === null ? SeccompMode.DISABLED : SeccompMode.FILTER),
  [Pr.SET_SECCOMP]: setSeccomp,
  [Pr.CAPBSET_READ]: (task, cap) => (cap > LAST_CAPABILITY ? -Errno.EINVAL : Number((task.creds.capBounding >> BigInt(cap)) & 1n)),
  [Pr.CAPBSET_DROP]: dropBounding,
  [Pr.GET_SECUREBITS]: (task) => task.creds.securebits,
  [Pr.SET_SECUREBITS]: setSecureBits,
  [Pr.GET_TSC]: (task, at) => writeWord(task, at, TSC_ENABLE),
  [Pr.SET_TSC]: (_task, mode) => (mode === TSC_ENABLE ? 0 : -Errno.EINVAL),
  [Pr.TASK_PERF_EVENTS_DISABLE]: nothing,
  [Pr.TASK_PERF_EVENTS_ENABLE]: nothing,
  [Pr.MCE_KILL_GET]: () => MCE_KILL_DEFAULT,
  [Pr.SET_TIMERSLACK]: (task, ns) => ((task.timerSlackNs = ns > 0 ? ns : DEFAULT_SLACK_NS), 0),
  [Pr.GET_TIMERSLACK]: (task) => task.timerSlackNs,
  [Pr.SET_CHILD_SUBREAPER]: (task, value) => ((task.group.isChildSubreaper = value !== 0), 0),
  [Pr.GET_CHILD_SUBREAPER]: (task, at) => writeWord(task, at, task.group.isChildSubreaper ? 1 : 0),
  [Pr.SET_NO_NEW_PRIVS]: setNoNewPrivileges,
  [Pr.GET_NO_NEW_PRIVS]: (task) => (task.noNewPrivs ? 1 : 0),
  [Pr.GET_TID_ADDRESS]: (task, at) => (task.mm.writeU64(at, BigInt(task.clearChildTid)), 0),
  [Pr.SET_THP_DISABLE]: setNoHugePages,
  [Pr.GET_THP_DISABLE]: (task) => (task.mm.hasNoHugePages ? 1 : 0),
  [Pr.CAP_AMBIENT]: changeAmbient,
};

function sysPrctl(task: Task, option: number, arg2: number, arg3: number, arg4: number, arg5: number): number {
  return OPTIONS[option]?.(task, arg2, arg3, arg4, arg5) ?? -Errno.EINVAL;
}

const symbols = (prefix: string, table: Record<string, number>): (readonly [string, number])[] => Object.entries(table).map(([name, value]) => [`${prefix}${name}`, value] as const);

export const rows: readonly SyscallRow[] = [
  { nr: 157, name: 'prctl', args: [choice('option', symbols('PR_', Pr)), size('arg2'), size('arg3'), size('arg4'), size('arg5')], groups: ['%process'], support: { partial: 'no speculation control, PR_SET_MM, PR_SET_VMA' }, man: 'prctl(2)', handler: sysPrctl },
  { nr: 158, name: 'arch_prctl', args: [choice('code', symbols('ARCH_', ArchCode)), addr('addr')], groups: ['%process'], support: 'full', man: 'arch_prctl(2)', handler: (task: Task, code: number, at: number) => archPrctl(task, task, code, at) },
];
