/** Signals: dispositions, masks, sending, waiting (signal(7)). */
import type { SigInfo } from '@troupe/abi';
import { Errno, NSIG, Reg, Sa, SIGINFO_BYTES, Si, Sig, SigHow, Ss, MINSIGSTKSZ, UNBLOCKABLE, sigBit } from '@troupe/abi';
import { kernelPid, shownPid, taskWithPid } from '../../namespace/id-view.js';
import { isOnAltStack, popFrame } from '../../signal/frame.js';
import { discardPending, forceSignal, recalcGroup } from '../../signal/send.js';
import { decodeSigInfo, encodeSigInfo } from '../../signal/sig-info-codec.js';
import type { SigAction } from '../../signal/signal-handlers.js';
import { maySignal } from '../../task/permission.js';
import { groupOfPidFd } from '../../task/pid-file.js';
import type { Task } from '../../task/task.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import { addr, fd, flags, inBuf, int, outBuf, signalArg, size, uint, waitOn, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs } from '../timespec.js';

const SIGSET_BYTES = 8;
const HOW = [['SIG_BLOCK', SigHow.BLOCK], ['SIG_UNBLOCK', SigHow.UNBLOCK], ['SIG_SETMASK', SigHow.SETMASK]] as const;

/** struct kernel_sigaction: handler, flags, restorer, mask. */
const Action = { HANDLER: 0, FLAGS: 8, RESTORER: 16, MASK: 24 } as const;
const SUPPORTED_SA = Sa.NOCLDSTOP | Sa.NOCLDWAIT | Sa.SIGINFO | Sa.EXPOSE_TAGBITS | Sa.RESTORER | Sa.ONSTACK | Sa.RESTART | Sa.NODEFER | Sa.RESETHAND;

function readAction(task: Task, at: number): SigAction {
  return {
    handler: task.mm.readU64(at + Action.HANDLER),
    flags: (Number(task.mm.readU64(at + Action.FLAGS) & 0xffff_ffffn) & SUPPORTED_SA) >>> 0,
    restorer: task.mm.readU64(at + Action.RESTORER),
    mask: task.mm.readU64(at + Action.MASK) & ~UNBLOCKABLE,
  };
}

function writeAction(task: Task, at: number, action: SigAction): void {
  task.mm.writeU64(at + Action.HANDLER, action.handler);
  task.mm.writeU64(at + Action.FLAGS, BigInt(action.flags >>> 0));
  task.mm.writeU64(at + Action.RESTORER, action.restorer);
  task.mm.writeU64(at + Action.MASK, action.mask);
}

function isValidSignal(signo: number): boolean {
  return signo >= 1 && signo <= NSIG;
}

function sysRtSigaction(task: Task, signo: number, actAt: number, oldAt: number, sizeBytes: number): number {
  if (sizeBytes !== SIGSET_BYTES || !isValidSignal(signo)) return -Errno.EINVAL;
  if (actAt !== 0 && (signo === Sig.KILL || signo === Sig.STOP)) return -Errno.EINVAL;
  const { handlers } = task.group;
  const old = handlers.get(signo);
  if (actAt !== 0) {
    handlers.set(signo, readAction(task, actAt));
    if (handlers.ignores(signo)) discardPending(task.group, sigBit(signo));
  }
  if (oldAt !== 0) writeAction(task, oldAt, old);
  return 0;
}

function sysRtSigprocmask(task: Task, how: number, setAt: number, oldAt: number, sizeBytes: number): number {
  if (sizeBytes !== SIGSET_BYTES) return -Errno.EINVAL;
  const old = task.sigMask;
  if (setAt !== 0) {
    const set = task.mm.readU64(setAt);
    if (how === SigHow.BLOCK) task.sigMask = old | set;
    else if (how === SigHow.UNBLOCK) task.sigMask = old & ~set;
    else if (how === SigHow.SETMASK) task.sigMask = set;
    else return -Errno.EINVAL;
  }
  if (oldAt !== 0) task.mm.writeU64(oldAt, old);
  return 0;
}

/** rt_sigreturn(2): not called by programs but by the restorer below a handler. */
function sysRtSigreturn(task: Task): SyscallResult {
  const context = popFrame(task);
  task.syscall = null;
  if (context === null) {
    forceSignal(task, { signo: Sig.SEGV, code: Si.KERNEL });
    return undefined;
  }
  task.sigMask = context.sigMask;
  setAltStack(task, context.altStack.addr, context.altStack.flags, context.altStack.sizeBytes);
  return undefined;
}

function setAltStack(task: Task, at: bigint, flagBits: number, sizeBytes: number): number {
  const mode = (flagBits & ~Ss.AUTODISARM) >>> 0;
  if (mode !== 0 && mode !== Ss.ONSTACK && mode !== Ss.DISABLE) return -Errno.EINVAL;
  if (isOnAltStack(task.altStack, task.getReg(Reg.RSP))) return -Errno.EPERM;
  if (mode === Ss.DISABLE && task.altStack.sizeBytes === 0 && task.altStack.flags === flagBits >>> 0) return 0;
  if (mode === Ss.DISABLE) task.altStack = { addr: 0n, sizeBytes: 0, flags: flagBits >>> 0 };
  else if (sizeBytes < MINSIGSTKSZ) return -Errno.ENOMEM;
  else task.altStack = { addr: at, sizeBytes, flags: flagBits >>> 0 };
  return 0;
}

/** ss_flags as sigaltstack(2) reports them. */
function altStackFlags(task: Task): number {
  const { altStack } = task;
  const state = altStack.sizeBytes === 0 ? Ss.DISABLE : isOnAltStack(altStack, task.getReg(Reg.RSP)) ? Ss.ONSTACK : 0;
  return ((altStack.flags & Ss.AUTODISARM) | state) >>> 0;
}

function sysSigaltstack(task: Task, newAt: number, oldAt: number): number {
  const old = { ...task.altStack, flags: altStackFlags(task) };
  if (newAt !== 0) {
    const result = setAltStack(task, task.mm.readU64(newAt), task.mm.readU32(newAt + 8), task.mm.readUlong(newAt + 16));
    if (result < 0) return result;
  }
  if (oldAt !== 0) {
    task.mm.writeU64(oldAt, old.addr);
    task.mm.writeU64(oldAt + 8, BigInt(old.flags));
    task.mm.writeU64(oldAt + 16, BigInt(old.sizeBytes));
  }
  return 0;
}

// Sending ---------------------------------------------------------------------------------------

function userInfo(task: Task, signo: number, code: number): SigInfo {
  return { signo, code, pid: task.group.tgid, uid: task.creds.uid };
}

/** Permission, then the signal; signal 0 only checks. */
function sendChecked(task: Task, group: ThreadGroup, info: SigInfo): number {
  if (!maySignal(task, group.leader, info.signo)) return -Errno.EPERM;
  return info.signo === 0 ? 0 : task.kernel.signals.sendToGroup(group, info);
}

/** kill(2) with 0, -1 or a negative pid: success when at least one process got it. */
function killMany(task: Task, groups: Iterable<ThreadGroup>, info: SigInfo): number {
  let last: number = -Errno.ESRCH;
  let isSent = false;
  for (const group of [...groups]) {
    if (group.isReaped) continue;
    const result = sendChecked(task, group, info);
    if (result === 0) isSent = true;
    else last = result;
  }
  return isSent ? 0 : last;
}

function sysKill(task: Task, pid: number, signo: number): number {
  if (signo < 0 || signo > NSIG) return -Errno.EINVAL;
  const { tasks } = task.kernel;
  const info = userInfo(task, signo, Si.USER);
  if (pid > 0) {
    const group = taskWithPid(task, pid)?.group;
    return group && !group.isReaped ? sendChecked(task, group, info) : -Errno.ESRCH;
  }
  if (pid === -1) return killMany(task, task.group.pidNamespace.members().filter((group) => group !== task.group && group !== group.root && group !== task.group.pidNamespace.init), info);
  const processGroup = pid === 0 ? task.group.processGroup : tasks.processGroups.get(kernelPid(task, -pid));
  return processGroup ? killMany(task, processGroup.members, info) : -Errno.ESRCH;
}

function sendToThread(task: Task, tgid: number, tid: number, info: SigInfo): number {
  const target = taskWithPid(task, tid);
  if (!target || (tgid > 0 && target.group.tgid !== kernelPid(task, tgid))) return -Errno.ESRCH;
  if (!target.isAlive) return target.state === 'zombie' ? 0 : -Errno.ESRCH;
  if (!maySignal(task, target, info.signo)) return -Errno.EPERM;
  return info.signo === 0 ? 0 : task.kernel.signals.sendToTask(target, info);
}

function sysTkill(task: Task, tid: number, signo: number): number {
  if (tid <= 0 || signo < 0 || signo > NSIG) return -Errno.EINVAL;
  return sendToThread(task, 0, tid, userInfo(task, signo, Si.TKILL));
}

function sysTgkill(task: Task, tgid: number, tid: number, signo: number): number {
  if (tgid <= 0 || tid <= 0 || signo < 0 || signo > NSIG) return -Errno.EINVAL;
  return sendToThread(task, tgid, tid, userInfo(task, signo, Si.TKILL));
}

/** siginfo of rt_sigqueueinfo: programs may not pretend to be the kernel or kill(2), except to themselves. */
function queuedInfo(task: Task, signo: number, at: number, isSelf: boolean): SigInfo | number {
  const info = decodeSigInfo(task.mm.copyIn(at, SIGINFO_BYTES), signo);
  return (info.code >= 0 || info.code === Si.TKILL) && !isSelf ? -Errno.EPERM : info;
}

function sysRtSigqueueinfo(task: Task, pid: number, signo: number, at: number): number {
  if (signo < 0 || signo > NSIG) return -Errno.EINVAL;
  const info = queuedInfo(task, signo, at, pid === shownPid(task, task.group.tgid));
  if (typeof info === 'number') return info;
  const group = pid > 0 ? taskWithPid(task, pid)?.group : undefined;
  return group && !group.isReaped ? sendChecked(task, group, info) : -Errno.ESRCH;
}

function sysRtTgsigqueueinfo(task: Task, tgid: number, tid: number, signo: number, at: number): number {
  if (tgid <= 0 || tid <= 0 || signo < 0 || signo > NSIG) return -Errno.EINVAL;
  const info = queuedInfo(task, signo, at, tid === shownPid(task, task.tid));
  return typeof info === 'number' ? info : sendToThread(task, tgid, tid, info);
}

function sysPidfdSendSignal(task: Task, pidfd: number, signo: number, at: number, flagBits: number): number {
  if (flagBits !== 0) return -Errno.EINVAL;
  const group = groupOfPidFd(task, pidfd);
  if (typeof group === 'number') return group;
  if (signo < 0 || signo > NSIG) return -Errno.EINVAL;
  const info = at === 0 ? userInfo(task, signo, Si.USER) : queuedInfo(task, signo, at, group === task.group);
  if (typeof info === 'number') return info;
  return group.isReaped ? -Errno.ESRCH : sendChecked(task, group, info);
}

// Waiting ---------------------------------------------------------------------------------------

function sysRtSigpending(task: Task, setAt: number, sizeBytes: number): number {
  if (sizeBytes > SIGSET_BYTES) return -Errno.EINVAL;
  const bytes = new Uint8Array(SIGSET_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, (task.pending.set | task.group.pending.set) & task.sigMask, true);
  task.mm.copyOut(setAt, bytes.subarray(0, sizeBytes));
  return 0;
}

/** Only a handler ends the wait, so any wake-up is one by a signal. */
function sysPause(task: Task): SyscallResult {
  return waitOn(task.group.neverWakes, 0);
}

function sysRtSigsuspend(task: Task, setAt: number, sizeBytes: number): SyscallResult {
  if (sizeBytes !== SIGSET_BYTES) return -Errno.EINVAL;
  if (!task.syscall!.resumed) task.setTemporaryMask(task.mm.readU64(setAt));
  return waitOn(task.group.neverWakes, 0);
}

/** Continuation of rt_sigtimedwait. */
interface TimedWaitData {
  readonly deadlineNs: number;
  readonly set: bigint;
}

function sysRtSigtimedwait(task: Task, setAt: number, infoAt: number, timeoutAt: number, sizeBytes: number): SyscallResult {
  if (sizeBytes !== SIGSET_BYTES) return -Errno.EINVAL;
  const state = task.syscall!;
  state.data ??= {
    set: task.mm.readU64(setAt) & ~UNBLOCKABLE,
    deadlineNs: timeoutAt === 0 ? Infinity : task.kernel.monotonicNs() + readTimespecNs(task.mm, timeoutAt),
  } satisfies TimedWaitData;
  const { set, deadlineNs } = state.data as TimedWaitData;
  const info = task.pending.dequeue(set) ?? task.group.pending.dequeue(set);
  if (info !== null) return takeWaited(task, info, infoAt);
  if (state.timedOut || deadlineNs <= task.kernel.monotonicNs()) {
    endTimedWait(task);
    return -Errno.EAGAIN;
  }
  task.sigWaitSet = set;
  task.recalcSignalPending();
  return waitOn(task.group.signalWaiters, 0, deadlineNs);
}

function takeWaited(task: Task, info: SigInfo, infoAt: number): number {
  endTimedWait(task);
  if (infoAt !== 0) task.mm.copyOut(infoAt, encodeSigInfo(info));
  return info.signo;
}

function endTimedWait(task: Task): undefined {
  task.sigWaitSet = 0n;
  recalcGroup(task.group);
  return undefined;
}

function sysRestartSyscall(): number {
  return -Errno.EINTR;
}

export const rows: readonly SyscallRow[] = [
  { nr: 13, name: 'rt_sigaction', args: [signalArg('signum'), inBuf('act', 32), outBuf('oldact', 32), size('sigsetsize')], groups: ['%signal'], support: 'full', man: 'sigaction(2)', handler: sysRtSigaction },
  { nr: 14, name: 'rt_sigprocmask', args: [flags('how', HOW), inBuf('set', 8), outBuf('oldset', 8), size('sigsetsize')], groups: ['%signal'], support: 'full', man: 'sigprocmask(2)', handler: sysRtSigprocmask },
  { nr: 15, name: 'rt_sigreturn', args: [], groups: ['%signal'], support: 'full', man: 'sigreturn(2)', handler: sysRtSigreturn },
  { nr: 34, name: 'pause', args: [], groups: ['%signal'], restart: 'ERESTARTNOHAND', support: 'full', man: 'pause(2)', handler: sysPause },
  { nr: 62, name: 'kill', args: [int('pid'), signalArg()], groups: ['%signal', '%process'], support: 'full', man: 'kill(2)', handler: sysKill },
  { nr: 127, name: 'rt_sigpending', args: [outBuf('set', 8), size('sigsetsize')], groups: ['%signal'], support: 'full', man: 'sigpending(2)', handler: sysRtSigpending },
  { nr: 128, name: 'rt_sigtimedwait', args: [inBuf('set', 8), outBuf('info', 128), addr('timeout'), size('sigsetsize')], groups: ['%signal'], restart: 'EINTR', support: 'full', man: 'sigtimedwait(2)', handler: sysRtSigtimedwait, interrupted: endTimedWait },
  { nr: 129, name: 'rt_sigqueueinfo', args: [int('tgid'), signalArg(), inBuf('info', 128)], groups: ['%signal', '%process'], support: 'full', man: 'rt_sigqueueinfo(2)', handler: sysRtSigqueueinfo },
  { nr: 130, name: 'rt_sigsuspend', args: [inBuf('set', 8), size('sigsetsize')], groups: ['%signal'], restart: 'ERESTARTNOHAND', support: 'full', man: 'sigsuspend(2)', handler: sysRtSigsuspend },
  { nr: 131, name: 'sigaltstack', args: [inBuf('ss', 24), outBuf('old_ss', 24)], groups: ['%signal'], support: 'full', man: 'sigaltstack(2)', handler: sysSigaltstack },
  { nr: 200, name: 'tkill', args: [int('tid'), signalArg()], groups: ['%signal', '%process'], support: 'full', man: 'tkill(2)', handler: sysTkill },
  { nr: 219, name: 'restart_syscall', args: [], groups: ['%signal'], support: 'full', man: 'restart_syscall(2)', handler: sysRestartSyscall },
  { nr: 234, name: 'tgkill', args: [int('tgid'), int('tid'), signalArg()], groups: ['%signal', '%process'], support: 'full', man: 'tgkill(2)', handler: sysTgkill },
  { nr: 297, name: 'rt_tgsigqueueinfo', args: [int('tgid'), int('tid'), signalArg(), inBuf('info', 128)], groups: ['%signal', '%process'], support: 'full', man: 'rt_tgsigqueueinfo(2)', handler: sysRtTgsigqueueinfo },
  { nr: 424, name: 'pidfd_send_signal', args: [fd('pidfd'), signalArg(), addr('info'), uint('flags')], groups: ['%signal', '%process'], support: 'full', man: 'pidfd_send_signal(2)', handler: sysPidfdSendSignal },
];
