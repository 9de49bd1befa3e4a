/** The signal mask that ppoll, pselect6 and epoll_pwait put in place while they wait (Task.setTemporaryMask). */
import { Errno, ErrnoError } from '@troupe/abi';
import type { Task } from '../task/task.js';

const SIGSET_BYTES = 8;

export function useWaitMask(task: Task, maskAddr: number, sizeBytes: number): void {
  if (maskAddr === 0) return;
  if (sizeBytes !== SIGSET_BYTES) throw new ErrnoError(Errno.EINVAL);
  task.setTemporaryMask(task.mm.readU64(maskAddr));
}
