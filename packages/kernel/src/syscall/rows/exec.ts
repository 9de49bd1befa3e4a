/** execve(2), execveat(2). */
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, Cap, Errno, ErrnoError, PATH_MAX, hasCapIn } from '@troupe/abi';
import { Follow } from '@troupe/vfs';
import type { FileDescription, PathNode } from '@troupe/vfs';
import { ASKED, askingContext, dropQuestion, openQuestions, waitForAnswer } from '../../fanotify/permission.js';
import { loadImage, openExecutable, openProgramNode } from '../../task/exec-image.js';
import { commitImage, endSiblings } from '../../task/exec.js';
import type { Task } from '../../task/task.js';
import { fd, flags, path, type ArgSpec, type SyscallResult, type SyscallRow } from '../row.js';

const MAX_STRING_BYTES = 128 * 1024;
/** Arguments and environment together may not exceed this (a quarter of the largest stack Linux allows them). */
const MAX_TOTAL_BYTES = 6 * 1024 * 1024;
const POINTER_BYTES = 8;

const strv = (name: string): ArgSpec => ({ name, kind: 'strv' });

/** A NULL-terminated array of string pointers; address 0 is an empty list. */
function readStrings(task: Task, at: number, usedBytes: number): string[] {
  const strings: string[] = [];
  if (at === 0) return strings;
  let total = usedBytes;
  for (let pointerAt = at; ; pointerAt += POINTER_BYTES) {
    const pointer = task.mm.readUlong(pointerAt);
    if (pointer === 0) return strings;
    const text = readString(task, pointer);
    total += text.length + 1 + POINTER_BYTES;
    if (total > MAX_TOTAL_BYTES) throw new ErrnoError(Errno.E2BIG);
    strings.push(text);
  }
}

function readString(task: Task, pointer: number): string {
  try {
    return task.mm.copyInString(pointer, MAX_STRING_BYTES);
  } catch (error) {
    throw error instanceof ErrnoError && error.errno === Errno.ENAMETOOLONG ? new ErrnoError(Errno.E2BIG) : error;
  }
}

interface Program {
  readonly file: FileDescription;
  /** Path scripts and AT_EXECFN see. */
  readonly path: string;
}

/** First run: the program is loaded completely. Then, and after each wake-up: siblings end, the image takes over. */
function doExec(task: Task, open: () => Program | number, argv: number, envp: number): SyscallResult {
  if (task.execImage === null) {
    const refused = prepareImage(task, open, argv, envp);
    if (refused === ASKED) return waitForAnswer(openQuestions(task)!.last);
    if (refused < 0) return refused;
  }
  const image = task.execImage!;
  if (!endSiblings(task)) return { block: true, queues: [{ queue: task.group.threadWaiters, events: 0 }], uninterruptible: true };
  task.execImage = null;
  commitImage(task, image);
  return undefined;
}

/** A tracer without CAP_SYS_PTRACE must not come by a program of another user (ptrace(2), execve(2)). */
function isTracedByEqual(task: Task): boolean {
  const { tracing } = task;
  return tracing !== null && !hasCapIn(tracing.tracer.creds, task.creds.userNamespace, Cap.SYS_PTRACE);
}

function prepareImage(task: Task, open: () => Program | number, argvAt: number, envpAt: number): number {
  const argv = readStrings(task, argvAt, 0);
  const envp = readStrings(task, envpAt, argv.reduce((sum, text) => sum + text.length + 1, 0));
  const program = open();
  if (typeof program === 'number') return program;
  const image = loadImage({
    kernel: task.kernel, ctx: askingContext(task), file: program.file, path: program.path, argv, envp, limits: task.group.limits, noNewPrivs: task.noNewPrivs || isTracedByEqual(task),
  });
  if (typeof image === 'number') return image;
  task.execImage = image;
  return 0;
}

function sysExecve(task: Task, pathAt: number, argv: number, envp: number): SyscallResult {
  return doExec(task, () => openAt(task, AT_FDCWD, pathAt, 0), argv, envp);
}

function sysExecveat(task: Task, dirfd: number, pathAt: number, argv: number, envp: number, flagBits: number): SyscallResult {
  if ((flagBits & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) !== 0) return -Errno.EINVAL;
  return doExec(task, () => openAt(task, dirfd, pathAt, flagBits), argv, envp);
}

function openAt(task: Task, dirfd: number, pathAt: number, flagBits: number): Program | number {
  const name = task.mm.copyInString(pathAt, PATH_MAX);
  const ctx = askingContext(task);
  if (name === '' && (flagBits & AT_EMPTY_PATH) === 0) return -Errno.ENOENT;
  const start = name.startsWith('/') ? ctx.root : startNode(task, dirfd);
  if (typeof start === 'number') return start;
  const follow = (flagBits & AT_SYMLINK_NOFOLLOW) !== 0 ? Follow.NO : Follow.YES;
  const file = name === '' ? openProgramNode(task.kernel, ctx, start) : openExecutable(task.kernel, ctx, start, name, follow);
  if (typeof file === 'number') return file;
  const isPlain = dirfd === AT_FDCWD || name.startsWith('/');
  return { file, path: isPlain ? name : `/dev/fd/${dirfd}${name === '' ? '' : `/${name}`}` };
}

function startNode(task: Task, dirfd: number): PathNode | number {
  if (dirfd === AT_FDCWD) return task.fs.cwd;
  return task.fds.get(dirfd)?.node ?? -Errno.EBADF;
}

const AT_FLAGS = [['AT_EMPTY_PATH', AT_EMPTY_PATH], ['AT_SYMLINK_NOFOLLOW', AT_SYMLINK_NOFOLLOW]] as const;

export const rows: readonly SyscallRow[] = [
  { nr: 59, name: 'execve', args: [path(), strv('argv'), strv('envp')], groups: ['%file', '%process'], support: 'full', man: 'execve(2)', handler: sysExecve, interrupted: dropQuestion },
  { nr: 322, name: 'execveat', args: [fd('dirfd'), path(), strv('argv'), strv('envp'), flags('flags', AT_FLAGS)], groups: ['%file', '%process'], support: 'full', man: 'execveat(2)', handler: sysExecveat, interrupted: dropQuestion },
];
