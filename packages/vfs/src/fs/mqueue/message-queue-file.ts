/** Open description of a POSIX message queue (mq_open(3)); read(2) shows its status. */
import { Errno } from '@troupe/abi';
import { FileDescription } from '../../file-description.js';
import type { PathNode } from '../../mount.js';
import type { MessageQueueInode } from './message-queue-inode.js';

export class MessageQueueFile extends FileDescription {
  constructor(node: PathNode, flags: number, readonly queue: MessageQueueInode) {
    super(node, flags);
    queue.files.add(this);
  }

  override read(dst: Uint8Array, offBytes: number): number {
    const at = offBytes < 0 ? this.offBytes : offBytes;
    const text = Buffer.from(this.queue.statusText(), 'latin1').subarray(at, at + dst.length);
    dst.set(text);
    if (offBytes < 0) this.offBytes += text.length;
    return text.length;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override poll(): number {
    return this.queue.readiness;
  }

  override get seekable(): boolean {
    return true;
  }

  protected override release(): void {
    this.queue.files.delete(this);
  }
}
