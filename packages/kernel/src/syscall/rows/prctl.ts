/** prctl(2) and arch_prctl(2). */
import { Cap, Errno, hasOwnCap, NSIG, SeccompMode, TCB } from '@troupe/abi';
import { addFilter, setStrict } from '../../seccomp/install.js';
import type { Task } from '../../task/task.js';
import { addr, size, type SyscallRow, choice } from '../row.js';

const Pr = {
  SET_PDEATHSIG: 1, GET_PDEATHSIG: 2, GET_DUMPABLE: 3, SET_DUMPABLE: 4, GET_KEEPCAPS: 7, SET_KEEPCAPS: 8, SET_NAME: 15, GET_NAME: 16,
  GET_SECCOMP: 21, SET_SECCOMP: 22, CAPBSET_READ: 23, CAPBSET_DROP: 24, GET_SECUREBITS: 27, SET_SECUREBITS: 28, SET_TIMERSLACK: 29, GET_TIMERSLACK: 30,
  SET_CHILD_SUBREAPER: 36, GET_CHILD_SUBREAPER: 37, SET_NO_NEW_PRIVS: 38, GET_NO_NEW_PRIVS: 39, GET_TID_ADDRESS: 40, CAP_AMBIENT: 47,
} as const;
const CAP_LAST = 40;
const NAME_BYTES = 16;
const DEFAULT_SLACK_NS = 50_000;

type Option = (task: Task, arg2: number, arg3: number) => number;

function setName(task: Task, at: number): number {
  const bytes = new Uint8Array(NAME_BYTES);
  task.mm.copyInPartial(at, bytes);
  const end = bytes.indexOf(0);
  task.name = Buffer.from(bytes.subarray(0, end < 0 || end > 15 ? 15 : end)).toString('latin1');
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

function dropBounding(task: Task, cap: number): number {
  if (!hasOwnCap(task.creds, Cap.SETPCAP)) return -Errno.EPERM;
  if (cap > CAP_LAST) return -Errno.EINVAL;
  task.creds = { ...task.creds, capBounding: task.creds.capBounding & ~(1n << BigInt(cap)) };
  return 0;
}

/** PR_CAP_AMBIENT: is-set 1, raise 2, lower 3, clear-all 4. */
function ambient(task: Task, operation: number, cap: number): number {
  const { creds } = task;
  if (operation === 4) {
    task.creds = { ...creds, capAmbient: 0n };
    return 0;
  }
  if (cap > CAP_LAST) return -Errno.EINVAL;
  const bit = 1n << BigInt(cap);
  if (operation === 1) return (creds.capAmbient & bit) === 0n ? 0 : 1;
  if (operation === 3) task.creds = { ...creds, capAmbient: creds.capAmbient & ~bit };
  else if (operation !== 2) return -Errno.EINVAL;
  else if ((creds.capPermitted & creds.capInheritable & bit) === 0n) return -Errno.EPERM;
  else task.creds = { ...creds, capAmbient: creds.capAmbient | bit };
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
  [Pr.GET_KEEPCAPS]: (task) => (task.keepCaps ? 1 : 0),
  [Pr.SET_KEEPCAPS]: (task, value) => (value > 1 ? -Errno.EINVAL : ((task.keepCaps = value === 1), 0)),
  [Pr.SET_NAME]: setName,
  [Pr.GET_NAME]: getName,
  [Pr.GET_SECCOMP]: (task) => (task.seccomp === null ? SeccompMode.DISABLED : SeccompMode.FILTER),
  [Pr.SET_SECCOMP]: setSeccomp,
  [Pr.CAPBSET_READ]: (task, cap) => (cap > CAP_LAST ? -Errno.EINVAL : Number((task.creds.capBounding >> BigInt(cap)) & 1n)),
  [Pr.CAPBSET_DROP]: dropBounding,
  [Pr.GET_SECUREBITS]: (task) => task.creds.securebits,
  [Pr.SET_SECUREBITS]: (task, bits) => {
    if (!hasOwnCap(task.creds, Cap.SETPCAP)) return -Errno.EPERM;
    task.creds = { ...task.creds, securebits: bits };
    return 0;
  },
  [Pr.SET_TIMERSLACK]: (task, ns) => ((task.timerSlackNs = ns > 0 ? ns : DEFAULT_SLACK_NS), 0),
  [Pr.GET_TIMERSLACK]: (task) => task.timerSlackNs,
  [Pr.SET_CHILD_SUBREAPER]: (task, value) => ((task.group.isChildSubreaper = value !== 0), 0),
  [Pr.GET_CHILD_SUBREAPER]: (task, at) => writeWord(task, at, task.group.isChildSubreaper ? 1 : 0),
  [Pr.SET_NO_NEW_PRIVS]: (task, value) => (value === 1 ? ((task.noNewPrivs = true), 0) : -Errno.EINVAL),
  [Pr.GET_NO_NEW_PRIVS]: (task) => (task.noNewPrivs ? 1 : 0),
  [Pr.GET_TID_ADDRESS]: (task, at) => (task.mm.writeU64(at, BigInt(task.clearChildTid)), 0),
  [Pr.CAP_AMBIENT]: ambient,
};

function sysPrctl(task: Task, option: number, arg2: number, arg3: number): number {
  return OPTIONS[option]?.(task, arg2, arg3) ?? -Errno.EINVAL;
}

const Arch = { SET_GS: 0x1001, SET_FS: 0x1002, GET_FS: 0x1003, GET_GS: 0x1004 } as const;
const ADDRESS_END = 0x7fff_ffff_f000;

function sysArchPrctl(task: Task, code: number, at: number): number {
  const word = (offset: number): number => (task.tcb + offset) / 8;
  const { u64 } = task.shared;
  switch (code) {
    case Arch.SET_FS:
    case Arch.SET_GS:
      if (at >= ADDRESS_END) return -Errno.EPERM;
      u64[word(code === Arch.SET_FS ? TCB.off.fsBase : TCB.off.gsBase)] = BigInt(at);
      return 0;
    case Arch.GET_FS:
    case Arch.GET_GS:
      task.mm.writeU64(at, u64[word(code === Arch.GET_FS ? TCB.off.fsBase : TCB.off.gsBase)]!);
      return 0;
    default:
      return -Errno.EINVAL;
  }
}

const symbols = (prefix: string, table: Record<string, number>): (readonly [string, number])[] => Object.entries(table).map(([name, value]) => [`${prefix}${name}`, value] as const);

export const rows: readonly SyscallRow[] = [
  { nr: 157, name: 'prctl', args: [choice('option', symbols('PR_', Pr)), size('arg2'), size('arg3'), size('arg4'), size('arg5')], groups: ['%process'], support: { partial: 'no speculation control, PR_SET_MM, PR_SET_VMA' }, man: 'prctl(2)', handler: sysPrctl },
  { nr: 158, name: 'arch_prctl', args: [choice('code', symbols('ARCH_', Arch)), addr('addr')], groups: ['%process'], support: 'full', man: 'arch_prctl(2)', handler: sysArchPrctl },
];
