/**
 * execve(2): the task gets a new program; the other threads of its process end.
 *
 * Order: the image is complete before anything of the caller changes. Then the siblings are killed and
 * waited for; only the last step touches the task itself.
 */
import { Reg, Ss, TCB, exited } from '@troupe/abi';
import { unlink } from '../ptrace/link.js';
import { forgetDebugRegisters } from '../ptrace/debug-registers.js';
import { reportExec } from '../ptrace/events.js';
import type { GroupTimers } from '../time/group-timers.js';
import { recalcGroup } from '../signal/send.js';
import { resetFx } from '../signal/fx-state.js';
import { setRflags } from '../signal/frame.js';
import { setTcbIds } from './clone.js';
import type { ExecImage } from './exec-image.js';
import { releaseVforkParent } from './exit.js';
import { releaseFutexes } from './futex-exit.js';
import { killTask } from './kill.js';
import { setRseq } from './rseq.js';
import type { Task } from './task.js';

/** Tells the sibling threads to end. False when there are some the caller must wait for (group.threadWaiters). */
export function endSiblings(task: Task): boolean {
  const { group } = task;
  const siblings = group.liveTasks.filter((other) => other !== task);
  if (siblings.length === 0) return true;
  group.execTask = task;
  for (const sibling of siblings) killTask(sibling, exited(0));
  return false;
}

/** Replaces the program of a task that has no siblings left. */
export function commitImage(task: Task, image: ExecImage): void {
  const formerTid = task.tid;
  takeLeadership(task);
  releaseFutexes(task);
  const oldMm = task.mm;
  oldMm.detach(task.tcb);
  task.mm = image.mm;
  task.mm.attach(task.tcb);
  task.mm.limits = task.group.limits;
  resetProcess(task, image);
  resetRegisters(task, image);
  releaseVforkParent(task);
  task.kernel.host.executed(task.group, image.command);
  task.kernel.processEvents.executed(task);
  if (task.tracing !== null) forgetDebugRegisters(task);
  if (task.tracing !== null) reportExec(task, formerTid);
}

/** A thread that is not the leader takes the leader's tid (execve(2), "other effects"). */
function takeLeadership(task: Task): void {
  const { group, kernel } = task;
  const { leader } = group;
  group.execTask = null;
  if (leader === task) return;
  const { tid } = leader;
  if (leader.tracing !== null) unlink(leader);
  group.tasks.delete(leader);
  leader.state = 'dead';
  kernel.tasks.remove(leader);
  kernel.tasks.renumber(task, tid);
  group.leader = task;
  setTcbIds(task);
}

function resetProcess(task: Task, image: ExecImage): void {
  const { group } = task;
  task.name = image.name;
  const before = task.creds;
  task.creds = image.creds;
  task.kernel.processEvents.changedIds(task, before);
  task.altStack = { addr: 0n, sizeBytes: 0, flags: Ss.DISABLE };
  task.restartBlock = null;
  setRseq(task, null);
  task.dumpable = 1;
  group.hasExeced = true;
  group.handlers = group.handlers.copyForExec();
  (group.timers as GroupTimers | null)?.dropForExec();
  if (task.fds.isShared) {
    const own = task.fds.copy(task.kernel.uniqueId());
    task.fds.release();
    task.fds = own;
  }
  task.fds.closeOnExec();
  recalcGroup(group);
}

/** Registers at the entry of a program: all zero but rsp and rip (SysV ABI 3.4.1). */
function resetRegisters(task: Task, image: ExecImage): void {
  const { u8, u64 } = task.shared;
  const { off } = TCB;
  u8.fill(0, task.tcb + off.gpr, task.tcb + off.gpr + 128);
  u64[(task.tcb + off.fsBase) / 8] = 0n;
  u64[(task.tcb + off.gsBase) / 8] = 0n;
  u64[(task.tcb + off.fillPage) / 8] = 0n;
  resetFx(task.shared, task.tcb);
  setRflags(task, 0x202);
  task.setReg(Reg.RSP, BigInt(image.rsp));
  task.rip = BigInt(image.entry);
}

/** First image of a task made by Kernel.createProcess. */
export function installFirstImage(task: Task, image: ExecImage): void {
  task.mm = image.mm;
  task.mm.attach(task.tcb);
  task.creds = image.creds;
  task.name = image.name;
  task.group.hasExeced = true;
  resetRegisters(task, image);
  task.kernel.host.executed(task.group, image.command);
}

