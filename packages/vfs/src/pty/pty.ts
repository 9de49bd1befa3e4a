/**
 * A pseudoterminal pair (pty(7)): the slave is a terminal whose driver is the master's read queue.
 *
 * Owns: bytes on their way to the master, packet-mode status, lock, which sides are open.
 */
import { Cc, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDNORM, EPOLLWRNORM, Errno, Iflag, Lflag, Tiocpkt, WaitQueue, type Termios } from '@troupe/abi';
import type { Clock } from '@troupe/time';
import { ByteRing } from '../pipe/byte-ring.js';
import type { JobControl } from '../tty/job-control.js';
import { Tty, type TtyDriver } from '../tty/tty.js';

/** Room a writer of the slave sees; echo may exceed it. */
const WRITE_ROOM_BYTES = 65536;
const ECHO_RESERVE_BYTES = 65536;

/** Told when neither side is open any more. */
export interface PtyOwner {
  bothClosed(pty: Pty): void;
}

export class Pty implements TtyDriver {
  readonly tty: Tty;
  readonly masterWaiters = new WaitQueue();
  private readonly _output = new ByteRing(WRITE_ROOM_BYTES + ECHO_RESERVE_BYTES);
  /** The slave cannot be opened until unlockpt(3). */
  isLocked = true;
  isPacketMode = false;
  /** TIOCPKT_* bits the master has not read. */
  private _status = 0;
  isMasterOpen = true;
  /** The slave was open and no longer is: the master reads EIO. */
  private _isSlaveClosed = false;

  constructor(readonly index: number, device: number, jobs: JobControl, clock: Clock, readonly owner: PtyOwner) {
    this.tty = new Tty(`/dev/pts/${index}`, device, this, jobs, clock);
  }

  // Slave side (TtyDriver) -----------------------------------------------------------------------

  get writeRoom(): number {
    return this.isMasterOpen ? Math.max(0, WRITE_ROOM_BYTES - this._output.length) : WRITE_ROOM_BYTES;
  }

  write(bytes: Uint8Array): void {
    if (!this.isMasterOpen) return;
    this._output.push(bytes);
    this.masterWaiters.wake(EPOLLIN | EPOLLRDNORM);
  }

  /** What the master can read already is not taken back. */
  flush(): void {
    this._report(Tiocpkt.FLUSHWRITE);
  }

  inputFlushed(): void {
    this._report(Tiocpkt.FLUSHREAD);
    this.masterWaiters.wake(EPOLLOUT | EPOLLWRNORM);
  }

  flowChanged(isStopped: boolean): void {
    this._report(isStopped ? Tiocpkt.STOP : Tiocpkt.START);
  }

  attributesChanged(old: Termios, next: Termios): void {
    const wasFlow = hasStandardFlow(old);
    const isFlow = hasStandardFlow(next);
    if (wasFlow !== isFlow) this._report(isFlow ? Tiocpkt.DOSTOP : Tiocpkt.NOSTOP);
    if ((next.lflag & Lflag.EXTPROC) !== 0 || ((old.lflag ^ next.lflag) & Lflag.EXTPROC) !== 0) this._report(Tiocpkt.IOCTL);
  }

  opened(): void {
    this._isSlaveClosed = false;
  }

  closed(): void {
    this._isSlaveClosed = true;
    this.masterWaiters.wake(EPOLLIN | EPOLLHUP, Infinity);
    if (!this.isMasterOpen) this.owner.bothClosed(this);
  }

  // Master side ----------------------------------------------------------------------------------

  masterRead(dst: Uint8Array): number {
    if (dst.length === 0) return 0;
    if (this.isPacketMode && this._status !== 0) {
      dst[0] = this._status;
      this._status = 0;
      return 1;
    }
    if (this._output.length === 0) return this._isSlaveClosed ? -Errno.EIO : -Errno.EAGAIN;
    const header = this.isPacketMode ? 1 : 0;
    if (header === 1) dst[0] = Tiocpkt.DATA;
    const count = this._output.shift(dst.subarray(header));
    this.tty.outputReady();
    return header + count;
  }

  masterWrite(src: Uint8Array): number {
    if (this._isSlaveClosed && this.tty.openCount === 0) return -Errno.EIO;
    if (src.length === 0) return 0;
    const count = this.tty.receive(src);
    return count === 0 ? -Errno.EAGAIN : count;
  }

  masterPoll(): number {
    const hasStatus = this.isPacketMode && this._status !== 0;
    const isReadable = this._output.length > 0 || hasStatus;
    const isWritable = this.tty.discipline.input.room > 0;
    return (isReadable ? EPOLLIN | EPOLLRDNORM : 0) | (isWritable ? EPOLLOUT | EPOLLWRNORM : 0) | (hasStatus ? EPOLLPRI : 0) | (this._isSlaveClosed ? EPOLLHUP : 0);
  }

  get outputBytes(): number {
    return this._output.length;
  }

  setPacketMode(isPacketMode: boolean): void {
    if (isPacketMode && !this.isPacketMode) this._status = 0;
    this.isPacketMode = isPacketMode;
  }

  masterClosed(): void {
    this.isMasterOpen = false;
    this._output.clear();
    this.tty.hangUp();
    if (this.tty.openCount === 0) this.owner.bothClosed(this);
  }

  private _report(bits: number): void {
    if (!this.isPacketMode) return;
    const opposite = bits === Tiocpkt.STOP ? Tiocpkt.START : bits === Tiocpkt.START ? Tiocpkt.STOP : bits === Tiocpkt.DOSTOP ? Tiocpkt.NOSTOP : bits === Tiocpkt.NOSTOP ? Tiocpkt.DOSTOP : 0;
    this._status = (this._status & ~opposite) | bits;
    this.masterWaiters.wake(EPOLLIN | EPOLLPRI);
  }
}

/** XON/XOFF with the usual characters: the master may handle it locally (ioctl_tty(2) TIOCPKT_DOSTOP). */
function hasStandardFlow(termios: Termios): boolean {
  return (termios.iflag & Iflag.IXON) !== 0 && termios.cc[Cc.VSTOP] === 19 && termios.cc[Cc.VSTART] === 17;
}
