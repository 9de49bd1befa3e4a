/** The common part of the send and receive calls: one message, waiting as the socket and the flags say. */
import { EPOLLIN, EPOLLOUT, Errno, Msg, Si, Sig } from '@troupe/abi';
import type { FileDescription, IncomingMessage, OutgoingMessage, Socket, SocketCaller } from '@troupe/vfs';
import { Socket as SocketClass } from '@troupe/vfs';
import { block, waitOn, type Block } from '../syscall/row.js';
import type { Task } from '../task/task.js';
import { contextOf } from './caller.js';
import { credentialsOf } from './control-message.js';
import { callDeadlineNs, isDue } from './deadline.js';

export function socketCaller(task: Task): SocketCaller {
  return { vfs: task.kernel.vfs, ctx: contextOf(task), credentials: credentialsOf(task) };
}

/** The socket behind a descriptor, or -EBADF, -ENOTSOCK. */
export function socketOf(task: Task, fd: number): Socket | number {
  const file: FileDescription | null = task.fds.getOpen(fd);
  if (!file) return -Errno.EBADF;
  return file instanceof SocketClass ? file : -Errno.ENOTSOCK;
}

/** Bytes a send transferred before it had to wait; kept in the state of the call. */
interface Progress {
  readonly deadlineNs: number;
  doneBytes: number;
}

/** Progress of the call; also of calls that never waited. */
export function progressOf(task: Task, timeoutNs: number): Progress {
  const deadlineNs = callDeadlineNs(task, () => timeoutNs);
  const state = task.syscall!;
  const data = state.data as { deadlineNs: number; doneBytes?: number };
  if (data.doneBytes === undefined) state.data = { deadlineNs, doneBytes: 0 };
  return state.data as Progress;
}

/** What a wait that a signal ends gives: the bytes so far, if any. */
export function progressOnInterrupt(task: Task): number | undefined {
  const data = task.syscall?.data as { doneBytes?: number } | undefined;
  return data?.doneBytes ? data.doneBytes : undefined;
}

function mustNotWait(socket: Socket, flags: number): boolean {
  return socket.nonBlocking || (flags & Msg.DONTWAIT) !== 0;
}

/** A message whose bytes are staged piece by piece out of guest memory. */
export interface StagedMessage extends Omit<OutgoingMessage, 'data'> {
  readonly totalBytes: number;
  /** The next piece behind `skip` bytes; a datagram is one piece. */
  stage(skip: number): Uint8Array;
}

/** Sends all of a stream message, or one datagram. Passed files go with the first byte. */
export function sendOrWait(task: Task, socket: Socket, message: StagedMessage): number | Block {
  const caller = socketCaller(task);
  const progress = progressOf(task, socket.sendTimeoutNs);
  const { credentials, flags, to } = message;
  for (;;) {
    const rights = progress.doneBytes === 0 ? message.rights : [];
    const count = socket.send({ data: message.stage(progress.doneBytes), flags, to, rights, credentials }, caller);
    if (count === -Errno.EAGAIN && !mustNotWait(socket, flags)) {
      if (isDue(task, progress.deadlineNs)) return progress.doneBytes || -Errno.EAGAIN;
      const queues = socket.sendQueues(to, caller).map((queue) => ({ queue, events: EPOLLOUT }));
      return progress.deadlineNs === Infinity ? block(queues) : block(queues, progress.deadlineNs);
    }
    if (count < 0) return sendFailed(task, flags, count, progress.doneBytes);
    progress.doneBytes += count;
    if (progress.doneBytes >= message.totalBytes) return progress.doneBytes;
  }
}

function sendFailed(task: Task, flags: number, error: number, doneBytes: number): number {
  if (doneBytes > 0) return doneBytes;
  if (error === -Errno.EPIPE && (flags & Msg.NOSIGNAL) === 0) task.kernel.signals.sendToTask(task, { signo: Sig.PIPE, code: Si.USER, pid: task.group.tgid, uid: task.creds.uid });
  return error;
}

/** Receives one message, or waits for it. The timeout was fixed by progressOf. */
export function receiveOrWait(task: Task, socket: Socket, dst: Uint8Array, flags: number): IncomingMessage | number | Block {
  const { deadlineNs } = progressOf(task, socket.receiveTimeoutNs);
  const result = socket.receive(dst, flags);
  if (result !== -Errno.EAGAIN || mustNotWait(socket, flags)) return result;
  return isDue(task, deadlineNs) ? -Errno.EAGAIN : waitOn(socket.waiters, EPOLLIN, deadlineNs);
}
