/** Seccomp at the entry of a system call: what becomes of it (seccomp(2), "Filters"). */
import { AUDIT_ARCH_X86_64, Errno, Nr, PtraceEvent, PtraceOption, Reg, SECCOMP_ACTION_MASK, SECCOMP_DATA_MASK, SeccompAction, Si, Sig, killedBy } from '@troupe/abi';
import { stopForEvent } from '../ptrace/stop.js';
import { forceSignal } from '../signal/send.js';
import { exitGroup, exitTask } from '../task/exit.js';
import type { Task } from '../task/task.js';
import { judge, seccompData, type SeccompFilter } from './filter.js';
import { waitForReply } from './notification.js';

const STRICT_CALLS: ReadonlySet<number> = new Set([Nr.read, Nr.write, Nr.exit, Nr.rt_sigreturn]);
const MAX_ERRNO = 4095;

/** What follows the check of a call. */
export const Pass = { RUN: 0, SKIP: 1, ELSEWHERE: 2 } as const;

/**
 * RUN: the call may run. SKIP: rax holds its result. ELSEWHERE: the task ended, stopped or waits.
 * `isRecheck`: after a tracer was asked; it is not asked again.
 */
export function passSeccomp(task: Task, isRecheck = false): number {
  const { seccomp } = task;
  if (seccomp === null || task.tracing?.has(PtraceOption.SUSPEND_SECCOMP)) return Pass.RUN;
  if (seccomp !== 'strict') return passFilters(task, seccomp, isRecheck);
  if (STRICT_CALLS.has(task.origRax)) return Pass.RUN;
  exitTask(task, killedBy(Sig.KILL));
  return Pass.ELSEWHERE;
}

function passFilters(task: Task, newest: SeccompFilter, isRecheck: boolean): number {
  const { value, filter } = judge(newest, seccompData(task));
  const data = value & SECCOMP_DATA_MASK;
  const action = value & SECCOMP_ACTION_MASK;
  if (action === SeccompAction.ALLOW) return Pass.RUN;
  if (filter?.logs) log(task, action);
  switch (action) {
    case SeccompAction.ERRNO:
      return skip(task, -Math.min(data, MAX_ERRNO));
    case SeccompAction.TRAP:
      return trap(task, data);
    case SeccompAction.TRACE:
      return isRecheck ? Pass.RUN : askTracer(task, data);
    case SeccompAction.USER_NOTIF:
      return waitForReply(task, filter!) ? Pass.ELSEWHERE : skip(task, -Errno.ENOSYS);
    case SeccompAction.LOG:
      if (!filter?.logs) log(task, action);
      return Pass.RUN;
    default:
      return kill(task, action);
  }
}

function skip(task: Task, result: number): number {
  task.setResult(result);
  return Pass.SKIP;
}

/** SIGSYS with the registers as they were before the call. */
function trap(task: Task, data: number): number {
  task.setReg(Reg.RAX, BigInt(task.origRax));
  forceSignal(task, { signo: Sig.SYS, code: Si.SYS_SECCOMP, errno: data, addr: task.rip, syscall: task.origRax, arch: AUDIT_ARCH_X86_64 });
  return Pass.SKIP;
}

/** PTRACE_EVENT_SECCOMP; without a tracer that wants it the call does not exist. */
function askTracer(task: Task, data: number): number {
  if (!task.tracing?.wants(PtraceEvent.SECCOMP)) return skip(task, -Errno.ENOSYS);
  task.setReg(Reg.RAX, BigInt(-Errno.ENOSYS));
  stopForEvent(task, PtraceEvent.SECCOMP, data, 'seccomp');
  return Pass.ELSEWHERE;
}

/** KILL_PROCESS and unknown actions end the process, KILL_THREAD the thread, as SIGSYS would. */
function kill(task: Task, action: number): number {
  log(task, action);
  const status = killedBy(Sig.SYS);
  if (action !== SeccompAction.KILL_THREAD || task.group.liveTasks.length === 1) exitGroup(task, status);
  else exitTask(task, status);
  return Pass.ELSEWHERE;
}

/** As the audit line of Linux. */
function log(task: Task, action: number): void {
  const sig = action === SeccompAction.KILL_PROCESS || action === SeccompAction.KILL_THREAD ? Sig.SYS : 0;
  task.kernel.syslog.append(`audit: type=1326 uid=${task.creds.uid} pid=${task.group.tgid} comm="${task.name}" sig=${sig} arch=c000003e syscall=${task.origRax} ip=0x${task.rip.toString(16)} code=0x${(action >>> 0).toString(16)}`);
}
