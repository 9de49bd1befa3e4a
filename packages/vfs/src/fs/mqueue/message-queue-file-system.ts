/** The mqueue file system: the POSIX message queues of one IPC namespace as files of one directory (mq_overview(7)). */
import { Errno, S_IFDIR, S_IFMT, S_IFREG } from '@troupe/abi';
import { Dentry } from '../../dentry.js';
import { DirectoryFile } from '../../directory-file.js';
import type { FileDescription } from '../../file-description.js';
import { anonymousDev, type FileSystem } from '../../file-system.js';
import { Inode } from '../../inode.js';
import { Mount, PathNode } from '../../mount.js';
import type { AttrChange, DirEntry, LookupResult, NewInode, Stat, StatFs } from '../../types.js';
import { MessageQueueInode } from './message-queue-inode.js';

const MQUEUE_MAGIC = 0x19800202;

/** /proc/sys/fs/mqueue (mq_overview(7)). */
export interface MessageQueueLimits {
  msgDefault: number;
  msgMax: number;
  msgSizeDefault: number;
  msgSizeMax: number;
  queuesMax: number;
}

export class MessageQueueFileSystem implements FileSystem {
  readonly type = 'mqueue';
  readonly dev = anonymousDev();
  readonly volatileNames = true;
  readonly options = '';
  readonly root: MessageQueueDirectory;
  private readonly _mount: Mount;
  private _nextIno = 2;

  constructor(readonly realtimeNs: () => bigint, readonly limits: MessageQueueLimits) {
    this.root = new MessageQueueDirectory(this);
    this._mount = new Mount(0, this, new Dentry(null, '', this.root), 0, 'mqueue');
  }

  /** A place for mq_open(3), which needs no mount of the file system. */
  nodeOf(name: string, queue: MessageQueueInode): PathNode {
    return new PathNode(this._mount, new Dentry(this._mount.root, name, queue));
  }

  makeQueue(init: NewInode, maxMessages: number, messageBytes: number): MessageQueueInode {
    return new MessageQueueInode(this, this._nextIno++, init, maxMessages, messageBytes);
  }

  revalidate(_parent: Inode, dentry: Dentry): boolean {
    return (this.root.queues.get(dentry.name) ?? null) === dentry.inode;
  }

  statFs(): StatFs {
    return { type: MQUEUE_MAGIC, blockBytes: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0, nameMax: 255, flags: 0 };
  }

  sync(): number {
    return 0;
  }
}

export class MessageQueueDirectory extends Inode {
  readonly queues = new Map<string, MessageQueueInode>();

  constructor(readonly queueFileSystem: MessageQueueFileSystem) {
    super(queueFileSystem, 1, S_IFDIR | 0o1777, 0, 0);
  }

  override stat(): Stat {
    const timeNs = this.queueFileSystem.realtimeNs();
    return {
      dev: this.fs.dev, ino: this.ino, mode: this.mode, nlink: 2, uid: this.uid, gid: this.gid, rdev: 0, sizeBytes: (this.queues.size + 2) * 20, blockBytes: 4096, blocks: 0,
      atimeNs: timeNs, mtimeNs: timeNs, ctimeNs: timeNs, btimeNs: 0n,
    };
  }

  override setAttr(change: AttrChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & ~0o7777) | change.mode;
    return 0;
  }

  override open(node: PathNode, flags: number): FileDescription {
    return new DirectoryFile(node, flags);
  }

  override lookup(name: string): LookupResult {
    return this.queues.get(name) ?? -Errno.ENOENT;
  }

  /** open(2) with O_CREAT: a queue with the default attributes. */
  override create(name: string, init: NewInode): LookupResult {
    const { limits } = this.queueFileSystem;
    if ((init.mode & S_IFMT) !== S_IFREG) return -Errno.EPERM;
    return this.add(name, init, limits.msgDefault, limits.msgSizeDefault);
  }

  add(name: string, init: NewInode, maxMessages: number, messageBytes: number): MessageQueueInode {
    const queue = this.queueFileSystem.makeQueue(init, maxMessages, messageBytes);
    this.queues.set(name, queue);
    return queue;
  }

  override unlink(name: string): number {
    const queue = this.queues.get(name);
    if (queue === undefined) return -Errno.ENOENT;
    this.queues.delete(name);
    queue.isLinked = false;
    return 0;
  }

  override entries(): DirEntry[] {
    return [...this.queues].map(([name, { ino }]) => ({ name, ino, type: S_IFREG }));
  }
}
