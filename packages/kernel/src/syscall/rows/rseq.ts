/** rseq(2). */
import { Errno, Nr, RSEQ, RSEQ_ALIGN, RSEQ_FLAG_UNREGISTER } from '@troupe/abi';
import { TASK_SIZE } from '../../mm/layout.js';
import { registerRseq, resetArea, setRseq } from '../../task/rseq.js';
import type { Task } from '../../task/task.js';
import { addr, flags, uint, type SyscallRow } from '../row.js';

function unregister(task: Task, at: number, sizeBytes: number, callFlags: number, signature: number): number {
  const { rseq } = task;
  if (callFlags !== RSEQ_FLAG_UNREGISTER || rseq === null || rseq.addr !== at || rseq.sizeBytes !== sizeBytes) return -Errno.EINVAL;
  if (rseq.signature !== signature) return -Errno.EPERM;
  resetArea(task, rseq);
  setRseq(task, null);
  return 0;
}

function sysRseq(task: Task, at: number, sizeBytes: number, callFlags: number, signature: number): number {
  if ((callFlags & RSEQ_FLAG_UNREGISTER) !== 0) return unregister(task, at, sizeBytes, callFlags, signature);
  if (callFlags !== 0) return -Errno.EINVAL;
  const { rseq } = task;
  if (rseq !== null) {
    if (rseq.addr !== at || rseq.sizeBytes !== sizeBytes) return -Errno.EINVAL;
    return rseq.signature === signature ? -Errno.EBUSY : -Errno.EPERM;
  }
  if (sizeBytes < RSEQ.sizeBytes || at % RSEQ_ALIGN !== 0 || at === 0) return -Errno.EINVAL;
  if (at + sizeBytes > TASK_SIZE) return -Errno.EFAULT;
  registerRseq(task, { addr: at, sizeBytes, signature });
  return 0;
}

export const rows: readonly SyscallRow[] = [
  {
    nr: Nr.rseq, name: 'rseq', args: [addr('rseq'), uint('rseq_len'), flags('flags', [['RSEQ_FLAG_UNREGISTER', RSEQ_FLAG_UNREGISTER]]), uint('sig')], groups: ['%process'],
    support: { partial: 'areas above 4 GiB do not know the CPU' }, man: 'rseq(2)', handler: sysRseq,
  },
];
