/** kcmp(2): do two tasks share something? */
import { IdCounter, Errno } from '@troupe/abi';
import { taskWithPid } from '../../namespace/id-view.js';
import { mayPtrace } from '../../task/permission.js';
import type { Task } from '../../task/task.js';
import { choice, int, size, type SyscallRow } from '../row.js';

const Kcmp = { FILE: 0, VM: 1, FILES: 2, FS: 3, SIGHAND: 4, IO: 5, SYSVSEM: 6 } as const;

/** Numbers of objects, in the order they were first compared: any order will do, as long as it stays. */
const order = new WeakMap<object, number>();
const numbers = new IdCounter('kcmp');

function numberOf(object: object | null): number {
  if (object === null) return 0;
  let number = order.get(object);
  if (number === undefined) {
    number = numbers.take();
    order.set(object, number);
  }
  return number;
}

/** 0 equal, 1 less, 2 greater. */
function compare(a: object | null, b: object | null): number {
  const difference = numberOf(a) - numberOf(b);
  return difference === 0 ? 0 : difference < 0 ? 1 : 2;
}

function sysKcmp(task: Task, pid1: number, pid2: number, type: number, index1: number, index2: number): number {
  const [first, second] = [taskWithPid(task, pid1), taskWithPid(task, pid2)];
  if (!first?.isAlive || !second?.isAlive) return -Errno.ESRCH;
  if (!mayPtrace(task, first) || !mayPtrace(task, second)) return -Errno.EPERM;
  switch (type) {
    case Kcmp.FILE: {
      const [a, b] = [first.fds.get(index1), second.fds.get(index2)];
      return a === null || b === null ? -Errno.EBADF : compare(a, b);
    }
    case Kcmp.VM: return compare(first.mm, second.mm);
    case Kcmp.FILES: return compare(first.fds, second.fds);
    case Kcmp.FS: return compare(first.fs, second.fs);
    case Kcmp.SIGHAND: return compare(first.group.handlers, second.group.handlers);
    // No task has an I/O context of its own.
    case Kcmp.IO: return 0;
    case Kcmp.SYSVSEM: return compare(first.semaphoreUndo, second.semaphoreUndo);
    default: return -Errno.EINVAL;
  }
}

const TYPES = Object.entries(Kcmp).map(([name, value]) => [`KCMP_${name}`, value] as const);

export const rows: readonly SyscallRow[] = [
  { nr: 312, name: 'kcmp', args: [int('pid1'), int('pid2'), choice('type', TYPES), size('idx1'), size('idx2')], groups: ['%process'], support: { partial: 'no KCMP_EPOLL_TFD' }, man: 'kcmp(2)', handler: sysKcmp },
];
