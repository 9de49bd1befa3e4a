/**
 * x86 exceptions as signals (SDM Vol. 3A chapter 6; signal numbers and codes as Linux maps them,
 * sigaction(2)).
 */
import type { SigInfo } from '@troupe/abi';
import { Flag, PfCode, Sig, Si, TCB, Vector } from '@troupe/abi';
import { stepInfo } from '../ptrace/debug-registers.js';
import type { Task } from '../task/task.js';
import { forceSignal } from './send.js';

export function handleException(task: Task): void {
  const { u32, u64 } = task.shared;
  const vector = u32[(task.tcb + TCB.off.trapVector) >> 2]!;
  const errorCode = u32[(task.tcb + TCB.off.trapErrorCode) >> 2]!;
  if (vector === Vector.PF) return handlePageFault(task, Number(u64[(task.tcb + TCB.off.trapAddr) / 8]!), errorCode);
  task.trapNo = vector;
  task.trapErrorCode = vector === Vector.GP ? errorCode : 0;
  const info = vector === Vector.DB ? debugInfo(task) : exceptionInfo(task, vector);
  if (info !== null) forceSignal(task, info);
}

/** After a step; null when nobody is told of it. */
function debugInfo(task: Task): SigInfo | null {
  if (task.tracing !== null) return stepInfo(task, task.rip);
  if (!task.hasStaleTrapFlag) return exceptionInfo(task, Vector.DB);
  task.hasStaleTrapFlag = false;
  task.shared.u32[(task.tcb + TCB.off.flagsRest) >> 2]! &= ~Flag.TF;
  return null;
}

function handlePageFault(task: Task, addr: number, errorCode: number): void {
  const result = task.mm.handleFault(addr, errorCode, task.tcb);
  task.minorFaults++;
  if (result === 'ok') return;
  task.trapNo = Vector.PF;
  task.trapErrorCode = errorCode | PfCode.USER | (task.mm.isPresent(result.addr, (errorCode & PfCode.FETCH) !== 0) ? PfCode.PRESENT : 0);
  task.faultAddr = BigInt(result.addr);
  if (result.signal === Sig.KILL) task.kernel.signals.sendToGroup(task.group, { signo: Sig.KILL, code: Si.KERNEL });
  else forceSignal(task, { signo: result.signal, code: result.code, addr: BigInt(result.addr) });
}

function exceptionInfo(task: Task, vector: number): SigInfo {
  const addr = task.rip;
  switch (vector) {
    case Vector.DE:
      return { signo: Sig.FPE, code: Si.FPE_INTDIV, addr };
    case Vector.DB:
      return { signo: Sig.TRAP, code: Si.TRAP_TRACE, addr };
    case Vector.BP:
      return { signo: Sig.TRAP, code: Si.KERNEL };
    case Vector.UD:
      return { signo: Sig.ILL, code: Si.ILL_ILLOPN, addr };
    case Vector.SS:
      return { signo: Sig.BUS, code: Si.KERNEL };
    case Vector.AC:
      return { signo: Sig.BUS, code: Si.BUS_ADRALN };
    case Vector.MF:
    case Vector.XM:
      return { signo: Sig.FPE, code: floatCode(pendingFloatExceptions(task, vector)), addr };
    default:
      return { signo: Sig.SEGV, code: Si.KERNEL };
  }
}

/** Unmasked exception flags (bits IE DE ZE OE UE PE) of the x87 status word or MXCSR. */
function pendingFloatExceptions(task: Task, vector: number): number {
  const { u16, u32 } = task.shared;
  if (vector === Vector.MF) return u16[(task.tcb + TCB.off.fsw) >> 1]! & ~u16[(task.tcb + TCB.off.fcw) >> 1]!;
  const mxcsr = u32[(task.tcb + TCB.off.mxcsr) >> 2]!;
  return mxcsr & ~(mxcsr >> 7);
}

function floatCode(exceptions: number): number {
  if (exceptions & 1) return Si.FPE_FLTINV;
  if (exceptions & 4) return Si.FPE_FLTDIV;
  if (exceptions & 8) return Si.FPE_FLTOVF;
  if (exceptions & 0x12) return Si.FPE_FLTUND;
  return exceptions & 0x20 ? Si.FPE_FLTRES : 0;
}
