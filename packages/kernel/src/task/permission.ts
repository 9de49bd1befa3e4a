/** Who may send signals to, and look into, other processes (kill(2), ptrace(2) access checks). */
import { Cap, Sig, hasCapIn } from '@troupe/abi';
import type { Task } from './task.js';

/** Real or effective uid of the sender equals real or saved uid of the target, or CAP_KILL; SIGCONT within a session. */
export function maySignal(sender: Task, target: Task, signo: number): boolean {
  const from = sender.creds;
  const to = target.creds;
  if (sender.group === target.group || hasCapIn(from, to.userNamespace, Cap.KILL)) return true;
  if (from.euid === to.suid || from.euid === to.uid || from.uid === to.suid || from.uid === to.uid) return true;
  return signo === Sig.CONT && sender.group.processGroup.session === target.group.processGroup.session;
}

/** PTRACE_MODE_ATTACH with real credentials: same user throughout, or CAP_SYS_PTRACE. */
export function mayPtrace(task: Task, target: Task): boolean {
  if (task.group === target.group || hasCapIn(task.creds, target.creds.userNamespace, Cap.SYS_PTRACE)) return true;
  const { uid, gid } = task.creds;
  const to = target.creds;
  return uid === to.uid && uid === to.euid && uid === to.suid && gid === to.gid && gid === to.egid && gid === to.sgid && target.dumpable === 1;
}
