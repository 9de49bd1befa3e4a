/** struct sockaddr in guest memory. */
import { Errno, ErrnoError, SOCKADDR_STORAGE_BYTES } from '@troupe/abi';
import type { Task } from '../task/task.js';

export function readAddress(task: Task, at: number, sizeBytes: number): Uint8Array {
  if (sizeBytes < 0 || sizeBytes > SOCKADDR_STORAGE_BYTES) throw new ErrnoError(Errno.EINVAL);
  return task.mm.copyIn(at, sizeBytes);
}

/** Value-result: at most the room the caller named, and the true length back (accept(2)). */
export function writeAddress(task: Task, at: number, lengthAt: number, address: Uint8Array): void {
  if (at === 0) return;
  const roomBytes = task.mm.readI32(lengthAt);
  if (roomBytes < 0) throw new ErrnoError(Errno.EINVAL);
  task.mm.copyOut(at, address.subarray(0, roomBytes));
  task.mm.writeU32(lengthAt, address.length);
}
