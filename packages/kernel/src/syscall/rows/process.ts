/** Making and ending tasks, and their ids. */
import type { CloneArgs } from '@troupe/abi';
import { CLONE_ARGS_SIZE_VER0, Clone, Errno, O_NONBLOCK, Sig, exited } from '@troupe/abi';
import { installFile } from '../../fdtable.js';
import { shownPid, taskWithPid } from '../../namespace/id-view.js';
import { reportVforkDone } from '../../ptrace/events.js';
import { cloneTask } from '../../task/clone.js';
import { exitGroup, exitTask } from '../../task/exit.js';
import { groupOfPidFd, newPidFd } from '../../task/pid-file.js';
import { mayPtrace } from '../../task/permission.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, inBuf, int, size, uint, type Block, type SyscallResult, type SyscallRow } from '../row.js';

const CLONE_FLAGS = Object.entries(Clone).filter(([name, value]) => name !== 'CSIGNAL' && value <= 0xffff_ffff).map(([name, value]) => [`CLONE_${name}`, value] as const);

/** Continuation of vfork: the child the caller waits for. */
interface VforkData {
  readonly childTid: number;
}

/** Shared by clone, fork, vfork and clone3: makes the child, and with CLONE_VFORK waits until it let go of the memory. */
function doClone(task: Task, args: () => CloneArgs): SyscallResult {
  const state = task.syscall!;
  if (state.data !== undefined) return vforkWait(task, state.data as VforkData);
  const child = cloneTask(task, args());
  if (typeof child === 'number') return child;
  if (child.vforkParent === null) return shownPid(task, child.tid);
  state.data = { childTid: child.tid } satisfies VforkData;
  return vforkWait(task, state.data as VforkData);
}

function vforkWait(task: Task, { childTid }: VforkData): number | Block {
  const child = task.kernel.tasks.byTid(childTid);
  if (child?.vforkParent !== task) {
    reportVforkDone(task, childTid);
    return shownPid(task, childTid);
  }
  return { block: true, queues: [{ queue: child.vforkWaiters, events: 0 }], uninterruptible: true };
}

function simpleArgs(flagBits: number, exitSignal: number, rest: Partial<CloneArgs> = {}): CloneArgs {
  return { flags: flagBits, exitSignal, pidfdAddr: 0, childTidAddr: 0, parentTidAddr: 0, stackPointer: 0, tls: 0, setTid: [], ...rest };
}

function sysClone(task: Task, raw: number, stack: number, parentTid: number, childTid: number, tls: number): SyscallResult {
  const flagBits = raw >>> 0;
  return doClone(task, () =>
    simpleArgs((flagBits & ~Clone.CSIGNAL) >>> 0, flagBits & Clone.CSIGNAL, { stackPointer: stack, parentTidAddr: parentTid, childTidAddr: childTid, pidfdAddr: parentTid, tls }),
  );
}

function sysFork(task: Task): SyscallResult {
  return doClone(task, () => simpleArgs(0, Sig.CHLD));
}

function sysVfork(task: Task): SyscallResult {
  return doClone(task, () => simpleArgs(Clone.VFORK | Clone.VM, Sig.CHLD));
}

const CLONE_ARGS_MAX_BYTES = 4096;
const CLONE_ARGS_KNOWN_BYTES = 88;
const KNOWN_CLONE3_FLAGS = 0x3_ffff_ffff;
const MAX_SET_TID = 32;

function sysClone3(task: Task, at: number, sizeBytes: number): SyscallResult {
  if (task.syscall!.data !== undefined) return doClone(task, () => simpleArgs(0, 0));
  if (sizeBytes < CLONE_ARGS_SIZE_VER0) return -Errno.EINVAL;
  if (sizeBytes > CLONE_ARGS_MAX_BYTES) return -Errno.E2BIG;
  const bytes = task.mm.copyIn(at, sizeBytes);
  if (bytes.subarray(CLONE_ARGS_KNOWN_BYTES).some((byte) => byte !== 0)) return -Errno.E2BIG;
  const words = Array.from({ length: 11 }, () => 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let n = 0; n < 11 && n * 8 + 8 <= bytes.length; n++) words[n] = Number(view.getBigUint64(n * 8, true));
  const args = clone3Args(task, words);
  return typeof args === 'number' ? args : doClone(task, () => args);
}

/** Fields of struct clone_args in order (clone(2)). */
function clone3Args(task: Task, words: readonly number[]): CloneArgs | number {
  const [flagBits, pidfd, childTid, parentTid, exitSignal, stack, stackSize, tls, setTid, setTidCount] = words as [number, number, number, number, number, number, number, number, number, number];
  if (flagBits > KNOWN_CLONE3_FLAGS || (flagBits & (Clone.DETACHED | Clone.CSIGNAL)) !== 0 || exitSignal > 64) return -Errno.EINVAL;
  if ((flagBits & (Clone.THREAD | Clone.PARENT)) !== 0 && exitSignal !== 0) return -Errno.EINVAL;
  if ((stack === 0) !== (stackSize === 0)) return -Errno.EINVAL;
  if ((setTid === 0) !== (setTidCount === 0) || setTidCount > MAX_SET_TID) return -Errno.EINVAL;
  const tids = Array.from({ length: setTidCount }, (_, n) => task.mm.readI32(setTid + 4 * n));
  if (tids.some((tid) => tid < 1)) return -Errno.EINVAL;
  return simpleArgs(flagBits, exitSignal, { pidfdAddr: pidfd, childTidAddr: childTid, parentTidAddr: parentTid, stackPointer: stack + stackSize, tls, setTid: tids });
}

function sysExit(task: Task, code: number): SyscallResult {
  exitTask(task, exited(code));
  return undefined;
}

function sysExitGroup(task: Task, code: number): SyscallResult {
  exitGroup(task, exited(code));
  return undefined;
}

function sysSetTidAddress(task: Task, at: number): number {
  task.clearChildTid = at;
  return shownPid(task, task.tid);
}

function sysPidfdOpen(task: Task, pid: number, flagBits: number): number {
  if ((flagBits & ~O_NONBLOCK) !== 0 || pid <= 0) return -Errno.EINVAL;
  const target = taskWithPid(task, pid);
  if (!target || target.state === 'dead') return -Errno.ESRCH;
  return target.isLeader ? newPidFd(task, target.group, flagBits) : -Errno.EINVAL;
}

function sysPidfdGetfd(task: Task, pidfd: number, targetFd: number, flagBits: number): number {
  if (flagBits !== 0) return -Errno.EINVAL;
  const group = groupOfPidFd(task, pidfd);
  if (typeof group === 'number') return group;
  if (group.isZombie) return -Errno.ESRCH;
  if (!mayPtrace(task, group.leader)) return -Errno.EPERM;
  const file = group.liveTasks[0]!.fds.get(targetFd);
  return file === null ? -Errno.EBADF : installFile(task, file, true);
}

export const rows: readonly SyscallRow[] = [
  { nr: 39, name: 'getpid', args: [], groups: ['%process'], inCore: true, support: 'full', man: 'getpid(2)', handler: (task: Task) => shownPid(task, task.group.tgid) },
  { nr: 56, name: 'clone', args: [flags('flags', CLONE_FLAGS), addr('stack'), addr('parent_tid'), addr('child_tid'), addr('tls')], groups: ['%process'], support: { partial: 'no time namespaces, CLONE_PTRACE' }, man: 'clone(2)', handler: sysClone },
  { nr: 57, name: 'fork', args: [], groups: ['%process'], support: 'full', man: 'fork(2)', handler: sysFork },
  { nr: 58, name: 'vfork', args: [], groups: ['%process'], support: 'full', man: 'vfork(2)', handler: sysVfork },
  { nr: 60, name: 'exit', args: [int('status')], groups: ['%process'], support: 'full', man: '_exit(2)', handler: sysExit },
  { nr: 110, name: 'getppid', args: [], groups: ['%process'], support: 'full', man: 'getppid(2)', handler: (task: Task) => shownPid(task, task.group.ppid) },
  { nr: 186, name: 'gettid', args: [], groups: ['%process'], inCore: true, support: 'full', man: 'gettid(2)', handler: (task: Task) => shownPid(task, task.tid) },
  { nr: 218, name: 'set_tid_address', args: [addr('tidptr')], groups: ['%process'], support: 'full', man: 'set_tid_address(2)', handler: sysSetTidAddress },
  { nr: 231, name: 'exit_group', args: [int('status')], groups: ['%process'], support: 'full', man: 'exit_group(2)', handler: sysExitGroup },
  { nr: 434, name: 'pidfd_open', args: [int('pid'), uint('flags')], groups: ['%process', '%desc'], support: 'full', man: 'pidfd_open(2)', handler: sysPidfdOpen },
  { nr: 435, name: 'clone3', args: [inBuf('cl_args', 'size'), size('size')], groups: ['%process'], support: { partial: 'no time namespaces, CLONE_INTO_CGROUP' }, man: 'clone3(2)', handler: sysClone3 },
  { nr: 438, name: 'pidfd_getfd', args: [fd('pidfd'), int('targetfd'), uint('flags')], groups: ['%process', '%desc'], support: 'full', man: 'pidfd_getfd(2)', handler: sysPidfdGetfd },
];
