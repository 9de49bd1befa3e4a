/** The master side of a pseudoterminal: what opening /dev/ptmx gives (pts(4), ioctl_tty(2)). */
import { Errno, Ioctl, type WaitQueue } from '@troupe/abi';
import { FileDescription } from '../file-description.js';
import type { PathNode } from '../mount.js';
import { ttyIoctl } from '../tty/tty-ioctl.js';
import type { IoctlCaller } from '../types.js';
import type { Pty } from './pty.js';

const TIOCSIG = 0x40045436;

export class PtyMaster extends FileDescription {
  override readonly waiters: WaitQueue;

  constructor(node: PathNode, flags: number, readonly pty: Pty) {
    super(node, flags);
    this.waiters = pty.masterWaiters;
  }

  override read(dst: Uint8Array): number {
    return this.pty.masterRead(dst);
  }

  override write(src: Uint8Array): number {
    return this.pty.masterWrite(src);
  }

  override poll(): number {
    return this.pty.masterPoll();
  }

  override bytesReadable(): number {
    return this.pty.outputBytes;
  }

  override ioctl(request: number, arg: number, caller: IoctlCaller): number {
    const { pty } = this;
    const { memory } = caller;
    switch (request) {
      case Ioctl.TIOCGPTN:
        memory.writeU32(arg, pty.index);
        return 0;
      case Ioctl.TIOCSPTLCK:
        pty.isLocked = memory.readI32(arg) !== 0;
        return 0;
      case Ioctl.TIOCGPTLCK:
        memory.writeU32(arg, pty.isLocked ? 1 : 0);
        return 0;
      case Ioctl.TIOCPKT:
        pty.setPacketMode(memory.readI32(arg) !== 0);
        return 0;
      case Ioctl.TIOCGPKT:
        memory.writeU32(arg, pty.isPacketMode ? 1 : 0);
        return 0;
      case TIOCSIG:
        if (arg < 1 || arg > 64) return -Errno.EINVAL;
        pty.tty.signal(arg);
        return 0;
      default:
        return ttyIoctl(pty.tty, 'master', request, arg, caller);
    }
  }

  override fdInfo(): string {
    return `tty-index:\t${this.pty.index}\n`;
  }

  protected override release(): void {
    this.pty.masterClosed();
  }
}
