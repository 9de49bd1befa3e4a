/** Owner of the System V and POSIX message objects of its processes (ipc_namespaces(7)). */
import { ROOT_NAMESPACE_INODES, type UserNamespace } from '@troupe/abi';
import type { MessageQueueFileSystem, MessageQueueLimits } from '@troupe/vfs';
import type { MessageQueue } from '../sysv/message-queue.js';
import { ObjectTable } from '../sysv/object-table.js';
import type { SemaphoreSet } from '../sysv/semaphore-set.js';
import type { SharedSegment } from '../sysv/shared-segment.js';

/** Limits as /proc/sys/kernel shows them (proc(5)); the defaults of Linux. */
export class IpcLimits {
  shmmax = 18446744073692774399n;
  shmall = 18446744073692774399n;
  shmmni = 4096;
  /** SEMMSL SEMMNS SEMOPM SEMMNI. */
  sem: [number, number, number, number] = [32000, 1024000000, 500, 32000];
  msgmax = 8192;
  msgmnb = 16384;
  msgmni = 32000;
  readonly mqueue: MessageQueueLimits = { msgDefault: 10, msgMax: 10, msgSizeDefault: 8192, msgSizeMax: 8192, queuesMax: 256 };
}

export class IpcNamespace {
  readonly kind = 'ipc';
  readonly limits = new IpcLimits();
  readonly segments = new ObjectTable<SharedSegment>(this.limits.shmmni);
  readonly semaphores = new ObjectTable<SemaphoreSet>(this.limits.sem[3]);
  readonly messages = new ObjectTable<MessageQueue>(this.limits.msgmni);

  /** POSIX message queues; null until the first use. */
  queues: MessageQueueFileSystem | null = null;

  constructor(readonly userNamespace: UserNamespace, readonly inode: number = ROOT_NAMESPACE_INODES.ipc) {}
}
