/** clone(2), fork(2), vfork(2), clone3(2): a new task out of a running one. */
import type { CloneArgs } from '@troupe/abi';
import { Cap, Clone, Errno, Flag, NSIG, Reg, Rlimit, RunState, SIG_IGN, Ss, TCB, UNBLOCKABLE, hasCap, hasCapIn } from '@troupe/abi';
import { traceClone } from '../ptrace/events.js';
import { DEFAULT_ACTION } from '../signal/signal-handlers.js';
import type { SignalHandlers } from '../signal/signal-handlers.js';
import { SemaphoreUndo } from '../sysv/semaphore-undo.js';
import { shownPid } from '../namespace/id-view.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import { makeNamespaces, moveDirectories, type NewNamespaces } from '../namespace/unshare.js';
import { newPidFd } from './pid-file.js';
import { applySchedule, inheritSchedule } from './schedule.js';
import { inheritRseq } from './rseq.js';
import { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

function has(flags: number, flag: number): boolean {
  return flag > 0xffff_ffff ? Math.floor(flags / flag) % 2 === 1 : (flags & flag) !== 0;
}

/** Combinations clone(2) refuses: 0 or -errno. */
export function checkCloneArgs(task: Task, args: CloneArgs): number {
  const { flags } = args;
  if (has(flags, Clone.SIGHAND) && !has(flags, Clone.VM)) return -Errno.EINVAL;
  if (has(flags, Clone.THREAD) && !has(flags, Clone.SIGHAND)) return -Errno.EINVAL;
  if (has(flags, Clone.CLEAR_SIGHAND) && has(flags, Clone.SIGHAND)) return -Errno.EINVAL;
  if ((has(flags, Clone.NEWNS) || has(flags, Clone.NEWUSER)) && has(flags, Clone.FS)) return -Errno.EINVAL;
  if (has(flags, Clone.NEWIPC) && has(flags, Clone.SYSVSEM)) return -Errno.EINVAL;
  const movesPid = has(flags, Clone.NEWPID) || task.namespaces.pidForChildren !== task.group.pidNamespace;
  if (has(flags, Clone.THREAD) && (has(flags, Clone.NEWUSER) || movesPid)) return -Errno.EINVAL;
  if (has(flags, Clone.PARENT) && task.group.isNamespaceInit) return -Errno.EINVAL;
  if (has(flags, Clone.PIDFD) && has(flags, Clone.DETACHED)) return -Errno.EINVAL;
  if (args.exitSignal > NSIG) return -Errno.EINVAL;
  return 0;
}

/** Makes and starts the child. Returns it, or -errno. */
export function cloneTask(parent: Task, args: CloneArgs): Task | number {
  const refused = checkCloneArgs(parent, args) || checkProcessLimit(parent);
  if (refused < 0) return refused;
  const made = makeNamespaces(parent, args.flags);
  if (typeof made === 'number') return made;
  const { kernel } = parent;
  const pids = made.namespaces.pidForChildren;
  if (pids.init?.isExiting) return -Errno.ENOMEM;
  const tid = newTid(parent, pids, args.setTid);
  if (tid < 0) return tid;
  const tcb = kernel.tcbs.alloc();
  if (tcb < 0) {
    kernel.tasks.forgetId(tid);
    return tcb;
  }
  const child = new Task(kernel, tid, groupFor(parent, args, pids), tcb);
  try {
    copyState(parent, child, args);
  } catch (error) {
    kernel.tasks.forgetId(tid);
    kernel.tcbs.free(tcb);
    throw error;
  }
  enterNew(child, made);
  linkChild(parent, child, args);
  const stored = storeIds(parent, child, args);
  kernel.tasks.forkCount++;
  kernel.processEvents.forked(parent, child);
  if (parent.tracing !== null && !has(args.flags, Clone.UNTRACED)) traceClone(parent, child, args);
  kernel.runner.startTask(child);
  return stored < 0 ? stored : child;
}

/** A tid, with its numbers in nested PID namespaces. `wanted`: innermost first; each needs CAP_SYS_ADMIN over its namespace. */
function newTid(parent: Task, pids: PidNamespace, wanted: readonly number[]): number {
  if (wanted.length > pids.level + 1) return -Errno.EINVAL;
  let depth = 0;
  for (let at: PidNamespace | null = pids; at !== null && depth < wanted.length; at = at.parent, depth++) {
    if (!hasCapIn(parent.creds, at.userNamespace, Cap.SYS_ADMIN)) return -Errno.EPERM;
    if (at.init === null && !at.isFirst && wanted[depth] !== 1) return -Errno.EINVAL;
  }
  const { tasks } = parent.kernel;
  const tid = tasks.allocateTid(wanted[pids.level] ?? 0);
  if (tid < 0) return tid;
  const adopted = tasks.adoptId(tid, pids, wanted);
  return adopted < 0 ? adopted : tid;
}

/** The child is in the namespaces that were made for it; the first process of a PID namespace is its init. */
function enterNew(child: Task, { creds, moved, namespaces }: NewNamespaces): void {
  child.creds = creds;
  child.namespaces = namespaces;
  if (moved !== null) moveDirectories(child.fs, moved);
  const { pidForChildren } = namespaces;
  if (!pidForChildren.isFirst) pidForChildren.init ??= child.group;
}

/** RLIMIT_NPROC counts the tasks of the real user; root is exempt (getrlimit(2)). */
function checkProcessLimit(parent: Task): number {
  const limit = parent.group.limits.soft(Rlimit.NPROC);
  if (hasCap(parent.creds, Cap.SYS_RESOURCE) || hasCap(parent.creds, Cap.SYS_ADMIN) || limit === Infinity) return 0;
  let count = 0;
  for (const task of parent.kernel.tasks.all()) if (task.creds.uid === parent.creds.uid && task.isAlive) count++;
  return count >= limit ? -Errno.EAGAIN : 0;
}

function groupFor(parent: Task, args: CloneArgs, pids: PidNamespace): ThreadGroup {
  const { group, kernel } = parent;
  if (has(args.flags, Clone.THREAD)) return group;
  const child = kernel.tasks.newThreadGroup(handlersFor(group, args), args.exitSignal, group.limits.copy(), pids);
  child.containerId = group.containerId;
  child.root = pids === group.pidNamespace ? group.root : pids.init ?? child;
  child.oomScoreAdj = group.oomScoreAdj;
  return child;
}

function handlersFor(group: ThreadGroup, args: CloneArgs): SignalHandlers {
  if (has(args.flags, Clone.SIGHAND)) return group.handlers;
  return has(args.flags, Clone.CLEAR_SIGHAND) ? clearedHandlers(group.handlers) : group.handlers.copy();
}

/** CLONE_CLEAR_SIGHAND: handlers go to the default, ignored signals stay ignored. */
function clearedHandlers(handlers: SignalHandlers): SignalHandlers {
  const cleared = handlers.copy();
  for (let signo = 1; signo <= NSIG; signo++) if (cleared.get(signo).handler !== BigInt(SIG_IGN)) cleared.set(signo, DEFAULT_ACTION);
  return cleared;
}

/** Memory comes first: only that can fail. */
function copyState(parent: Task, child: Task, args: CloneArgs): void {
  const { flags } = args;
  child.mm = has(flags, Clone.VM) ? parent.mm : parent.mm.fork();
  if (!has(flags, Clone.VM)) child.mm.limits = child.group.limits;
  child.mm.attach(child.tcb);
  child.fds = has(flags, Clone.FILES) ? parent.fds.share() : parent.fds.copy(parent.kernel.uniqueId());
  child.fs = has(flags, Clone.FS) ? parent.fs.share() : parent.fs.copy();
  if (has(flags, Clone.SYSVSEM)) child.semaphoreUndo = (parent.semaphoreUndo ??= new SemaphoreUndo()).share();
  child.name = parent.name;
  inheritSchedule(parent, child);
  child.noNewPrivs = parent.noNewPrivs;
  child.dumpable = parent.dumpable;
  child.personality = parent.personality;
  child.seccomp = parent.seccomp;
  child.origRax = parent.origRax;
  child.timerSlackNs = parent.timerSlackNs;
  if (!has(flags, Clone.VM) || has(flags, Clone.VFORK)) child.altStack = { ...parent.altStack };
  else child.altStack = { addr: 0n, sizeBytes: 0, flags: Ss.DISABLE };
  copyTcb(parent, child, args);
  inheritRseq(child, parent, has(flags, Clone.VM));
  applySchedule(child);
}

/** The child starts with the parent's registers, rax 0, and a stack and TLS of its own if asked for. */
function copyTcb(parent: Task, child: Task, args: CloneArgs): void {
  const { u8, i32, u32, u64 } = parent.shared;
  const { off } = TCB;
  u8.copyWithin(child.tcb, parent.tcb, parent.tcb + TCB.sizeBytes);
  child.mm.windows.reset(u32, child.tcb);
  for (const field of ['runState', 'interrupt', 'trap'] as const) Atomics.store(i32, (child.tcb + off[field]) >> 2, 0);
  Atomics.store(i32, (child.tcb + off.runState) >> 2, RunState.KERNEL);
  for (const field of ['instructions', 'cpuTimeNs', 'robustList', 'fillPage'] as const) u64[(child.tcb + off[field]) / 8] = 0n;
  i32[(child.tcb + off.nvcsw) >> 2] = 0;
  i32[(child.tcb + off.nivcsw) >> 2] = 0;
  i32[(child.tcb + off.lastCore) >> 2] = -1;
  u32[(child.tcb + off.burstSoFarNs) >> 2] = 0;
  if (child.group !== parent.group) u32[(child.tcb + off.burstNs) >> 2] = parent.group.childBurstNs;
  setTcbIds(child);
  if (parent.savedSigMask !== null) u64[(child.tcb + off.sigMask) / 8] = parent.savedSigMask & ~UNBLOCKABLE;
  if (parent.tracing?.forcedTrapFlag) u32[(child.tcb + off.flagsRest) >> 2]! &= ~Flag.TF;
  child.setReg(Reg.RAX, 0n);
  if (args.stackPointer !== 0) child.setReg(Reg.RSP, BigInt(args.stackPointer));
  if (has(args.flags, Clone.SETTLS)) u64[(child.tcb + off.fsBase) / 8] = BigInt(args.tls);
}

/** tid and tgid words of the TCB, for in-core system calls. */
export function setTcbIds(task: Task): void {
  const { i32 } = task.shared;
  i32[(task.tcb + TCB.off.tid) >> 2] = task.tid;
  i32[(task.tcb + TCB.off.tgid) >> 2] = task.group.leader ? task.group.tgid : task.tid;
}

function linkChild(parent: Task, child: Task, args: CloneArgs): void {
  const { group } = child;
  const isThread = has(args.flags, Clone.THREAD);
  group.tasks.add(child);
  if (isThread) group.hadThreads = true;
  else {
    group.leader = child;
    linkProcess(parent, group, has(args.flags, Clone.PARENT));
  }
  setTcbIds(child);
  child.kernel.tasks.add(child);
  if (has(args.flags, Clone.CHILD_CLEARTID)) child.clearChildTid = args.childTidAddr;
  if (has(args.flags, Clone.VFORK)) child.vforkParent = parent;
}

function linkProcess(parent: Task, group: ThreadGroup, sharesParent: boolean): void {
  const from = parent.group;
  if (sharesParent && from.parent) {
    group.parent = from.parent;
    group.parentTask = from.parentTask;
    group.exitSignal = from.exitSignal;
  } else {
    group.parent = from;
    group.parentTask = parent;
  }
  group.parent.children.add(group);
  group.kernel.tasks.joinProcessGroup(group, from.processGroup);
}

/** Thread ids and the pidfd go to memory; bad addresses of the ids are ignored as by Linux. */
function storeIds(parent: Task, child: Task, args: CloneArgs): number {
  const { flags } = args;
  if (has(flags, Clone.PARENT_SETTID)) writeTid(parent, args.parentTidAddr, shownPid(parent, child.tid));
  if (has(flags, Clone.CHILD_SETTID)) writeTid(child, args.childTidAddr, shownPid(child, child.tid));
  if (!has(flags, Clone.PIDFD)) return 0;
  const fd = newPidFd(parent, child.group, 0);
  if (fd >= 0) writeTid(parent, args.pidfdAddr, fd);
  return fd;
}

/** For one copy at a time. */
const tidWord = new Int32Array(1);
const tidBytes = new Uint8Array(tidWord.buffer);

function writeTid(task: Task, addr: number, value: number): void {
  tidWord[0] = value;
  task.mm.copyOutPartial(addr, tidBytes);
}
