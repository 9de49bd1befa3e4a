/**
 * What becomes of an interrupted system call (signal(7), "Interruption of system calls and library
 * functions by signal handlers"). The restart codes never reach the guest.
 */
import { Errno, Nr, Reg, Restart, Sa } from '@troupe/abi';
import type { Task } from '../task/task.js';
import type { SigAction } from './signal-handlers.js';

/** Length of the SYSCALL instruction. */
const SYSCALL_BYTES = 2n;

/** The restart code the call of this task ended with, or 0. */
function restartCode(task: Task): number {
  if (task.syscall === null) return 0;
  const code = -Number(BigInt.asIntN(64, task.getReg(Reg.RAX)));
  return code === Restart.ERESTARTSYS || code === Restart.ERESTARTNOINTR || code === Restart.ERESTARTNOHAND || code === Restart.ERESTART_RESTARTBLOCK ? code : 0;
}

function rewind(task: Task, nr: number): void {
  task.setReg(Reg.RAX, BigInt(nr));
  task.rip -= SYSCALL_BYTES;
}

/** Before a handler runs: EINTR, or the call is made again after the handler. */
export function restartForHandler(task: Task, action: SigAction): void {
  const code = restartCode(task);
  if (code === 0) return;
  const again = code === Restart.ERESTARTNOINTR || (code === Restart.ERESTARTSYS && (action.flags & Sa.RESTART) !== 0);
  if (again) rewind(task, task.syscall!.nr);
  else task.setReg(Reg.RAX, BigInt(-Errno.EINTR));
  task.syscall = null;
}

/** No handler ran: the call is made again, or continued by restart_syscall(2). */
export function restartWithoutHandler(task: Task): void {
  const code = restartCode(task);
  if (code === Restart.ERESTART_RESTARTBLOCK) {
    task.restartBlock = task.syscall;
    rewind(task, Nr.restart_syscall);
  } else if (code !== 0) rewind(task, task.syscall!.nr);
  task.syscall = null;
}
