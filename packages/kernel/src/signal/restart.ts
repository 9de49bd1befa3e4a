/**
 * What becomes of an interrupted system call (signal(7), "Interruption of system calls and library
 * functions by signal handlers"). The restart codes never reach the guest.
 */
import { Errno, Nr, Reg, Restart, Sa } from '@troupe/abi';
import type { Task } from '../task/task.js';
import type { SigAction } from './signal-handlers.js';

/** Length of the SYSCALL instruction. */
const SYSCALL_BYTES = 2n;

/** The restart code the call of this task ended with, or 0 (Task.restartCode). */
function takeCode(task: Task): number {
  const code = task.restartCode;
  task.restartCode = 0;
  return code;
}

/** True for a result that only says how the call is restarted. */
export function isRestartCode(result: number): boolean {
  return result <= -Restart.ERESTARTSYS && result >= -Restart.ERESTART_RESTARTBLOCK;
}

/** A signal ended the call. Otherwise a swapped mask comes back before signals are looked at (pselect(2), epoll_pwait(2)). */
export function isInterrupted(result: number | bigint | undefined): boolean {
  return typeof result === 'number' && (result === -Errno.EINTR || isRestartCode(result));
}

function rewind(task: Task, nr: number = task.syscall?.nr ?? task.origRax): void {
  task.setReg(Reg.RAX, BigInt(nr));
  task.rip -= SYSCALL_BYTES;
}

/** Before a handler runs: EINTR, or the call is made again after the handler. */
export function restartForHandler(task: Task, action: SigAction): void {
  const code = takeCode(task);
  if (code === 0) return;
  const again = code === Restart.ERESTARTNOINTR || (code === Restart.ERESTARTSYS && (action.flags & Sa.RESTART) !== 0);
  if (again) rewind(task);
  else task.setReg(Reg.RAX, BigInt(-Errno.EINTR));
  task.syscall = null;
}

/** No handler ran: the call is made again, or continued by restart_syscall(2). */
export function restartWithoutHandler(task: Task): void {
  const code = takeCode(task);
  if (code === Restart.ERESTART_RESTARTBLOCK) {
    task.restartBlock = task.syscall ?? task.restartBlock;
    rewind(task, Nr.restart_syscall);
  } else if (code !== 0) rewind(task);
  task.syscall = null;
}
