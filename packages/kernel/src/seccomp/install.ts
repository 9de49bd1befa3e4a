/** seccomp(2), prctl(PR_SET_SECCOMP): new filters and modes. */
import { Cap, Errno, SECCOMP_FLAG_MASK, SeccompFlag, BPF_MAXINSNS, hasOwnCap } from '@troupe/abi';
import { installFile } from '../fdtable.js';
import { shownPid } from '../namespace/id-view.js';
import { publishInCore } from '../task/in-core-state.js';
import type { Task } from '../task/task.js';
import { checkProgram, decodeProgram, SOCK_FILTER_BYTES, type BpfInstruction } from './bpf.js';
import { filtersOf, type Seccomp, type SeccompFilter } from './filter.js';
import { SeccompListener } from './listener.js';

/** Instructions of all filters of a task together; each filter counts 4 more. */
const MAX_INSTRUCTIONS = 32768;
const FILTER_PENALTY = 4;

export function setStrict(task: Task): number {
  if (task.seccomp !== null && task.seccomp !== 'strict') return -Errno.EINVAL;
  task.seccomp = 'strict';
  return 0;
}

/** struct sock_fprog at `at`: u16 len, pointer at byte 8. The program, or -errno. */
function readProgram(task: Task, at: number): BpfInstruction[] | number {
  const length = task.mm.readU16(at);
  const instructions = task.mm.readUlong(at + 8);
  if (length === 0 || length > BPF_MAXINSNS) return -Errno.EINVAL;
  if (!task.noNewPrivs && !hasOwnCap(task.creds, Cap.SYS_ADMIN)) return -Errno.EACCES;
  const program = decodeProgram(task.mm.copyIn(instructions, length * SOCK_FILTER_BYTES));
  const refused = checkProgram(program);
  return refused < 0 ? refused : program;
}

function checkFlags(flags: number): boolean {
  if ((flags & ~SECCOMP_FLAG_MASK) !== 0) return false;
  const listens = (flags & SeccompFlag.NEW_LISTENER) !== 0;
  if (listens && (flags & SeccompFlag.TSYNC) !== 0 && (flags & SeccompFlag.TSYNC_ESRCH) === 0) return false;
  return listens || (flags & SeccompFlag.WAIT_KILLABLE_RECV) === 0;
}

/** SECCOMP_SET_MODE_FILTER: 0, the descriptor of a listener, the tid of a thread that cannot follow, or -errno. */
export function addFilter(task: Task, flags: number, at: number): number {
  if (!checkFlags(flags)) return -Errno.EINVAL;
  const program = readProgram(task, at);
  if (typeof program === 'number') return program;
  const { seccomp } = task;
  if (seccomp === 'strict') return -Errno.EINVAL;
  let total = program.length;
  for (const { program: older } of filtersOf(seccomp)) total += older.length + FILTER_PENALTY;
  if (total > MAX_INSTRUCTIONS) return -Errno.ENOMEM;
  const unsynced = (flags & SeccompFlag.TSYNC) !== 0 ? firstUnsynced(task) : 0;
  if (unsynced !== 0) return (flags & SeccompFlag.TSYNC_ESRCH) !== 0 ? -Errno.ESRCH : unsynced;
  return attach(task, flags, program, seccomp);
}

/** A thread whose filters are not the caller's or older ones of them; 0 = none. */
function firstUnsynced(task: Task): number {
  const mine = new Set<Seccomp | null>([null, ...filtersOf(task.seccomp)]);
  const thread = task.group.liveTasks.find((other) => other !== task && !mine.has(other.seccomp));
  return thread === undefined ? 0 : shownPid(task, thread.tid);
}

function attach(task: Task, flags: number, program: readonly BpfInstruction[], older: SeccompFilter | null): number {
  const listens = (flags & SeccompFlag.NEW_LISTENER) !== 0;
  if (listens && filtersOf(older).some((filter) => filter.listener !== null && !filter.listener.isClosed)) return -Errno.EBUSY;
  const listener = listens ? new SeccompListener(task.kernel, (flags & SeccompFlag.WAIT_KILLABLE_RECV) !== 0) : null;
  const fd = listener === null ? 0 : installFile(task, listener, true);
  if (fd < 0) return fd;
  task.seccomp = { program, older, logs: (flags & SeccompFlag.LOG) !== 0, listener };
  if ((flags & SeccompFlag.TSYNC) !== 0) synchronise(task);
  return fd;
}

function synchronise(task: Task): void {
  for (const thread of task.group.liveTasks) {
    thread.seccomp = task.seccomp;
    publishInCore(thread);
    if (task.noNewPrivs) thread.noNewPrivs = true;
  }
}
