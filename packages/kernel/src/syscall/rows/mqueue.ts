/** POSIX message queues (mq_overview(7)). */
import {
  Cap, Errno, NAME_MAX, Nr, O_ACCMODE, O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, R_OK, S_IFREG, W_OK, hasCapIn,
} from '@troupe/abi';
import { MessageQueueFile, checkAccess, isOwner, type MessageQueueFileSystem, type MessageQueueInode } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { currentNotification, exceedsQueueLimit, notifyOwner, queueCost, queuesOf, readNotification, removeNotification } from '../../ipc/message-queues.js';
import { shownPid } from '../../namespace/id-view.js';
import type { Task } from '../../task/task.js';
import { type CallDeadline, monotonicDeadlineNs, NO_DEADLINE, waitUntil } from '../../time/call-deadline.js';
import { addr, fd, flags, inBuf, mode, outBuf, size, str, uint, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs } from '../timespec.js';

const PRIORITY_MAX = 32768;
/** What CAP_SYS_RESOURCE allows at most. */
const HARD_MSG_MAX = 65536;
const HARD_MSGSIZE_MAX = 16 * 1024 * 1024;
/** struct mq_attr: mq_flags, mq_maxmsg, mq_msgsize, mq_curmsgs, four reserved words. */
const MQ_ATTR_BYTES = 64;

/** The name as the C library passes it: without the slash in front. */
function queueName(task: Task, at: number): string | number {
  const name = task.mm.copyInString(at, 4096);
  if (name === '') return -Errno.ENOENT;
  if (name.includes('/') || name === '.' || name === '..') return -Errno.EACCES;
  return name.length > NAME_MAX ? -Errno.ENAMETOOLONG : name;
}

function sysMqOpen(task: Task, nameAddr: number, openFlags: number, modeBits: number, attrAddr: number): number {
  const wanted = attrAddr === 0 || (openFlags & O_CREAT) === 0 ? null : [task.mm.readUlong(attrAddr + 8), task.mm.readUlong(attrAddr + 16)] as const;
  const name = queueName(task, nameAddr);
  if (typeof name === 'number') return name;
  const queues = queuesOf(task.kernel, task.namespaces.ipc);
  const existing = queues.root.queues.get(name);
  const queue = existing === undefined ? createQueue(task, queues, name, openFlags, modeBits, wanted) : openExisting(task, existing, openFlags);
  if (typeof queue === 'number') return queue;
  const file = new MessageQueueFile(queues.nodeOf(name, queue), openFlags & (O_ACCMODE | O_NONBLOCK), queue);
  return installFile(task, file, (openFlags & O_CLOEXEC) !== 0);
}

function openExisting(task: Task, queue: MessageQueueInode, openFlags: number): MessageQueueInode | number {
  if ((openFlags & O_CREAT) !== 0 && (openFlags & O_EXCL) !== 0) return -Errno.EEXIST;
  const accessMode = openFlags & O_ACCMODE;
  if (accessMode === O_ACCMODE) return -Errno.EINVAL;
  const denied = checkAccess(queue, task.creds, accessMode === 0 ? R_OK : accessMode === 1 ? W_OK : R_OK | W_OK);
  return denied < 0 ? denied : queue;
}

function createQueue(task: Task, queues: MessageQueueFileSystem, name: string, openFlags: number, modeBits: number, wanted: readonly [number, number] | null): MessageQueueInode | number {
  if ((openFlags & O_CREAT) === 0) return -Errno.ENOENT;
  const { limits } = queues;
  const isPrivileged = hasCapIn(task.creds, task.namespaces.ipc.userNamespace, Cap.SYS_RESOURCE);
  if (queues.root.queues.size >= limits.queuesMax && !isPrivileged) return -Errno.ENOSPC;
  const [maxMessages, messageBytes] = wanted ?? [limits.msgDefault, limits.msgSizeDefault];
  const tooMany = maxMessages > (isPrivileged ? HARD_MSG_MAX : limits.msgMax) || messageBytes > (isPrivileged ? HARD_MSGSIZE_MAX : limits.msgSizeMax);
  if (maxMessages < 1 || messageBytes < 1 || tooMany) return -Errno.EINVAL;
  if (exceedsQueueLimit(task, queues, queueCost(maxMessages, messageBytes))) return -Errno.EMFILE;
  const { fsgid, fsuid } = task.creds;
  return queues.root.add(name, { mode: S_IFREG | (modeBits & 0o777 & ~task.fs.umask), uid: fsuid, gid: fsgid }, maxMessages, messageBytes);
}

function sysMqUnlink(task: Task, nameAddr: number): number {
  const name = queueName(task, nameAddr);
  if (typeof name === 'number') return name;
  const { root } = queuesOf(task.kernel, task.namespaces.ipc);
  const queue = root.queues.get(name);
  if (queue === undefined) return -Errno.ENOENT;
  return isOwner(queue, task.creds) ? root.unlink(name) : -Errno.EACCES;
}

/** The queue behind a descriptor that may be used in the way asked for. */
function queueOf(task: Task, fdNo: number, may: 'readable' | 'writable' | null): MessageQueueFile | number {
  const file = task.fds.getOpen(fdNo);
  return file instanceof MessageQueueFile && (may === null || file[may]) ? file : -Errno.EBADF;
}

/** Deadline of the absolute CLOCK_REALTIME time at an address; looked at before anything else. */
function deadlineOf(task: Task, timeoutAddr: number): CallDeadline {
  const state = task.syscall!;
  state.data ??= timeoutAddr === 0 ? NO_DEADLINE : { atNs: readTimespecNs(task.mm, timeoutAddr), isRealtime: true };
  return state.data as CallDeadline;
}

function waitFor(task: Task, file: MessageQueueFile, side: 'senders' | 'receivers', deadline: CallDeadline): SyscallResult {
  if (file.nonBlocking) return -Errno.EAGAIN;
  if (task.syscall!.timedOut || task.kernel.monotonicNs() >= monotonicDeadlineNs(task.kernel, deadline)) return -Errno.ETIMEDOUT;
  return waitUntil(task.kernel, [{ queue: file.queue[side], events: 0 }], deadline);
}

function sysMqTimedsend(task: Task, fdNo: number, at: number, sizeBytes: number, priority: number, timeoutAddr: number): SyscallResult {
  const deadline = deadlineOf(task, timeoutAddr);
  if (priority >= PRIORITY_MAX) return -Errno.EINVAL;
  const file = queueOf(task, fdNo, 'writable');
  if (typeof file === 'number') return file;
  const { queue } = file;
  if (sizeBytes > queue.messageBytes) return -Errno.EMSGSIZE;
  const bytes = task.mm.copyIn(at, sizeBytes);
  if (queue.isFull) return waitFor(task, file, 'senders', deadline);
  currentNotification(queue);
  const due = queue.send({ priority, bytes });
  if (due !== null) notifyOwner(task, due);
  return 0;
}

function sysMqTimedreceive(task: Task, fdNo: number, at: number, sizeBytes: number, priorityAddr: number, timeoutAddr: number): SyscallResult {
  const deadline = deadlineOf(task, timeoutAddr);
  const file = queueOf(task, fdNo, 'readable');
  if (typeof file === 'number') return file;
  if (sizeBytes < file.queue.messageBytes) return -Errno.EMSGSIZE;
  const message = file.queue.receive();
  if (typeof message === 'number') return waitFor(task, file, 'receivers', deadline);
  task.mm.copyOut(at, message.bytes);
  if (priorityAddr !== 0) task.mm.writeU32(priorityAddr, message.priority);
  return message.bytes.length;
}

/** struct sigevent: value at 0, signo at 8, notify at 12. */
function sysMqNotify(task: Task, fdNo: number, eventAddr: number): number {
  const event = eventAddr === 0 ? null : readNotification(task, eventAddr);
  if (typeof event === 'number') return event;
  const file = queueOf(task, fdNo, null);
  if (typeof file === 'number') return file;
  const { queue } = file;
  const current = currentNotification(queue);
  if (event === null) {
    if (current?.owner === task.group) removeNotification(queue);
    return 0;
  }
  if (current !== null) return -Errno.EBUSY;
  queue.notification = { owner: task.group, ownerPid: shownPid(task, task.group.tgid), ...event };
  return 0;
}

/** Of the attributes only O_NONBLOCK can be changed. */
function sysMqGetsetattr(task: Task, fdNo: number, newAddr: number, oldAddr: number): number {
  const wanted = newAddr === 0 ? null : Number(task.mm.readU64(newAddr) & 0xffff_ffffn);
  if (wanted !== null && (wanted & ~O_NONBLOCK) !== 0) return -Errno.EINVAL;
  const file = queueOf(task, fdNo, null);
  if (typeof file === 'number') return file;
  const { queue } = file;
  const words = [file.flags & O_NONBLOCK, queue.maxMessages, queue.messageBytes, queue.messages.length];
  if (wanted !== null) file.flags = (file.flags & ~O_NONBLOCK) | wanted;
  if (oldAddr === 0) return 0;
  task.mm.zeroOut(oldAddr, MQ_ATTR_BYTES);
  words.forEach((word, index) => task.mm.writeU64(oldAddr + index * 8, BigInt(word)));
  return 0;
}

const OPEN_FLAGS = [['O_RDONLY', 0], ['O_WRONLY', 1], ['O_RDWR', 2], ['O_CREAT', O_CREAT], ['O_EXCL', O_EXCL], ['O_NONBLOCK', O_NONBLOCK], ['O_CLOEXEC', O_CLOEXEC]] as const;
const ipc = { groups: ['%ipc', '%desc'], support: 'full' } as const;
const wait = { ...ipc, restart: 'ERESTARTSYS' } as const;

export const rows: readonly SyscallRow[] = [
  { ...ipc, nr: Nr.mq_open, name: 'mq_open', args: [str('name'), flags('oflag', OPEN_FLAGS), mode(), inBuf('attr', MQ_ATTR_BYTES)], man: 'mq_open(2)', handler: sysMqOpen },
  { ...ipc, nr: Nr.mq_unlink, name: 'mq_unlink', args: [str('name')], man: 'mq_unlink(2)', handler: sysMqUnlink },
  { ...wait, nr: Nr.mq_timedsend, name: 'mq_timedsend', args: [fd('mqdes'), inBuf('msg_ptr', 'msg_len'), size('msg_len'), uint('msg_prio'), addr('abs_timeout')], man: 'mq_timedsend(2)', handler: sysMqTimedsend },
  { ...wait, nr: Nr.mq_timedreceive, name: 'mq_timedreceive', args: [fd('mqdes'), outBuf('msg_ptr', 'return'), size('msg_len'), outBuf('msg_prio', 4), addr('abs_timeout')], man: 'mq_timedreceive(2)', handler: sysMqTimedreceive },
  { ...ipc, nr: Nr.mq_notify, name: 'mq_notify', args: [fd('mqdes'), inBuf('sevp', 64)], man: 'mq_notify(2)', handler: sysMqNotify },
  { ...ipc, nr: Nr.mq_getsetattr, name: 'mq_getsetattr', args: [fd('mqdes'), inBuf('newattr', MQ_ATTR_BYTES), outBuf('oldattr', MQ_ATTR_BYTES)], man: 'mq_getsetattr(2)', handler: sysMqGetsetattr },
];
