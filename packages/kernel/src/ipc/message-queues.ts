/** The POSIX message queues of an IPC namespace, and telling processes about messages (mq_overview(7), mq_notify(3)). */
import { Rlimit, Si, SigevNotify } from '@troupe/abi';
import { MessageQueueFileSystem, type MessageQueueInode, type QueueNotification } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { IpcNamespace } from '../namespace/ipc-namespace.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';

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
  if (!holds) queue.notification = null;
  return queue.notification;
}

export function notifyOwner(sender: Task, { notify, owner, signo, value }: QueueNotification): void {
  if (notify !== SigevNotify.SIGNAL) return;
  sender.kernel.signals.sendToGroup(owner as ThreadGroup, { signo, code: Si.MESGQ, pid: sender.group.tgid, uid: sender.creds.uid, value });
}
