/**
 * Restartable sequences on the kernel's side (rseq(2)): sections that are left early, areas that cores
 * cannot reach. Cores write the CPU number themselves (cpu-worker worker/rseq-area.ts).
 */
import { ErrnoError, PfCode, RSEQ, RSEQ_CPU_ID_UNINITIALIZED, RSEQ_CS, Si, Sig, TCB, type RseqRegistration } from '@troupe/abi';
import { TASK_SIZE } from '../mm/layout.js';
import { forceSignal } from '../signal/send.js';
import type { Task } from './task.js';

/** Cores reach areas below this. Those above say for ever that the CPU is not known. */
const REACHABLE_END = 0x1_0000_0000;

const isReachable = ({ addr }: RseqRegistration): boolean => addr < REACHABLE_END;

export function setRseq(task: Task, registration: RseqRegistration | null): void {
  task.rseq = registration;
  task.shared.u32[(task.tcb + TCB.off.rseq) >> 2] = registration !== null && isReachable(registration) ? registration.addr : 0;
}

/** rseq(2) names an area. */
export function registerRseq(task: Task, registration: RseqRegistration): void {
  if (!isReachable(registration)) resetArea(task, registration);
  setRseq(task, registration);
}

/** A new task of clone(2): threads start without, copies of a process keep theirs. */
export function inheritRseq(child: Task, parent: Task, sharesMemory: boolean): void {
  setRseq(child, sharesMemory ? null : parent.rseq);
}

/** The area says that nothing is registered. */
export function resetArea(task: Task, { addr }: RseqRegistration): void {
  const { off } = RSEQ;
  task.mm.writeU32(addr + off.cpuIdStart, 0);
  task.mm.writeU32(addr + off.cpuId, RSEQ_CPU_ID_UNINITIALIZED);
  task.mm.writeU32(addr + off.nodeId, 0);
  task.mm.writeU32(addr + off.mmCid, 0);
}

/**
 * The task was interrupted, or a signal handler is about to run: a critical section that it is in ends at
 * its abort handler, one that it has left is forgotten. A program that describes it wrongly gets SIGSEGV: false.
 */
export function abortSection(task: Task): boolean {
  if (task.rseq === null) return true;
  try {
    if (fixUp(task, task.rseq)) return true;
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
  forceSignal(task, { signo: Sig.SEGV, code: Si.KERNEL }, true);
  return false;
}

function fixUp(task: Task, { addr, signature }: RseqRegistration): boolean {
  const section = Number(task.mm.readU64(addr + RSEQ.off.cs));
  if (section === 0) return true;
  const { off } = RSEQ_CS;
  const [version, start, length, abort] = [task.mm.readU32(section + off.version), ...[off.startIp, off.postCommitOffset, off.abortIp].map((field) => Number(task.mm.readU64(section + field)))] as [number, number, number, number];
  const isValid = version === 0 && start < TASK_SIZE && start + length < TASK_SIZE && abort < TASK_SIZE && !(abort >= start && abort < start + length);
  if (!isValid || task.mm.readU32(abort - 4) !== signature) return false;
  const rip = Number(task.rip);
  task.mm.writeU64(addr + RSEQ.off.cs, 0n);
  if (rip >= start && rip < start + length) task.rip = BigInt(abort);
  return true;
}

/**
 * Before the task goes to a core: its area is made writable there, which saves a trap. While the flat tables are all
 * with other address spaces no core can write it: it then says that the CPU is not known, which sends programs to their slow paths.
 * Preconditions: the tables are in the TCB.
 */
export function prepareRseq(task: Task): void {
  const { rseq, shared, tcb } = task;
  if (rseq === null || !isReachable(rseq)) return;
  const word = (tcb + TCB.off.rseq) >> 2;
  if (!isWritable(task, rseq.addr)) {
    task.mm.handleFault(rseq.addr, PfCode.WRITE | PfCode.USER, tcb);
    task.mm.activate(tcb);
  }
  if (task.mm.tables !== null) shared.u32[word] = rseq.addr;
  else if (shared.u32[word] !== 0) hideCpu(task, rseq);
}

function isWritable({ shared: { u32 }, tcb }: Task, addr: number): boolean {
  return u32[(u32[(tcb + TCB.off.tableWrite) >> 2]! >> 2) + (addr >>> 12)] !== 0;
}

function hideCpu(task: Task, rseq: RseqRegistration): void {
  task.shared.u32[(task.tcb + TCB.off.rseq) >> 2] = 0;
  try {
    fixUp(task, rseq);
    resetArea(task, rseq);
  } catch (error) {
    // An area that is gone is noticed when a core has to write it.
    if (!(error instanceof ErrnoError)) throw error;
  }
}

/** A core could not write the area, or found the task in a section. */
export function settleRseq(task: Task): void {
  const { rseq } = task;
  if (rseq === null || !abortSection(task)) return;
  const result = task.mm.handleFault(rseq.addr, PfCode.WRITE | PfCode.USER, task.tcb);
  if (result !== 'ok') forceSignal(task, { signo: Sig.SEGV, code: Si.KERNEL }, true);
}
