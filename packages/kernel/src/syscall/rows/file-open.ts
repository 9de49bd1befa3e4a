/** open(2) openat(2) openat2(2) creat(2) memfd_create(2). */
import {
  AT_FDCWD, Errno, MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC, MFD_NOEXEC_SEAL, Nr, O_ACCMODE, O_APPEND, O_ASYNC, O_CLOEXEC, O_CREAT, O_DIRECT,
  O_DIRECTORY, O_DSYNC, O_EXCL, O_LARGEFILE, O_NOATIME, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDWR, O_SYNC, O_TMPFILE, O_TMPFILE_BIT,
  O_TRUNC, O_WRONLY, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_VALID,
} from '@troupe/abi';
import { openMemoryFile, openNode, openPath, type FileDescription } from '@troupe/vfs';
import { ASKED, askingContext, dropQuestion, openQuestions, waitForAnswer, type OpenQuestions } from '../../fanotify/permission.js';
import { pathArg, startOf } from '../../file/path-args.js';
import { installFile } from '../../fdtable.js';
import { contextOf } from '../../ipc/caller.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, mode, path, size, str, waitOn, type SyscallResult, type SyscallRow } from '../row.js';

/** A FIFO open that waits for its other end; the description already counts as one end. */
interface PendingOpen {
  file: FileDescription;
}

function doOpen(task: Task, dirFd: number, pathAddr: number, openFlags: number, openMode: number, resolve: number): SyscallResult {
  const asked = openQuestions(task);
  if (asked !== null) return asked.last.isAllowed === null ? waitForAnswer(asked.last) : openAllowed(task, asked, openFlags);
  const pending = task.syscall?.data as PendingOpen | undefined;
  if (pending !== undefined) return finishOpen(task, pending.file, openFlags);
  const name = pathArg(task, pathAddr);
  const start = startOf(task, dirFd, resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT) ? '' : name);
  if (typeof start === 'number') return start;
  const file = openPath(task.kernel.vfs, askingContext(task), start, name, openFlags, openMode & 0o7777, resolve);
  return opened(task, file, openFlags);
}

/** The object was found, made if need be, and all who were asked have answered. */
function openAllowed(task: Task, { flags: foundFlags, last }: OpenQuestions, openFlags: number): SyscallResult {
  const file = last.isAllowed === true ? openNode(task.kernel.vfs, contextOf(task), last.node, foundFlags, true) : -Errno.EPERM;
  task.syscall!.data = undefined;
  return opened(task, file, openFlags);
}

function opened(task: Task, file: FileDescription | number, openFlags: number): SyscallResult {
  if (file === ASKED) return waitForAnswer(openQuestions(task)!.last);
  if (typeof file === 'number') return file;
  if (!file.openPending() || (openFlags & O_NONBLOCK) !== 0) return installFile(task, file, (openFlags & O_CLOEXEC) !== 0);
  file.incRef();
  task.syscall!.data = { file } satisfies PendingOpen;
  return waitOn(file.waiters, 0);
}

function finishOpen(task: Task, file: FileDescription, openFlags: number): SyscallResult {
  if (file.openPending()) return waitOn(file.waiters, 0);
  const installed = installFile(task, file, (openFlags & O_CLOEXEC) !== 0);
  file.decRef();
  return installed;
}

/** A signal ends the wait for the other end of a FIFO, a kill that for an answer. */
function openInterrupted(task: Task): undefined {
  if (openQuestions(task) !== null) return dropQuestion(task);
  (task.syscall?.data as PendingOpen | undefined)?.file.decRef();
  return undefined;
}

const HOW_BYTES = 24;
const PAGE_BYTES = 4096;
const OPENAT2_FLAGS = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT
  | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE;

function sysOpenat2(task: Task, dirFd: number, pathAddr: number, howAddr: number, sizeBytes: number): SyscallResult {
  if (sizeBytes < HOW_BYTES) return -Errno.EINVAL;
  if (sizeBytes > PAGE_BYTES) return -Errno.E2BIG;
  const raw = task.mm.copyIn(howAddr, sizeBytes);
  if (raw.subarray(HOW_BYTES).some((byte) => byte !== 0)) return -Errno.E2BIG;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const openFlags = view.getBigUint64(0, true);
  const openMode = view.getBigUint64(8, true);
  const resolve = view.getBigUint64(16, true);
  if ((openFlags & ~BigInt(OPENAT2_FLAGS)) !== 0n || (resolve & ~BigInt(RESOLVE_VALID)) !== 0n || (openMode & ~0o7777n) !== 0n) return -Errno.EINVAL;
  const wanted = Number(openFlags);
  if (openMode !== 0n && (wanted & (O_CREAT | O_TMPFILE_BIT)) === 0) return -Errno.EINVAL;
  if ((wanted & O_PATH) !== 0 && (wanted & ~(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) !== 0) return -Errno.EINVAL;
  const rules = Number(resolve);
  if ((rules & RESOLVE_BENEATH) !== 0 && (rules & RESOLVE_IN_ROOT) !== 0) return -Errno.EINVAL;
  return doOpen(task, dirFd, pathAddr, wanted, Number(openMode), rules);
}

const MEMFD_NAME_MAX = 249;

function sysMemfdCreate(task: Task, nameAddr: number, memfdFlags: number): number {
  if (memfdFlags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) return -Errno.EINVAL;
  if ((memfdFlags & MFD_EXEC) !== 0 && (memfdFlags & MFD_NOEXEC_SEAL) !== 0) return -Errno.EINVAL;
  const name = task.mm.copyInString(nameAddr, PAGE_BYTES);
  if (name.length > MEMFD_NAME_MAX) return -Errno.EINVAL;
  const file = openMemoryFile(task.kernel.vfs, contextOf(task), name, memfdFlags);
  return typeof file === 'number' ? file : installFile(task, file, (memfdFlags & MFD_CLOEXEC) !== 0);
}

const OPEN_SYMBOLS = [
  ['O_RDWR', O_RDWR], ['O_WRONLY', O_WRONLY], ['O_RDONLY', 0], ['O_CREAT', O_CREAT], ['O_EXCL', O_EXCL], ['O_NOCTTY', O_NOCTTY], ['O_TRUNC', O_TRUNC],
  ['O_APPEND', O_APPEND], ['O_NONBLOCK', O_NONBLOCK], ['O_SYNC', O_SYNC], ['O_DSYNC', O_DSYNC], ['O_ASYNC', O_ASYNC], ['O_DIRECT', O_DIRECT],
  ['O_LARGEFILE', O_LARGEFILE], ['O_TMPFILE', O_TMPFILE], ['O_DIRECTORY', O_DIRECTORY], ['O_NOFOLLOW', O_NOFOLLOW], ['O_NOATIME', O_NOATIME],
  ['O_CLOEXEC', O_CLOEXEC], ['O_PATH', O_PATH],
] as const;
const MFD_SYMBOLS = [['MFD_CLOEXEC', MFD_CLOEXEC], ['MFD_ALLOW_SEALING', MFD_ALLOW_SEALING], ['MFD_NOEXEC_SEAL', MFD_NOEXEC_SEAL], ['MFD_EXEC', MFD_EXEC]] as const;
const open = { groups: ['%file', '%desc'], support: 'full', restart: 'ERESTARTSYS', interrupted: openInterrupted } as const;

export const rows: readonly SyscallRow[] = [
  { ...open, nr: Nr.open, name: 'open', args: [path(), flags('flags', OPEN_SYMBOLS), mode()], man: 'open(2)', handler: (task: Task, at: number, openFlags: number, openMode: number) => doOpen(task, AT_FDCWD, at, openFlags, openMode, 0) },
  { ...open, nr: Nr.openat, name: 'openat', args: [fd('dirfd'), path(), flags('flags', OPEN_SYMBOLS), mode()], man: 'open(2)', handler: (task: Task, dirFd: number, at: number, openFlags: number, openMode: number) => doOpen(task, dirFd, at, openFlags, openMode, 0) },
  { ...open, nr: Nr.openat2, name: 'openat2', args: [fd('dirfd'), path(), addr('how'), size('size')], man: 'openat2(2)', handler: sysOpenat2 },
  { ...open, nr: Nr.creat, name: 'creat', args: [path(), mode()], man: 'open(2)', handler: (task: Task, at: number, openMode: number) => doOpen(task, AT_FDCWD, at, O_CREAT | O_WRONLY | O_TRUNC, openMode, 0) },
  { nr: Nr.memfd_create, name: 'memfd_create', args: [str('name'), flags('flags', MFD_SYMBOLS)], groups: ['%desc'], support: { partial: 'no huge pages' }, man: 'memfd_create(2)', handler: sysMemfdCreate },
];
