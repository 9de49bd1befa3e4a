/** The POSIX message queues of an IPC namespace, and telling processes about messages (mq_overview(7), mq_notify(3)). */
import { Errno, NSIG, Rlimit, Si, SigevNotify } from '@troupe/abi';
import { MessageQueueFileSystem, type MessageQueueInode, type QueueNotification } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { IpcNamespace } from '../namespace/ipc-namespace.js';
import { NetlinkSocket } from '../net/netlink-socket.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { socketOf } from './socket-transfer.js';

const COOKIE_BYTES = 32;

export function queuesOf(kernel: Kernel, namespace: IpcNamespace): MessageQueueFileSystem {
  namespace.queues ??= new MessageQueueFileSystem(kernel.vfs.environment.realtimeNs, namespace.limits.mqueue);
  return namespace.queues;
}

/** Kernel memory for the bookkeeping of one message (getrlimit(2) RLIMIT_MSGQUEUE). */
const MESSAGE_HEADER_BYTES = 48 + 48;

export const queueCost = (maxMessages: number, messageBytes: number): number => maxMessages * (MESSAGE_HEADER_BYTES + messageBytes);

/** RLIMIT_MSGQUEUE counts the queues of the real user. */
export function exceedsQueueLimit(task: Task, queues: MessageQueueFileSystem, cost: number): boolean {
  let used = 0;
  for (const queue of queues.root.queues.values()) if (queue.uid === task.creds.euid) used += queueCost(queue.maxMessages, queue.messageBytes);
  return used + cost > task.group.limits.soft(Rlimit.MSGQUEUE);
}

/** The registration, unless its process is gone or has closed the queue. */
export function currentNotification(queue: MessageQueueInode): QueueNotification | null {
  const { notification } = queue;
  if (notification === null) return null;
  const task = (notification.owner as ThreadGroup).liveTasks[0];
  const holds = task !== undefined && [...task.fds.entries()].some(([, { file }]) => file.inode === queue);
  if (!holds) removeNotification(queue);
  return queue.notification;
}

/** How the last byte of the cookie of SIGEV_THREAD ends (mq_notify(3) of the C library). */
const WOKEN_UP = 1;
const REMOVED = 2;

function sendCookie({ cookie, socket }: QueueNotification, why: number): void {
  const receiver = socket as NetlinkSocket;
  const bytes = cookie!.slice();
  bytes[COOKIE_BYTES - 1] = why;
  if (receiver.refs > 0) receiver.deliver(bytes, 0, 0);
}

/** Nobody is told any more. */
export function removeNotification(queue: MessageQueueInode): void {
  if (queue.notification?.notify === SigevNotify.THREAD) sendCookie(queue.notification, REMOVED);
  queue.notification = null;
}

/** A registration for the event of mq_notify(2), or -errno. */
export function readNotification(task: Task, at: number): Omit<QueueNotification, 'owner' | 'ownerPid'> | number {
  const event = { value: task.mm.readU64(at), signo: task.mm.readI32(at + 8), notify: task.mm.readI32(at + 12) };
  switch (event.notify) {
    case SigevNotify.NONE:
      return event;
    case SigevNotify.SIGNAL:
      return event.signo < 1 || event.signo > NSIG ? -Errno.EINVAL : event;
    case SigevNotify.THREAD: {
      const cookie = task.mm.copyIn(Number(event.value), COOKIE_BYTES);
      const socket = socketOf(task, event.signo);
      if (typeof socket === 'number') return socket;
      return socket instanceof NetlinkSocket ? { ...event, socket, cookie } : -Errno.EINVAL;
    }
    default:
      return -Errno.EINVAL;
  }
}

export function notifyOwner(sender: Task, notification: QueueNotification): void {
  const { notify, owner, signo, value } = notification;
  if (notify === SigevNotify.THREAD) sendCookie(notification, WOKEN_UP);
  if (notify !== SigevNotify.SIGNAL) return;
  sender.kernel.signals.sendToGroup(owner as ThreadGroup, { signo, code: Si.MESGQ, pid: sender.group.tgid, uid: sender.creds.uid, value });
}
