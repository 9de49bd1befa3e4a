/** struct ptrace_syscall_info of a tracee (ptrace(2), PTRACE_GET_SYSCALL_INFO). */
import { AUDIT_ARCH_X86_64, PtraceEvent, Reg, SyscallInfoOp } from '@troupe/abi';
import type { Task } from '../task/task.js';
import type { PtraceStop } from './tracing.js';

const BYTES = 88;
const ENTRY_BYTES = 80;
const EXIT_BYTES = 33;
const SECCOMP_BYTES = 84;
const HEAD_BYTES = 24;
const ARGUMENTS = [Reg.RDI, Reg.RSI, Reg.RDX, Reg.R10, Reg.R8, Reg.R9];

function opOf(stop: PtraceStop): number {
  if (stop.kind === 'syscall-enter') return SyscallInfoOp.ENTRY;
  if (stop.kind === 'syscall-exit') return SyscallInfoOp.EXIT;
  return stop.code >> 8 === PtraceEvent.SECCOMP ? SyscallInfoOp.SECCOMP : SyscallInfoOp.NONE;
}

/** The bytes that the kind of stop fills. */
export function syscallInfo(task: Task): Uint8Array {
  const op = opOf(task.tracing!.stop!);
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, op);
  view.setUint32(4, AUDIT_ARCH_X86_64, true);
  view.setBigUint64(8, task.rip, true);
  view.setBigUint64(16, task.getReg(Reg.RSP), true);
  if (op === SyscallInfoOp.EXIT) {
    const result = BigInt.asIntN(64, task.getReg(Reg.RAX));
    view.setBigInt64(24, result, true);
    view.setUint8(32, result < 0n && result >= -4095n ? 1 : 0);
    return bytes.subarray(0, EXIT_BYTES);
  }
  if (op === SyscallInfoOp.NONE) return bytes.subarray(0, HEAD_BYTES);
  view.setBigInt64(24, BigInt(task.origRax), true);
  ARGUMENTS.forEach((reg, index) => view.setBigUint64(32 + index * 8, task.getReg(reg), true));
  if (op === SyscallInfoOp.SECCOMP) view.setUint32(80, task.tracing!.eventMessage, true);
  return bytes.subarray(0, op === SyscallInfoOp.ENTRY ? ENTRY_BYTES : SECCOMP_BYTES);
}
