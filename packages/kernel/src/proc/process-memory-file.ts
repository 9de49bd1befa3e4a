/** /proc/pid/mem: the memory of a process by address (proc(5)). */
import { Errno, SEEK_CUR, SEEK_SET } from '@troupe/abi';
import { FileDescription, type PathNode } from '@troupe/vfs';
import { Access } from '../mm/fault.js';
import type { Task } from '../task/task.js';

export class ProcessMemoryFile extends FileDescription {
  constructor(node: PathNode, flags: number, readonly task: Task) {
    super(node, flags);
  }

  override get seekable(): boolean {
    return true;
  }

  override get pollable(): boolean {
    return false;
  }

  override read(dst: Uint8Array, offBytes: number): number {
    return dst.length === 0 ? 0 : this._transfer(offBytes, (at) => this.task.mm.forceTransfer(at, dst, Access.READ));
  }

  override write(src: Uint8Array, offBytes: number): number {
    return src.length === 0 ? 0 : this._transfer(offBytes, (at) => this.task.mm.forceTransfer(at, src, Access.WRITE));
  }

  private _transfer(offBytes: number, copy: (at: number) => number): number {
    if (!this.task.isAlive) return 0;
    const at = offBytes < 0 ? this.offBytes : offBytes;
    const count = copy(at);
    if (count === 0) return -Errno.EIO;
    if (offBytes < 0) this.offBytes = at + count;
    return count;
  }

  override seek(offBytes: number, whence: number): number {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) return -Errno.EINVAL;
    this.offBytes = whence === SEEK_SET ? offBytes : this.offBytes + offBytes;
    return this.offBytes;
  }
}
