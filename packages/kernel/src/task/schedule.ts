/** What scheduling policy, priority and nice value mean for the run queue (sched(7), setpriority(2)). */
import { Rlimit, TCB } from '@troupe/abi';
import type { Task } from './task.js';

export const SchedPolicy = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, IDLE: 5 } as const;
/** Stands in the policy word: children start with the usual policy. */
export const SCHED_RESET_ON_FORK = 0x4000_0000;
export const RR_INTERVAL_US = 100_000;
const SLICE_US = 5000;
const MIN_SLICE_US = 500;
const MAX_SLICE_US = 50_000;
/** Each step of the nice value changes the share of a core by a quarter. */
const NICE_FACTOR = 1.25;
const NEVER_OVER = 0xffff_ffff;

export const policyOf = (task: Task): number => task.schedPolicy & ~SCHED_RESET_ON_FORK;

export function isRealTime(policy: number): boolean {
  return policy === SchedPolicy.FIFO || policy === SchedPolicy.RR;
}

function sliceUs(task: Task): number {
  switch (policyOf(task)) {
    case SchedPolicy.FIFO: return NEVER_OVER;
    case SchedPolicy.RR: return RR_INTERVAL_US;
    case SchedPolicy.IDLE: return MIN_SLICE_US;
    default: return Math.round(Math.max(MIN_SLICE_US, Math.min(MAX_SLICE_US, SLICE_US * NICE_FACTOR ** -task.nice)));
  }
}

/** RLIMIT_NICE: the nice value the process may go down to without CAP_SYS_NICE (getrlimit(2)). */
export function mayRaiseTo(task: Task, nice: number): boolean {
  return 20 - nice <= task.group.limits.soft(Rlimit.NICE);
}

/** Tells the cores. Called after each change of policy, priority or nice value. */
export function applySchedule(task: Task): void {
  if (!task.isAlive) return;
  const { i32, u32 } = task.shared;
  i32[(task.tcb + TCB.off.schedPriority) >> 2] = isRealTime(policyOf(task)) ? task.rtPriority : 0;
  u32[(task.tcb + TCB.off.sliceUs) >> 2] = sliceUs(task);
  task.kernel.host.reschedule();
}

/** A child starts with the schedule of its parent, unless that asked for the usual one (SCHED_RESET_ON_FORK). */
export function inheritSchedule(parent: Task, child: Task): void {
  const resets = (parent.schedPolicy & SCHED_RESET_ON_FORK) !== 0;
  child.nice = resets ? Math.max(0, parent.nice) : parent.nice;
  child.schedPolicy = resets ? (isRealTime(policyOf(parent)) ? SchedPolicy.OTHER : policyOf(parent)) : parent.schedPolicy;
  child.rtPriority = resets ? 0 : parent.rtPriority;
  child.ioPriority = parent.ioPriority;
  child.memoryPolicy = parent.memoryPolicy;
}
